"""Brings one patient's alerts of one rule up to date with its episodes: raise, grow, reopen, clear, withdraw, call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from hearthline_backend.alerting import calling, policy, report_ends
from hearthline_backend.alerting.agreement import Agreed
from hearthline_backend.alerting.as_it_was import ADDED, BEFORE, CAUSE, kept
from hearthline_backend.alerting.policy import Case, Decision
from hearthline_backend.alerting.reconciling import Held, Known, Matching
from hearthline_backend.alerting.timing import Timing
from hearthline_backend.domain.episodes import Episode, Turn
from hearthline_backend.domain.evaluation import Evaluation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.schedule import review_deadline
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened, Outcome
from hearthline_backend.storage.records.calls import Occasion, Task
from hearthline_backend.storage.records.care import Patient, Team
from hearthline_backend.storage.records.people import OnCall
from hearthline_backend.storage.records.snoozes import Snooze, direction_of
from hearthline_backend.storage.records.unit import Unit

_OCCASIONS: Final = {
    Happened.RAISED: Occasion.RAISED,
    Happened.WORSENED: Occasion.WORSENED,
    Happened.REOPENED: Occasion.REOPENED,
}


@dataclass(frozen=True, slots=True)
class PatientFile:
    """What is the same for every rule of a patient during one judgement."""

    unit: Unit
    patient: Patient
    team: Team
    history: tuple[Plan, ...]
    alerts: tuple[Known, ...]
    on_call: tuple[OnCall, ...]
    agreed: Agreed
    timing: Timing
    now: datetime
    latest: Mapping[str, PatientReading] = field(default_factory=dict)
    """By kind the newest reading with a value."""
    snoozes: tuple[Snooze, ...] = ()
    """Those in force."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One alert that is not as it was. ``what`` is the last thing that happened to it."""

    alert_id: int
    patient_id: UUID
    team_id: UUID
    what: Happened
    called: bool


@dataclass(frozen=True, slots=True)
class Turned:
    """An alert that was raised, got worse or was opened again, as it stands after that. ``evaluations`` are of its
    readings past a limit, ``readings`` these and those its opening rests on."""

    alert: Alert
    decision: Decision
    evaluations: tuple[Evaluation, ...]
    readings: Mapping[UUID, PatientReading]

    @property
    def calls(self) -> bool:
        """Whether somebody is called for it as if it were now: at once, or when quiet hours are over."""
        if self.decision.review:
            return False
        waits = self.decision.waits
        return self.decision.call is not None or (waits is not None and waits[0] is Task.CALL_AFTER_QUIET)


class AlertKeeper:
    """Applies one matching. ``fresh`` are the readings being judged now; ``decisions`` tells afterwards who was to be
    called for which reading, and why; ``turned`` are the alerts that ask for somebody anew.

    ``gone`` are readings that no longer count, where that is why we look again: whatever follows rests on readings that
    were judged before, and calls nobody at once.
    """

    def __init__(
        self,
        file: PatientFile,
        evaluations: tuple[Evaluation, ...],
        window: Mapping[UUID, PatientReading],
        fresh: frozenset[UUID],
        gone: frozenset[UUID] = frozenset(),
    ) -> None:
        self._file = file
        self._evaluations = evaluations
        self._by_id = {one.observation.reading_id: one for one in evaluations}
        self._window = window
        self._fresh = fresh
        self._gone = gone
        self.decisions: list[tuple[UUID, Decision]] = []
        self.turned: list[Turned] = []

    async def keep(self, matching: Matching) -> list[Changed]:
        """Write what follows; returns the alerts that changed."""
        changed = [await self._withdraw(known) for known in matching.withdrawn]
        for held in matching.held:
            if held.known is None:
                changed += await self._raise(held.episodes[0])
            else:
                changed += await self._grow(held.known, held)
        return changed

    # --- new ---

    async def _raise(self, episode: Episode) -> list[Changed]:
        file = self._file
        alert, new = await file.unit.alerts.add(_alert_of(episode, file.patient.id, file.now))
        if not new:
            return await self._come_again(alert, episode)
        await file.unit.alerts.link(alert.id, (*episode.evidence, *episode.readings))
        detail = {"reading": str(episode.opened_by), "level": episode.level.value, "plan_version": episode.plan_version}
        decision = self._decide(Happened.RAISED, alert, self._worst_newest(episode, alert.level))
        await self._record(alert, Happened.RAISED, detail | {"policy": decision.as_json()})
        if alert.cleared:
            await self._record(alert, Happened.CLEARED, {"reading": str(episode.transitions[-1].reading_id)})
        return [await self._settle(alert, alert, Happened.RAISED, decision, (episode,))]

    async def _come_again(self, alert: Alert, episode: Episode) -> list[Changed]:
        """An alert that this very reading opened before: far away in time, until its time was corrected."""
        linked = await self._file.unit.alerts.readings_of([alert.id])
        return await self._grow(Known(alert, linked[alert.id]), Held(None, (episode,)))

    # --- known ---

    async def _grow(self, known: Known, held: Held) -> list[Changed]:
        before, newest = known.alert, held.episodes[-1]
        added = frozenset(one for episode in held.episodes for one in episode.readings) - known.readings
        after = _grown(before, held)
        await self._file.unit.alerts.link(before.id, added)
        await self._merge(before, held.merged)
        after = await self._note_split(after, held)
        what = self._what(before, after, newest, added)
        if what is None:
            if after != before:
                await self._file.unit.alerts.save(after)
            return []
        decision = self._decide(what, after, self._worst_newest(newest, after.level))
        detail = _grown_detail(before, after, newest)
        if what in _OCCASIONS or what is Happened.RETURNED:
            detail |= {ADDED: sorted(str(one) for one in added), BEFORE: kept(before)}
        await self._record(before, what, detail | ({"policy": decision.as_json()} if what in _OCCASIONS else {}))
        return [await self._settle(before, after, what, decision, held.episodes)]

    def _what(self, before: Alert, after: Alert, newest: Episode, added: frozenset[UUID]) -> Happened | None:
        """What the new readings did to the alert; None for nothing that anybody has to know."""
        worse = after.level.rank > before.level.rank
        if before.state is AlertState.WITHDRAWN:
            return Happened.REOPENED
        if before.state is AlertState.RESOLVED and before.outcome is not Outcome.CLEARED:
            return Happened.REOPENED if worse or self._red_since(before, added) else None
        if before.state is AlertState.RESOLVED and worse:
            return Happened.REOPENED
        if worse or (before.review and self._red_now(added)):
            return Happened.WORSENED
        if before.cleared != after.cleared:
            return Happened.CLEARED if after.cleared else Happened.RETURNED
        last = newest.transitions[-1]
        return Happened.EASED if last.turn is Turn.EASED and last.reading_id in self._fresh else None

    def _red_since(self, before: Alert, added: frozenset[UUID]) -> bool:
        """A red measured after somebody resolved the alert: what was resolved has happened again."""
        ended = before.resolved_at
        return any(ended is None or one.observation.effective_time > ended for one in self._reds(added))

    def _red_now(self, added: frozenset[UUID]) -> bool:
        """A red young enough to call somebody as if it were now."""
        readings = [self._window[one.observation.reading_id].reading for one in self._reds(added)]
        ages = [policy.age(reading, self._file.now) for reading in readings]
        return any(age is not None and age <= self._file.timing.page_age_red for age in ages)

    def _reds(self, ids: frozenset[UUID]) -> list[Evaluation]:
        return [self._by_id[one] for one in ids if one in self._by_id and self._by_id[one].level is Level.RED]

    # --- what follows ---

    def _worst_newest(self, episode: Episode, level: Level) -> PatientReading:
        """The newest reading at this level: the one whose age decides whether anybody is called."""
        at_level = [one for one in episode.readings if self._by_id[one].level is level]
        return self._window[(at_level or episode.readings)[-1]]

    def _decide(self, what: Happened, alert: Alert, deciding: PatientReading) -> Decision:
        file = self._file
        order = (deciding.reading.effective_time, deciding.reading.id)
        newer = any(one.observation.quality.judged and one.observation.order > order for one in self._evaluations)
        last = file.latest.get(alert.kind)  # it may lie far outside of the window
        newer = newer or (last is not None and (last.effective_time, last.id) > order)
        case = Case(
            what=what,
            level=alert.level,
            reading=deciding.reading,
            newer_exists=newer,
            cleared=alert.cleared,
            patient=file.patient,
            on_call=file.on_call,
            timing=file.timing,
            now=file.now,
            judged_before=bool(self._gone) and deciding.reading.id not in self._fresh,
            snooze=self._snooze_of(alert),
        )
        decision = policy.decide(case)
        if deciding.reading.id in self._fresh:
            self.decisions.append((deciding.reading.id, decision))
        return decision

    def _snooze_of(self, alert: Alert) -> Snooze | None:
        """The one in force for the alert's rule that holds the most."""
        direction = direction_of(self._file.history, alert.rule_id, alert.plan_version)
        mine = [one for one in self._file.snoozes if (one.rule_id, one.direction) == (alert.rule_id, direction)]
        return max(mine, key=lambda one: one.level.rank, default=None)

    async def _settle(
        self, before: Alert, after: Alert, what: Happened, decision: Decision, episodes: Sequence[Episode]
    ) -> Changed:
        """Write the alert as it now stands, and call whom the policy names. ``before`` is what is stored."""
        file, unit = self._file, self._file.unit
        if what in _OCCASIONS:
            after = _asks_anew(after, decision, review_deadline(file.now, file.team.time_zone))
        elif what is Happened.RETURNED and before.state is AlertState.RESOLVED:
            after = _reopened(after)
        closes = after.state.live and after.cleared and after.level is Level.YELLOW
        if closes:
            after = replace(after, state=AlertState.RESOLVED, outcome=Outcome.CLEARED, resolved_at=file.now)
        if after != before:
            await unit.alerts.save(after)
        if closes:
            await self._record(after, Happened.CLOSED, {BEFORE: kept(before)})
            await self._stop_calls(after, "closed by itself")
        if decision.call is not None:
            if what is not Happened.RAISED:
                await unit.calls.call_off(after.id, file.now, "called anew")
            occasion, timing = _OCCASIONS[what], file.timing
            level, who = decision.call, file.on_call
            await calling.call_next(unit, after, who, level, occasion, timing=timing, now=file.now, agreed=file.agreed)
        if decision.later:
            await unit.calls.call_off(after.id, file.now, "called later")
            await calling.call_later(unit, after, _OCCASIONS[what], file.now + file.timing.escalate_after)
        if decision.waits is not None and after.state.live:
            task, until = decision.waits
            await unit.calls.call_off(after.id, file.now, "called later")
            await calling.call_later(unit, after, _OCCASIONS[what], until, task)
        if decision.review and after.review_by is not None:
            await unit.calls.plan(Task.COME_BACK, after.id, after.review_by, {"review": True})
        if what in _OCCASIONS:
            if before.state is AlertState.WITHDRAWN:
                await report_ends.alert_returned(unit, after.id, file.now)
            self.turned.append(self._turned(after, decision, episodes))
        return Changed(after.id, file.patient.id, file.team.id, what, decision.call is not None)

    def _turned(self, alert: Alert, decision: Decision, episodes: Sequence[Episode]) -> Turned:
        past = {one for episode in episodes for one in episode.readings}
        all_of_it = past | {one for episode in episodes for one in episode.evidence}
        readings = {one: self._window[one] for one in all_of_it if one in self._window}
        return Turned(alert, decision, tuple(self._by_id[one] for one in past), readings)

    async def _withdraw(self, known: Known) -> Changed:
        alert = replace(known.alert, state=AlertState.WITHDRAWN)
        await self._file.unit.alerts.save(alert)
        await self._record(alert, Happened.WITHDRAWN, {CAUSE: self._cause(), BEFORE: kept(known.alert)})
        await self._stop_calls(alert, "withdrawn by later data")
        await report_ends.alert_withdrawn(self._file.unit, alert.id, self._file.now, self._cause())
        return Changed(alert.id, alert.patient_id, self._file.team.id, Happened.WITHDRAWN, called=False)

    async def _merge(self, holder: Alert, merged: tuple[Known, ...]) -> None:
        for one in merged:
            await self._file.unit.alerts.link(holder.id, one.readings)
            await self._file.unit.alerts.save(replace(one.alert, state=AlertState.WITHDRAWN))
            await self._record(
                one.alert, Happened.MERGED, {"into": holder.id, CAUSE: self._cause(), BEFORE: kept(one.alert)}
            )
            await self._record(holder, Happened.MERGED, {"from": one.alert.id})
            await self._stop_calls(one.alert, "merged into another alert")
            cause = self._cause()
            await report_ends.alert_joined(self._file.unit, one.alert.id, holder.id, self._file.now, cause)

    async def _note_split(self, alert: Alert, held: Held) -> Alert:
        """A late reading within limits lies between: two episodes now, one alert, something to look at."""
        if len(held.episodes) < 2:
            return alert
        opener = str(held.episodes[-1].opened_by)
        events = await self._file.unit.alerts.events(alert.id)
        if any(one.what is Happened.SPLIT and one.detail.get("episode") == opener for one in events):
            return alert
        await self._record(alert, Happened.SPLIT, {"episode": opener})
        if not alert.state.live or alert.review_by is not None:
            return alert
        deadline = review_deadline(self._file.now, self._file.team.time_zone)
        await self._file.unit.calls.plan(Task.COME_BACK, alert.id, deadline, {"review": True})
        return replace(alert, review_by=deadline)

    async def _stop_calls(self, alert: Alert, why: str) -> None:
        await self._file.unit.calls.cancel(alert.id)
        await self._file.unit.calls.call_off(alert.id, self._file.now, why)

    def _cause(self) -> list[str]:
        return sorted(str(one) for one in self._fresh | self._gone)

    async def _record(self, alert: Alert, what: Happened, detail: Mapping[str, object]) -> None:
        await self._file.unit.alerts.record(alert.id, self._file.now, what, detail=detail)


def _alert_of(episode: Episode, patient_id: UUID, now: datetime) -> Alert:
    return Alert(
        id=0,
        patient_id=patient_id,
        rule_id=episode.rule_id,
        episode=episode.opened_by,
        kind=episode.kind,
        level=episode.level,
        state=AlertState.OPEN,
        cleared=episode.cleared,
        review=False,
        plan_version=episode.plan_version,
        opened_at=now,
        effective_time=episode.first_time,
        last_effective_time=episode.last_time,
        worst_reading=episode.worst_reading,
    )


def _grown(before: Alert, held: Held) -> Alert:
    """The alert with its episodes in it; who has it and whether it is open is decided later."""
    levels = [one.level for one in held.episodes] + [one.alert.level for one in held.merged]
    starts, ends = [one.first_time for one in held.episodes], [one.last_time for one in held.episodes]
    worst, cleared = before.worst_reading, held.episodes[-1].cleared
    if before.state is AlertState.WITHDRAWN:  # what it rested on once is no longer so
        worst = max(reversed(held.episodes), key=lambda one: one.level.rank).worst_reading
    else:
        levels.append(before.level)
        if not held.begins:
            starts.append(before.effective_time)
        if not held.ends:
            # A late reading may show only an earlier part of what an alert holds: its end stays as it is.
            cleared = cleared if ends[-1] >= before.last_effective_time else before.cleared
            ends.append(before.last_effective_time)
        if held.whole and all(before.worst_reading not in one.readings for one in held.episodes):
            # Later data may take the fire out of a reading, such as by another baseline to count from.
            as_bad = (one.worst_reading for one in reversed(held.episodes) if one.level is before.level)
            worst = next(as_bad, worst)
    for episode in held.episodes:
        if before.worst_reading in episode.readings or episode.level.rank > before.level.rank:
            worst = episode.worst_reading
    return replace(
        before,
        level=max(levels, key=lambda one: one.rank),
        cleared=cleared,
        effective_time=min(starts),
        last_effective_time=max(ends),
        worst_reading=worst,
    )


def _grown_detail(before: Alert, after: Alert, newest: Episode) -> dict[str, object]:
    detail: dict[str, object] = {"reading": str(newest.transitions[-1].reading_id), "level": after.level.value}
    if before.owner_id is not None:
        detail["was_with"] = str(before.owner_id)
    return detail


def _asks_anew(alert: Alert, decision: Decision, deadline: datetime) -> Alert:
    """New, worse or come again: nobody has it, unless it only became something to review for who has it."""
    if decision.review:
        kept = alert if alert.state.live else _reopened(alert)
        return replace(kept, review=True, review_by=deadline)
    return replace(_reopened(alert), review=False, review_by=None)


def _reopened(alert: Alert) -> Alert:
    return replace(alert, state=AlertState.OPEN, owner_id=None, owned_at=None, resolved_at=None, outcome=None)
