"""Judges readings in the caller's transaction: episodes recomputed, alerts brought up to date, every reading explained.

Nothing here commits. A crash repeats the whole, and changes nothing that was committed: only readings that do not yet
stand in the register are judged.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.alerting.agreement import Agreed
from hearthline_backend.alerting.explanation import Explanation, explanation
from hearthline_backend.alerting.keeping import AlertKeeper, Changed, PatientFile, Turned
from hearthline_backend.alerting.looks import Windows, kinds_of, latest_of, look_of, rules_of, windows_of
from hearthline_backend.alerting.reconciling import Known, match
from hearthline_backend.alerting.rejudging import take_out, touched_span
from hearthline_backend.alerting.report_making import report_turn
from hearthline_backend.alerting.standing import Quieted, Standing, Standings
from hearthline_backend.alerting.timing import DEFAULT, Timing
from hearthline_backend.domain.episodes import episodes_of
from hearthline_backend.domain.evaluation import evaluate, reach
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.storage.ports import PatientReading, ReadingStore
from hearthline_backend.storage.records.alerts import NearAlert
from hearthline_backend.storage.records.judgements import Judgement, Quiet
from hearthline_backend.storage.records.quiet_register import QuietGroup
from hearthline_backend.storage.records.silence import MISSING
from hearthline_backend.storage.records.unit import Unit

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judgement changed, for live events after the commit. ``called`` says that something is due at once."""

    alerts: tuple[Changed, ...] = ()
    patients: frozenset[UUID] = frozenset()
    called: bool = False
    teams: Sequence[tuple[UUID, UUID]] = ()
    """Everybody whose readings were judged, each once, with the team."""


class Judge:
    """The one place where a reading becomes an alert."""

    def __init__(self, readings: ReadingStore, timing: Timing = DEFAULT) -> None:
        self._readings = readings
        self._timing = timing
        self._standings = Standings()

    def quieted(self, readings: Sequence[PatientReading]) -> Quieted | None:
        """Those of ``readings`` that say nothing, as far as is remembered: without a look at any store."""
        care, known = self._standings.remembered
        teams: dict[int, tuple[UUID, UUID]] = {}
        rows: list[Quiet] = []
        quiet: list[PatientReading] = []
        rest: list[PatientReading] = []
        reach = timedelta(0)
        for one in readings:
            patient, content, at = one.patient_id, one.content, one.effective_time
            standing = known.get(patient.int)
            if standing is None:
                return None
            if patient.int not in teams:
                teams[patient.int] = (patient, standing.team_id)
                reach = max(reach, standing.reach)
            why = standing.quiet(content, at)
            if why is None:
                rest.append(one)
            else:
                quiet.append(one)
                rows.append((content.id, patient, content.kind, at, why))
        times = [at for _, _, _, at, _ in rows]
        earliest, latest = (min(times) - reach, max(times) + reach) if times else (_NEVER, _NEVER)
        patients = [patient for patient, _ in teams.values()]
        group = QuietGroup(rows, patients, care, earliest, latest, _may_touch)
        return Quieted(group, quiet, rest, list(teams.values()))

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
        history = await unit.care.plan_history(patient_id)
        changed: list[Changed] = []
        for rule_id in rules_of(history, {one.kind for one in gone}):
            theirs = [one for one in gone if one.kind in kinds_of(history, rule_id)]
            span = await touched_span(unit, theirs, rule_id, reach(history, rule_id))
            for file in await _open_files(unit, {patient_id: (span.start, span.end)}, now, self._timing):
                changed += await take_out(self._readings, file, rule_id, theirs, span)
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
        silent = [file.patient.id for file in files if any(_is_silence(one) for one in file.alerts)]
        if silent:
            await unit.silence.wake(silent, now)
        explained = {one.id: Explanation() for file in files for one in by_patient[file.patient.id].values()}
        looks = [
            look
            for file in files
            if (look := look_of(file, _judgeable(file, by_patient[file.patient.id].values(), explained))) is not None
        ]
        windows = await windows_of(self._readings, looks)
        latest = await latest_of(self._readings, looks, now)
        changed: list[Changed] = []
        for look, window in zip(looks, windows, strict=True):
            file = replace(look.file, latest=latest.get(look.file.patient.id, {}))
            turned: list[Turned] = []
            for rule_id in look.rules:
                changed += await _judge_rule(file, rule_id, look.new_of(rule_id), window, explained, turned)
            await report_turn(self._readings, file, turned)
        judged = [one for file in files for one in by_patient[file.patient.id].values()]
        await unit.judgements.add([_judgement(one, explained[one.id], now) for one in judged])
        return changed


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


def _is_silence(one: Known) -> bool:
    return one.alert.state.live and one.alert.rule_id.startswith(MISSING)


def _may_touch(alerts: Sequence[NearAlert], kind: str, at: datetime) -> bool:
    """Whether a reading within limits may clear, split or void one of these. What has cleared already stays cleared by
    whatever comes after its last reading."""
    return any(one.kind == kind and not (one.cleared and at > one.last_effective_time) for one in alerts)


def _judgeable(
    file: PatientFile, new: Iterable[PatientReading], explained: Mapping[UUID, Explanation]
) -> list[PatientReading]:
    """Those that a rule of the patient looks at; the others are explained by that."""
    found = []
    for one in new:
        if one.content.synthetic:
            explained[one.id].reason = "synthetic"
        elif not rules_of(file.history, {one.kind}):
            explained[one.id].reason = "no_rule_for_this_kind"
        else:
            found.append(one)
    return found


async def _judge_rule(
    file: PatientFile,
    rule_id: str,
    new: Sequence[PatientReading],
    windows: Windows,
    explained: Mapping[UUID, Explanation],
    turned: list[Turned],
) -> list[Changed]:
    """New readings of the kinds that one rule looks at, in the windows of all that matter to them. ``turned`` is added
    to."""
    fresh = frozenset(one.id for one in new)
    window = windows.of(kinds_of(file.history, rule_id))
    observations = [Observation.of(one.content, one.effective_time) for one in window.values()]
    evaluations = evaluate(observations, file.history, rule_id, file.patient.time_zone, told=fresh)
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
    turned += keeper.turned
    return changed


async def _open_files(
    unit: Unit, new: Mapping[UUID, Sequence[datetime]], now: datetime, timing: Timing
) -> list[PatientFile]:
    """The files of these patients in the order of their ids, each kind of thing read once for all of them. With each
    patient stand the moments that are looked at."""
    if not new:
        return []
    patients = {one.id: one for one in await unit.care.patients(ids=list(new))}
    histories = await unit.care.plan_histories(list(new))
    teams = {one: await unit.care.team(one) for one in {patient.team_id for patient in patients.values()}}
    on_call = {team_id: await unit.people.on_call(team_id, now) for team_id in teams}
    agreed = {team_id: Agreed(unit, team_id, on_call[team_id], timing, now) for team_id in teams}
    alerts = await _alerts_near(unit, new, histories)
    snoozes = await unit.snoozes.in_force(list(new), now)
    return [
        PatientFile(
            unit=unit,
            patient=patients[one],
            team=team,
            history=histories.get(one, ()),
            alerts=alerts.get(one, ()),
            on_call=on_call[team.id],
            agreed=agreed[team.id],
            timing=timing,
            now=now,
            snoozes=snoozes.get(one, ()),
        )
        for one in sorted(new)
        if (team := teams[patients[one].team_id]) is not None
    ]


async def _alerts_near(
    unit: Unit, new: Mapping[UUID, Sequence[datetime]], histories: Mapping[UUID, tuple[Plan, ...]]
) -> dict[UUID, tuple[Known, ...]]:
    spans = [rule.look_back for history in histories.values() for plan in history for rule in plan.reading_rules]
    span = 2 * max(spans, default=timedelta(0))
    times = [at for moments in new.values() for at in moments]
    found = await unit.alerts.touching(list(new), min(times) - span, max(times) + span)
    linked = await unit.alerts.readings_of([alert.id for alerts in found.values() for alert in alerts])
    return {one: tuple(Known(alert, linked[alert.id]) for alert in alerts) for one, alerts in found.items()}


def _judgement(one: PatientReading, explained: Explanation, now: datetime) -> Judgement:
    reading = one.reading
    return Judgement(reading.id, one.patient_id, reading.kind, reading.effective_time, now, explained.as_json())
