"""Makes an extraordinary report where a judgement turned a green patient yellow, in the judgement's own transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from hearthline_backend.alerting.agreement import confirm_within
from hearthline_backend.alerting.explanation import explanation
from hearthline_backend.alerting.keeping import PatientFile, Turned
from hearthline_backend.alerting.report_ends import red_takes_over
from hearthline_backend.domain.confirm_by import confirm_by
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.three_days import SPAN, Expected, figures
from hearthline_backend.domain.turn_to_yellow import Raised, Turn, turn_of
from hearthline_backend.storage.ports import PatientReading, ReadingStore
from hearthline_backend.storage.records.alerts import Alert
from hearthline_backend.storage.records.report_content import EvidenceContent, KindContent, ReportContent, kept
from hearthline_backend.storage.records.reports import Report, ReportHappened
from hearthline_backend.storage.records.silence import MISSING
from hearthline_protocol.kinds import KINDS

log = structlog.get_logger(__name__)
_AN_INSTANT: Final = SPAN.resolution


@dataclass(frozen=True, slots=True)
class _Case:
    """One patient's judgement. ``alerts`` are those raised by it for which somebody is called, oldest first."""

    file: PatientFile
    turned: tuple[Turned, ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts themselves."""
        return tuple(one.alert for one in self.turned)


async def report_turn(store: ReadingStore, file: PatientFile, turned: Sequence[Turned]) -> Report | None:
    """What one judgement of a patient asks for: a report where they were green and are yellow now; where an alert
    turned red, that takes over what waits. ``turned`` are the alerts that were raised, got worse or came back.

    Raises :class:`~hearthline_backend.storage.ports.StoreUnavailableError` when a store is away.
    """
    if not turned:
        return None
    red = next((one.alert for one in turned if one.calls and one.alert.shown_level is Level.RED), None)
    if red is not None:
        await red_takes_over(file.unit, red, file.now)
        return None
    raised = [Raised(one.alert.shown_level, one.calls) for one in turned]
    if turn_of(raised, await _others(file, turned)) is not Turn.TURNED_YELLOW:
        return None
    own = tuple(one for one in turned if one.calls and one.alert.shown_level is Level.YELLOW)
    return await _make(store, _Case(file, tuple(sorted(own, key=lambda one: one.alert.id))))


async def _others(file: PatientFile, turned: Sequence[Turned]) -> list[Level]:
    """The levels of alerts that were open before and still are. That a measurement is missing says nothing of how the
    patient is: it hides no turn."""
    ours = {one.alert.id for one in turned}
    closed = {one.alert.id for one in file.alerts if not one.alert.state.live}
    found = await file.unit.alerts.open_of_patient(file.patient.id)
    return [
        one.alert.shown_level
        for one in found
        if one.alert.id not in ours | closed and not one.alert.rule_id.startswith(MISSING)
    ]


async def _make(store: ReadingStore, case: _Case) -> Report | None:
    file, unit, now = case.file, case.file.unit, case.file.now
    first = file.on_call[0].user.id if file.on_call else None
    agreed = await unit.rotas.content(file.team.id, now)
    hours = () if agreed is None or first is None else agreed.quiet_of(first)
    until = confirm_by(now, confirm_within(agreed, file.timing), hours)
    wanted = Report(0, file.patient.id, 0, now, until, until, tuple(one.id for one in case.alerts))
    made = await unit.reports.add(wanted, await _content(store, case))
    if made is None:
        return None
    addressed = [str(one.user.id) for one in file.on_call]
    detail = {"alerts": list(made.alerts), "addressed": addressed, "confirm_by": until.isoformat()}
    await unit.reports.record(made.id, now, ReportHappened.MADE, detail=detail)
    log.info("report_made", report=made.id, alerts=made.alerts)
    return made


async def _content(store: ReadingStore, case: _Case) -> ReportContent:
    file, now = case.file, case.file.now
    days = await _days(store, file, now)
    fired = {row.id: row for one in case.turned for row in one.readings.values()}
    expected = Expected(file.history, file.patient.time_zone, _expected_from(file))
    known = [Observation.of(row.reading) for row in {**{row.id: row for row in days}, **fired}.values()]
    return ReportContent(
        plan_version=max(one.alert.plan_version for one in case.turned),
        since=now - SPAN,
        until=now,
        evidence=tuple(_evidence(one) for one in case.turned),
        kinds=tuple(KindContent.of(one) for one in figures(known, expected, now)),
        readings=kept([*days, *fired.values()]),
        addressed=tuple(one.user.id for one in file.on_call),
    )


async def _days(store: ReadingStore, file: PatientFile, now: datetime) -> list[PatientReading]:
    """Every reading of the days summed up, whatever its kind, but for those that the watchdog wrote."""
    start, end = now - SPAN + _AN_INSTANT, now + _AN_INSTANT
    found = await asyncio.gather(*(store.window(file.patient.id, kind, start, end) for kind in sorted(KINDS)))
    return [row for rows in found for row in rows if not row.content.synthetic]


def _expected_from(file: PatientFile) -> datetime:
    paused = file.patient.paused_until
    return file.patient.enrolled_at if paused is None else max(file.patient.enrolled_at, paused)


def _evidence(one: Turned) -> EvidenceContent:
    alert = one.alert
    ordered = sorted(one.evaluations, key=lambda evaluation: evaluation.observation.order)
    by_time = sorted(one.readings.values(), key=lambda row: (row.effective_time, row.id))
    return EvidenceContent(
        alert=alert.id,
        rule=alert.rule_id,
        kind=alert.kind,
        level=alert.shown_level,
        plan_version=alert.plan_version,
        readings=tuple(row.id for row in by_time),
        evaluations=tuple(
            {"reading": str(evaluation.observation.reading_id)} | explanation(evaluation) for evaluation in ordered
        ),
        policy=one.decision.as_json(),
    )
