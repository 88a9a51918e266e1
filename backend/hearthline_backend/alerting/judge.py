"""Judges readings in the caller's transaction: episodes recomputed, alerts brought up to date, every reading explained.

Nothing here commits. A crash repeats the whole, and changes nothing that was committed: only readings that do not yet
stand in the register are judged.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hearthline_backend.alerting.keeping import AlertKeeper, Changed, PatientFile
from hearthline_backend.alerting.reconciling import Known, match
from hearthline_backend.alerting.rejudging import take_out, touched_span
from hearthline_backend.alerting.standing import Standing, Standings
from hearthline_backend.alerting.timing import DEFAULT, Timing
from hearthline_backend.domain.episodes import episodes_of
from hearthline_backend.domain.evaluation import Evaluation, evaluate, reach
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.storage.ports import PatientReading, ReadingStore
from hearthline_backend.storage.records.alerts import NearAlert
from hearthline_backend.storage.records.judgements import Judgement, Quiet
from hearthline_backend.storage.records.unit import Unit

_SIDE_BY_SIDE: Final = 16
"""Windows that are asked for at a time."""
_AHEAD: Final = timedelta(hours=1)
"""A window that reaches so far past now holds every newer reading there is."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judgement changed, for live events after the commit. ``called`` says that something is due at once."""

    alerts: tuple[Changed, ...] = ()
    patients: frozenset[UUID] = frozenset()
    called: bool = False
    teams: Sequence[tuple[UUID, UUID]] = ()
    """Everybody whose readings were judged, each once, with the team."""


@dataclass(slots=True)
class Explanation:
    """Why one reading did what it did, as the register keeps it. ``reason`` where no rule looked at it at all."""

    evaluations: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """``{evaluations: [{rule, version, readings, fired, level, reason, limits}], calls: [...], reason?}``."""
        found: dict[str, Any] = {"evaluations": self.evaluations, "calls": self.calls}
        return found if self.reason is None else found | {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class _Look:
    """New readings of one patient and kind, and between which moments others matter to them."""

    file: PatientFile
    kind: str
    new: list[PatientReading]
    start: datetime
    end: datetime


class Judge:
    """The one place where a reading becomes an alert."""

    def __init__(self, readings: ReadingStore, timing: Timing = DEFAULT) -> None:
        self._readings = readings
        self._timing = timing
        self._standings = Standings()

    async def judge(self, unit: Unit, readings: Sequence[PatientReading], now: datetime) -> Judged:
        """Judge these stored readings. Those in the register already are skipped; the rest is registered.

        Raises :class:`~hearthline_backend.storage.ports.StoreUnavailableError` when a store is away.
        """
        everyone = list({one.patient_id.int: one.patient_id for one in readings}.values())
        # Each judge has written its readings before it takes the lock: whoever comes second sees the other's.
        await unit.alerts.lock_patients(everyone)
        standings = await self._standings.of(unit, everyone)
        unknown = [one for one in everyone if one.int not in standings]
        if unknown:
            raise LookupError(f"patients {unknown} are not in Records; a reading is resolved before it is judged")
        quiet, rest = await _sorted(unit, readings, everyone, standings)
        await unit.judgements.add_quiet(quiet, now)
        changed = await self._judge_all(unit, rest, now) if rest else []
        return Judged(
            alerts=tuple(changed),
            patients=frozenset(one.patient_id for one in changed),
            called=any(one.called for one in changed),
            teams=[(one, standings[one.int].team_id) for one in everyone],
        )

    async def rejudge(self, unit: Unit, gone: Sequence[PatientReading], now: datetime) -> Judged:
        """Bring alerts up to date without readings that no longer count. ``gone`` are those, of one patient, each as it
        stood. Nobody is called at once for a reading that was judged before.

        Raises :class:`~hearthline_backend.storage.ports.StoreUnavailableError` when a store is away.
        """
        patient_id = gone[0].patient_id
        await unit.alerts.lock_patients([patient_id])
        rules = [rule for plan in await unit.care.plan_history(patient_id) for rule in plan.rules]
        changed: list[Changed] = []
        for kind in sorted({one.kind for one in gone} & {rule.kind for rule in rules}):
            theirs = [one for one in gone if one.kind == kind]
            longest = max(rule.look_back for rule in rules if rule.kind == kind)
            span = await touched_span(unit, theirs, longest)
            for file in await _open_files(unit, {patient_id: (span.start, span.end)}, now, self._timing):
                changed += await take_out(self._readings, file, theirs, span)
        return Judged(
            alerts=tuple(changed),
            patients=frozenset(one.patient_id for one in changed),
            called=any(one.called for one in changed),
        )

    async def _judge_all(self, unit: Unit, readings: Sequence[PatientReading], now: datetime) -> list[Changed]:
        known = await unit.judgements.known([one.id for one in readings])
        by_patient: dict[UUID, dict[UUID, PatientReading]] = defaultdict(dict)
        for one in readings:
            if one.id not in known:
                by_patient[one.patient_id].setdefault(one.id, one)
        times = {one: [row.effective_time for row in rows.values()] for one, rows in by_patient.items()}
        files = await _open_files(unit, times, now, self._timing)
        explained = {one.id: Explanation() for file in files for one in by_patient[file.patient.id].values()}
        looks = [look for file in files for look in _looks(file, by_patient[file.patient.id].values(), explained)]
        windows = await self._windows(looks)
        latest = await self._latest(looks, now)
        changed: list[Changed] = []
        for look, window in zip(looks, windows, strict=True):
            file = replace(look.file, latest=latest.get(look.file.patient.id, {}))
            changed += await self._judge_kind(file, look.new, window, explained)
        judged = [one for file in files for one in by_patient[file.patient.id].values()]
        await unit.judgements.add([_judgement(one, explained[one.id], now) for one in judged])
        return changed

    async def _judge_kind(
        self,
        file: PatientFile,
        new: list[PatientReading],
        window: Mapping[UUID, PatientReading],
        explained: Mapping[UUID, Explanation],
    ) -> list[Changed]:
        """New readings of one kind, in the window of all that matter to them."""
        changed: list[Changed] = []
        observations = [Observation.of(one.content, one.effective_time) for one in window.values()]
        for rule_id in _rules_of(file.history, new[0].kind):
            evaluations = evaluate(observations, file.history, rule_id)
            changed += await self._judge_rule(file, rule_id, new, window, evaluations, explained)
        return changed

    async def _judge_rule(
        self,
        file: PatientFile,
        rule_id: str,
        new: list[PatientReading],
        window: Mapping[UUID, PatientReading],
        evaluations: tuple[Evaluation, ...],
        explained: Mapping[UUID, Explanation],
    ) -> list[Changed]:
        fresh = frozenset(one.id for one in new)
        for one in evaluations:
            if one.observation.reading_id in fresh:
                explained[one.observation.reading_id].evaluations.append(explanation(one))
        span = reach(file.history, rule_id)
        start = min(one.effective_time for one in new) - span
        end = max(one.effective_time for one in new) + span
        known = [one for one in file.alerts if one.alert.rule_id == rule_id]
        keeper = AlertKeeper(file, evaluations, window, fresh)
        changed = await keeper.keep(match(episodes_of(evaluations), known, start, end))
        for reading_id, decision in keeper.decisions:
            explained[reading_id].calls.append({"rule": rule_id, **decision.as_json()})
        return changed

    async def _windows(self, looks: Sequence[_Look]) -> list[dict[UUID, PatientReading]]:
        """The window of each, many asked for side by side: an engine that is a server answers them together."""
        found: list[dict[UUID, PatientReading]] = []
        for start in range(0, len(looks), _SIDE_BY_SIDE):
            part = looks[start : start + _SIDE_BY_SIDE]
            stored = await asyncio.gather(*(self._window(look) for look in part))
            for look, rows in zip(part, stored, strict=True):
                found.append({one.id: one for one in (*look.new, *rows) if not one.content.synthetic})
        return found

    async def _window(self, look: _Look) -> list[PatientReading]:
        return await self._readings.window(look.file.patient.id, look.kind, look.start, look.end)

    async def _latest(self, looks: Sequence[_Look], now: datetime) -> Mapping[UUID, Mapping[str, PatientReading]]:
        """The last readings of those of whom a newer one may lie outside of the window; no reading is dated later than
        its arrival by more than some minutes."""
        asked = {look.file.patient.id for look in looks if look.end < now + _AHEAD}
        return await self._readings.latest(asked) if asked else {}


async def _sorted(
    unit: Unit, readings: Sequence[PatientReading], everyone: Sequence[UUID], standings: Mapping[int, Standing]
) -> tuple[list[Quiet], list[PatientReading]]:
    """Those that say nothing, as rows of the register, and those the rules have to be asked about."""
    if not readings:
        return [], []
    earliest = latest = readings[0].effective_time
    for one in readings:
        at = one.effective_time
        earliest, latest = min(earliest, at), max(latest, at)
    reach = max(standings[one.int].reach for one in everyone)
    near = await unit.alerts.near(everyone, earliest - reach, latest + reach)
    quiet: list[Quiet] = []
    rest: list[PatientReading] = []
    for one in readings:
        patient, content, at = one.patient_id, one.content, one.effective_time
        number = patient.int
        why = standings[number].quiet(content, at)
        if why is None or (number in near and _may_touch(near[number], content.kind, at)):
            rest.append(one)
        else:
            quiet.append((content.id, patient, content.kind, at, why))
    return quiet, rest


def _may_touch(alerts: Iterable[NearAlert], kind: str, at: datetime) -> bool:
    """Whether a reading within limits may clear, split or void one of these. What has cleared already stays cleared by
    whatever comes after its last reading."""
    return any(one.kind == kind and not (one.cleared and at > one.last_effective_time) for one in alerts)


def explanation(evaluation: Evaluation) -> dict[str, Any]:
    """One evaluation as the register keeps it: which readings, which limits, fired or not, and why."""
    limits = [
        {
            "level": one.level.value,
            "field": one.limit.field,
            "limit": one.limit.value,
            "unit": one.limit.unit,
            "value": one.value,
            "beyond": one.beyond,
            "past": one.past,
        }
        for one in evaluation.crossings
    ]
    return {
        "rule": evaluation.rule_id,
        "version": evaluation.plan_version,
        "readings": [str(reading_id) for reading_id in evaluation.readings],
        "fired": evaluation.fired,
        "level": None if evaluation.level is None else evaluation.level.value,
        "reason": evaluation.why.value,
        "limits": limits,
    }


def _looks(file: PatientFile, new: Iterable[PatientReading], explained: Mapping[UUID, Explanation]) -> list[_Look]:
    """What has to be read before the rules of a patient can be asked, by kind; what no rule looks at is explained."""
    by_kind: dict[str, list[PatientReading]] = defaultdict(list)
    for one in new:
        if one.content.synthetic:
            explained[one.id].reason = "synthetic"
        elif not _rules_of(file.history, one.kind):
            explained[one.id].reason = "no_rule_for_this_kind"
        else:
            by_kind[one.kind].append(one)
    looks: list[_Look] = []
    for kind, ours in sorted(by_kind.items()):
        # Whether a rule fires rests on one look-back before a reading, and a reading matters for one look-back after
        # itself: two on each side make everything within one of them exact.
        span = 2 * max(reach(file.history, rule_id) for rule_id in _rules_of(file.history, kind))
        times = [one.effective_time for one in ours]
        looks.append(_Look(file, kind, ours, min(times) - span, max(times) + span))
    return looks


async def _open_files(
    unit: Unit, new: Mapping[UUID, Sequence[datetime]], now: datetime, timing: Timing
) -> list[PatientFile]:
    """The files of these patients in the order of their ids, each kind of thing read once for all of them. With each
    patient stand the moments that are looked at."""
    if not new:
        return []
    patients = {one.id: one for one in await unit.care.patients(ids=list(new))}
    histories = await unit.care.plan_histories(list(new))
    teams = {one.team_id: await unit.care.team(one.team_id) for one in patients.values()}
    on_call = {team_id: await unit.people.on_call(team_id, now) for team_id in teams}
    alerts = await _alerts_near(unit, new, histories)
    return [
        PatientFile(
            unit=unit,
            patient=patients[one],
            team=team,
            history=histories.get(one, ()),
            alerts=alerts.get(one, ()),
            on_call=on_call[team.id],
            timing=timing,
            now=now,
        )
        for one in sorted(new)
        if (team := teams[patients[one].team_id]) is not None
    ]


async def _alerts_near(
    unit: Unit, new: Mapping[UUID, Sequence[datetime]], histories: Mapping[UUID, tuple[Plan, ...]]
) -> dict[UUID, tuple[Known, ...]]:
    spans = [rule.look_back for history in histories.values() for plan in history for rule in plan.rules]
    span = 2 * max(spans, default=timedelta(0))
    times = [at for moments in new.values() for at in moments]
    found = await unit.alerts.touching(list(new), min(times) - span, max(times) + span)
    linked = await unit.alerts.readings_of([alert.id for alerts in found.values() for alert in alerts])
    return {one: tuple(Known(alert, linked[alert.id]) for alert in alerts) for one, alerts in found.items()}


def _rules_of(history: tuple[Plan, ...], kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.id for plan in history for rule in plan.rules if rule.kind == kind))


def _judgement(one: PatientReading, explained: Explanation, now: datetime) -> Judgement:
    reading = one.reading
    return Judgement(reading.id, one.patient_id, reading.kind, reading.effective_time, now, explained.as_json())
