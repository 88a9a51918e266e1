"""Takes readings out of what was judged: a patient's alerts as if those readings had never been, with their history.

Episodes are recomputed without them. An alert that nothing supports any more is withdrawn by the usual way; one that
other readings still support stands as they say, and what the gone readings did to it (made it worse, opened it again,
joined it with another) is put back, as far as its history tells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hearthline_backend.alerting import calling, holding, report_ends
from hearthline_backend.alerting.as_it_was import ADDED, BEFORE, CAUSE, level_of, put_back
from hearthline_backend.alerting.keeping import AlertKeeper, Changed, PatientFile
from hearthline_backend.alerting.looks import kinds_of
from hearthline_backend.alerting.reconciling import Known, match
from hearthline_backend.domain.episodes import Episode, episodes_of
from hearthline_backend.domain.evaluation import Evaluation, evaluate, reach
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.ports import PatientReading, ReadingStore
from hearthline_backend.storage.records.alerts import Alert, AlertEvent, AlertState, Happened, Outcome
from hearthline_backend.storage.records.calls import Occasion, Task
from hearthline_backend.storage.records.unit import Unit

_BY_PEOPLE: Final = (*holding.BY_PEOPLE, *holding.UNDONE, Happened.CAME_BACK)
_BY_READINGS: Final = (Happened.WORSENED, Happened.REOPENED, Happened.RETURNED)


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at again. Inside ``start`` to ``end`` every rule's episodes are exact once ``reach`` is left."""

    times: tuple[datetime, ...]
    margin: timedelta

    @property
    def start(self) -> datetime:
        """Where the window of readings begins."""
        return min(self.times) - self.margin

    @property
    def end(self) -> datetime:
        """Where it ends."""
        return max(self.times) + self.margin


async def touched_span(unit: Unit, gone: Sequence[PatientReading], rule_id: str, longest: timedelta) -> Span:
    """Around readings that are gone, as they stood, and the whole length of every alert they may have changed."""
    times = [one.effective_time for one in gone]
    patient_id = gone[0].patient_id
    near = await unit.alerts.touching([patient_id], min(times) - longest, max(times) + longest)
    alerts = [*near.get(patient_id, ())]
    for one in gone:
        alerts += await unit.alerts.with_reading(one.id)
    for alert in alerts:
        if alert.patient_id == patient_id and alert.rule_id == rule_id:
            times += [alert.effective_time, alert.last_effective_time]
    return Span(tuple(times), 2 * longest)


async def take_out(
    store: ReadingStore, file: PatientFile, rule_id: str, gone: Sequence[PatientReading], span: Span
) -> list[Changed]:
    """Bring a rule's alerts up to date without these readings, all of one patient and of kinds that the rule looks at,
    given as they stood. ``file`` holds every alert within ``span``."""
    ids = {one.id for one in gone}
    stored = [
        one
        for kind in sorted(kinds_of(file.history, rule_id))
        for one in await store.window(file.patient.id, kind, span.start, span.end)
    ]
    window = {one.id: one for one in stored if one.id not in ids and not one.content.synthetic}
    with_them = [*window.values(), *(one for one in gone if not one.content.synthetic)]
    before = episodes_of(_evaluated(file, rule_id, with_them))
    known = [one for one in file.alerts if one.alert.rule_id == rule_id]
    return await _OneRule(file, rule_id, window, before, frozenset(ids)).bring_up_to_date(known, span)


def _evaluated(file: PatientFile, rule_id: str, readings: Iterable[PatientReading]) -> tuple[Evaluation, ...]:
    observations = (Observation.of(one.reading) for one in readings)
    return evaluate(observations, file.history, rule_id, file.patient.time_zone, told=())


class _OneRule:
    """``before`` are the episodes as they were with the readings that are gone."""

    def __init__(
        self,
        file: PatientFile,
        rule_id: str,
        window: Mapping[UUID, PatientReading],
        before: Sequence[Episode],
        gone: frozenset[UUID],
    ) -> None:
        self._file = file
        self._rule_id = rule_id
        self._window = window
        self._gone = gone
        self._evaluations = _evaluated(file, rule_id, window.values())
        self._episodes = episodes_of(self._evaluations)
        same = set(self._episodes)
        self._other = frozenset(reading for one in before if one not in same for reading in one.readings)
        self._openers: dict[int, UUID] = {}
        self._changed: list[Changed] = []

    async def bring_up_to_date(self, known: Sequence[Known], span: Span) -> list[Changed]:
        standing = {one.alert.id: one for one in known}
        self._openers = {one.alert.id: one.alert.episode for one in known if await self._counts(one)}
        for one in known:
            if one.alert.state is not AlertState.WITHDRAWN and not one.readings.isdisjoint(self._gone | self._other):
                standing[one.alert.id] = await self._restate(one)
        for one in list(standing.values()):
            standing[one.alert.id] = await self._revive(one, list(standing.values()))
        around = reach(self._file.history, self._rule_id)
        keeper = AlertKeeper(self._file, self._evaluations, self._window, frozenset(), self._gone)
        matching = match(self._episodes, list(standing.values()), min(span.times) - around, max(span.times) + around)
        return [*self._changed, *await keeper.keep(matching)]

    async def _counts(self, one: Known) -> bool:
        """Whether an alert stands, or would but for a reading that is gone."""
        if one.alert.state is not AlertState.WITHDRAWN:
            return True
        last = await self._end_of(one.alert)
        return last is not None and not {str(reading) for reading in self._gone}.isdisjoint(last.detail.get(CAUSE, ()))

    async def _restate(self, one: Known) -> Known:
        """One that rested on a gone reading: what the others say of it, or nothing to hold it."""
        events = await self._file.unit.alerts.events(one.alert.id)
        mine = self._mine(one)
        theirs = {reading for episode in self._episodes if episode not in mine for reading in episode.readings}
        own = one.readings - self._gone - theirs
        if not mine:
            return Known(one.alert, own)
        if own != one.readings:
            await self._file.unit.alerts.unlink(one.alert.id, one.readings - own)
        alert = _as_told(one.alert, mine)
        cause = self._cause(events)
        if cause is not None and self._undoes(alert, mine, cause):
            alert = put_back(alert, cause)
        if alert.level is Level.YELLOW:
            alert = replace(alert, review=False, review_by=None)
        closes = alert.state.live and alert.cleared and alert.level is Level.YELLOW
        if closes:
            alert = replace(alert, state=AlertState.RESOLVED, outcome=Outcome.CLEARED, resolved_at=self._file.now)
        await self._save(one.alert, alert, Happened.CLOSED if closes else None)
        return Known(alert, own)

    def _mine(self, one: Known) -> list[Episode]:
        """The episodes that belong to an alert: those it has a part in, but for one in which another was opened."""
        openers = {opener for number, opener in self._openers.items() if number != one.alert.id}
        return [
            episode
            for episode in self._episodes
            if not one.readings.isdisjoint(episode.readings)
            and (one.alert.episode in episode.readings or openers.isdisjoint(episode.readings))
        ]

    def _cause(self, events: Sequence[AlertEvent]) -> Mapping[str, Any] | None:
        """How the alert stood before a gone reading last changed it, unless a person has acted on it since."""
        gone = {str(one) for one in self._gone}
        for event in reversed(events):
            if event.what in _BY_PEOPLE:
                return None
            if event.what in _BY_READINGS:
                before = event.detail.get(BEFORE)
                return before if before is not None and not gone.isdisjoint(event.detail.get(ADDED, ())) else None
        return None

    def _undoes(self, alert: Alert, mine: Sequence[Episode], before: Mapping[str, Any]) -> bool:
        """Whether nothing else speaks for how the alert stands now."""
        if alert.level.rank > level_of(before).rank:
            return False
        was = put_back(alert, before)
        if was.state is not AlertState.RESOLVED:
            return was.state.live
        if was.outcome is Outcome.CLEARED:
            return alert.cleared
        members = {reading_id for episode in mine for reading_id in episode.readings}
        return not any(
            one.level is Level.RED and was.resolved_at is not None and one.observation.effective_time > was.resolved_at
            for one in self._evaluations
            if one.observation.reading_id in members
        )

    async def _revive(self, one: Known, everybody: Sequence[Known]) -> Known:
        """One that a gone reading withdrew, joined with another or closed, and that an episode supports again."""
        ended = one.alert.state is AlertState.WITHDRAWN or one.alert.outcome is Outcome.CLEARED
        held = {
            reading
            for other in everybody
            if other.alert.id != one.alert.id and other.alert.state.live
            for reading in other.readings
        }
        mine = [episode for episode in self._mine(one) if held.isdisjoint(episode.readings)]
        if not ended or not mine or (one.alert.state is AlertState.RESOLVED and mine[-1].cleared):
            return one
        last = await self._end_of(one.alert)
        if last is None or BEFORE not in last.detail:
            return one
        alert = put_back(_as_told(one.alert, mine), last.detail[BEFORE])
        if not alert.state.live or alert.level.rank > level_of(last.detail[BEFORE]).rank:
            return one
        await self._save(one.alert, alert)
        await self._go_on(alert)
        await report_ends.alert_returned(self._file.unit, alert.id, self._file.now)
        return Known(alert, one.readings)

    async def _end_of(self, alert: Alert) -> AlertEvent | None:
        """How it ended by readings, the last time."""
        ends = (Happened.WITHDRAWN, Happened.MERGED, Happened.CLOSED)
        events = await self._file.unit.alerts.events(alert.id)
        return next((event for event in reversed(events) if event.what in ends and "from" not in event.detail), None)

    async def _go_on(self, alert: Alert) -> None:
        """What its end had stopped: a red that nobody has is called for unless somebody takes it soon."""
        unit, now, timing = self._file.unit, self._file.now, self._file.timing
        if alert.review and alert.review_by is not None:
            await unit.calls.plan(Task.COME_BACK, alert.id, max(alert.review_by, now), {"review": True})
        elif alert.level is Level.RED and alert.state is AlertState.OPEN:
            await calling.call_later(unit, alert, Occasion.REOPENED, now + timing.escalate_after)
        elif alert.level is Level.RED and alert.owned_at is not None:
            await unit.calls.plan(Task.COME_BACK, alert.id, max(alert.owned_at + timing.come_back_after, now), {})

    async def _save(self, before: Alert, after: Alert, then: Happened | None = None) -> None:
        if after == before:
            return
        unit, now = self._file.unit, self._file.now
        await unit.alerts.save(after)
        readings = sorted(str(one) for one in self._gone)
        detail = {"readings": readings, "level": after.level.value, "state": after.state.value}
        await unit.alerts.record(after.id, now, Happened.CORRECTED, detail=detail)
        if then is not None:
            await unit.alerts.record(after.id, now, then)
        eased = (before.shown_level, before.state) != (after.shown_level, after.state)
        if eased and before.state.live:
            await unit.calls.cancel(after.id)
            await unit.calls.call_off(after.id, now, "a reading was corrected")
            if after.state.live:
                await self._go_on(after)
        what = Happened.CORRECTED
        self._changed.append(Changed(after.id, after.patient_id, self._file.team.id, what, called=False))


def _as_told(alert: Alert, mine: Sequence[Episode]) -> Alert:
    """The alert as these episodes alone tell it, oldest first."""
    level = max((one.level for one in mine), key=lambda one: one.rank)
    worst = [one for one in mine if one.level is level]
    holding = [one for one in worst if alert.worst_reading in one.readings]
    return replace(
        alert,
        level=level,
        cleared=mine[-1].cleared,
        effective_time=min(one.first_time for one in mine),
        last_effective_time=max(one.last_time for one in mine),
        worst_reading=(holding or worst)[-1].worst_reading,
    )
