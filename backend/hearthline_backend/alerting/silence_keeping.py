"""Brings a patient's alerts about missing measurements up to date: one for each kind and silence, growing slot by slot,
closed by itself when a reading comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from hearthline_backend.alerting import calling
from hearthline_backend.alerting.absence_calls import call_of_absence
from hearthline_backend.alerting.home_calls import open_home_alert
from hearthline_backend.alerting.policy import Answer, Decision
from hearthline_backend.alerting.silence_roads import Road, Roads
from hearthline_backend.alerting.timing import Timing
from hearthline_backend.domain.home_faults import of_finding
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.schedule import Missing
from hearthline_backend.domain.silence import Finding, Routing, level_of, routing
from hearthline_backend.domain.silence_rules import MissingRule
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.absences import KeptAbsence
from hearthline_backend.storage.records.alerts import Alert, AlertEvent, AlertState, Happened, Outcome
from hearthline_backend.storage.records.calls import Occasion
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import OnCall
from hearthline_backend.storage.records.silence import MISSING, Intake
from hearthline_backend.storage.records.unit import Unit

_SILENCE: Final = UUID("6f2d7c2e-5a0b-5d1e-9a51-3c1f0c2f7b10")
_SOURCE: Final = "The plan's schedule"


@dataclass(frozen=True, slots=True)
class SilentFile:
    """A patient of whom something is missing now, or was: ``live`` are the alerts that say so."""

    patient: Patient
    plan: Plan | None
    missing: tuple[Missing, ...]
    live: tuple[Alert, ...]
    latest: Mapping[str, PatientReading]


@dataclass(frozen=True, slots=True)
class _Case:
    """One missing kind of one patient. ``slots`` are those missed slots that closed while data could have come."""

    file: SilentFile
    gone: Missing
    rule: MissingRule
    slots: int
    level: Level | None
    road: Road
    finding: Finding
    routing: Routing
    away: tuple[KeptAbsence, ...] = ()


def episode_of(patient_id: UUID, gone: Missing) -> UUID:
    """The same silence has the same episode, whoever finds it and whenever."""
    begins = gone.begins or gone.slot_closed
    return uuid5(_SILENCE, f"{patient_id}/{gone.kind}/{begins.isoformat()}")


def rule_for(plan: Plan | None, kind: str) -> MissingRule:
    """The plan's own rule about this silence, or what holds where it says nothing: yellow at the first missed slot."""
    rules = () if plan is None else plan.rules
    own = next((rule for rule in rules if isinstance(rule, MissingRule) and rule.kind == kind), None)
    return own or MissingRule(f"{MISSING}{kind}", kind, _SOURCE, "")


class SilenceKeeper:
    """Writes what follows from what is missing, in the caller's transaction. Patients are locked."""

    def __init__(
        self, unit: Unit, intake: Intake | None, absences: Sequence[KeptAbsence], timing: Timing, now: datetime
    ) -> None:
        """``intake`` None: nothing can come at this moment. ``absences`` are those of the time looked at."""
        self._unit = unit
        self._intake = intake
        self._absences = absences
        self._timing = timing
        self._now = now
        self._on_call: dict[UUID, tuple[OnCall, ...]] = {}

    async def keep(self, files: Sequence[SilentFile]) -> list[Alert]:
        """Raise, grow and close; returns the alerts that changed."""
        roads = await Roads.load(self._unit, [one.patient.id for one in files if one.missing], self._now)
        if roads.gateways:
            await self._unit.silence.hold_homes(roads.gateways)
        changed: list[Alert] = []
        for file in files:
            kinds = {one.kind for one in file.missing}
            changed += [await self._close(file, one) for one in file.live if one.kind not in kinds]
            for gone in file.missing:
                alert = next((one for one in file.live if one.kind == gone.kind), None)
                case = await self._case(file, gone, alert, roads)
                after = None if case is None else await self._of_kind(case, alert)
                changed += [] if after is None else [after]
        return changed

    async def _case(self, file: SilentFile, gone: Missing, alert: Alert | None, roads: Roads) -> _Case | None:
        """None where no slot of it may be judged: it closed while nothing could have come, and nobody knows why."""
        known = None if alert is None else alert.last_effective_time
        counted = [
            one
            for one in gone.slots
            if self._could_come(one.closes)
            or (known is not None and one.closes <= known and not self._away_at(one.closes))
        ]
        away = self._away_at(gone.slot_closed)
        if not counted and not away:
            return None
        rule = rule_for(file.plan, gone.kind)
        road = await roads.road(self._unit, file.patient.id, gone, tuple(one.absence for one in away))
        slots = len(counted) or sum(bool(self._away_at(one.closes)) for one in gone.slots)
        level = level_of(rule, slots)
        if road.finding.away and level is Level.RED and (alert is None or alert.level is not Level.RED):
            level = Level.YELLOW  # nobody at home can do anything about it
        return _Case(file, gone, rule, slots, level, road, road.finding, routing(road.finding, slots), away)

    def _could_come(self, at: datetime) -> bool:
        return self._intake is not None and at >= self._intake.slots_from

    def _away_at(self, at: datetime) -> tuple[KeptAbsence, ...]:
        """Why nothing could come then, where that is known. One worker's trouble is none while another takes all."""
        return () if self._could_come(at) else tuple(one for one in self._absences if one.absence.covers(at))

    async def _of_kind(self, case: _Case, alert: Alert | None) -> Alert | None:
        if alert is not None:
            return await self._grow(case, alert)
        return None if case.level is None else await self._raise(case, case.level)

    async def _raise(self, case: _Case, level: Level) -> Alert | None:
        patient, gone = case.file.patient, case.gone
        episode = episode_of(patient.id, gone)
        wanted = Alert(
            id=0,
            patient_id=patient.id,
            rule_id=case.rule.id,
            episode=episode,
            kind=gone.kind,
            level=level,
            state=AlertState.OPEN,
            cleared=False,
            review=False,
            plan_version=0 if case.file.plan is None else case.file.plan.version,
            opened_at=self._now,
            effective_time=gone.slots[0].opens,
            last_effective_time=gone.slot_closed,
            worst_reading=episode,
        )
        alert, new = await self._unit.alerts.add(wanted)
        if new:
            await self._tell(case, alert, Happened.RAISED, called=False)
            return alert
        by_a_person = alert.state is AlertState.RESOLVED and alert.outcome is not Outcome.CLEARED
        if by_a_person and level.rank <= alert.level.rank:
            return None  # somebody knows of this silence, and said so
        again = replace(wanted, id=alert.id, opened_at=alert.opened_at)
        await self._unit.alerts.save(again)
        await self._tell(case, again, Happened.REOPENED, called=False)
        return again

    async def _grow(self, case: _Case, alert: Alert) -> Alert | None:
        events = await self._unit.alerts.events(alert.id)
        last = next((one for one in reversed(events) if "hops" in one.detail), None)
        worse = case.level is not None and case.level.rank > alert.level.rank
        longer = case.gone.slot_closed > alert.last_effective_time
        same = last is not None and last.detail["hops"] == [hop.value for hop in case.finding.hops]
        if same and not worse and not longer:
            await self._tell_technicians(case)
            return None
        after = replace(
            alert,
            level=case.level if worse and case.level is not None else alert.level,
            last_effective_time=max(alert.last_effective_time, case.gone.slot_closed),
        )
        await self._unit.alerts.save(after)
        what = Happened.WORSENED if worse else Happened.GREW
        await self._tell(case, after, what, called=_care_was_called(events))
        return after

    async def _close(self, file: SilentFile, alert: Alert) -> Alert:
        """What was missing is there, or not expected any more. There is nothing left to do, for a red neither."""
        row = file.latest.get(alert.kind)
        paused = file.patient.paused_until is not None and file.patient.paused_until > self._now
        detail: dict[str, Any] = {"reason": "paused"} if paused else {"reason": "came"}
        if row is not None and not paused:
            detail["reading"] = str(row.id)
        after = replace(alert, cleared=True, state=AlertState.RESOLVED, outcome=Outcome.CLEARED, resolved_at=self._now)
        await self._unit.alerts.save(after)
        await self._unit.alerts.record(alert.id, self._now, Happened.CLEARED, detail=detail)
        await self._unit.alerts.record(alert.id, self._now, Happened.CLOSED)
        await self._unit.calls.cancel(alert.id)
        await self._unit.calls.call_off(alert.id, self._now, "closed by itself")
        return after

    async def _tell(self, case: _Case, alert: Alert, what: Happened, *, called: bool) -> None:
        """Record what happened and why who is called, and call them."""
        decision = await self._decide(case, alert, called=called and what is not Happened.WORSENED)
        since = case.finding.since
        detail = {
            "level": alert.level.value,
            "plan_version": alert.plan_version,
            "slots": case.slots,
            "hops": [hop.value for hop in case.finding.hops],
            "certain": case.finding.certain,
            "meterless": case.finding.meterless,
            "away": case.finding.away,
            "since": None if since is None else since.isoformat(),
            "care": case.routing.care,
            "technician": case.routing.technician,
            "policy": decision.as_json(),
        }
        await self._unit.alerts.record(alert.id, self._now, what, detail=detail)
        if decision.call is not None:
            if what is not Happened.RAISED:
                await self._unit.calls.call_off(alert.id, self._now, "called anew")
            occasion = {Happened.WORSENED: Occasion.WORSENED, Happened.REOPENED: Occasion.REOPENED}
            await calling.call_next(
                self._unit,
                alert,
                await self._order(case.file.patient.team_id),
                decision.call,
                occasion.get(what, Occasion.RAISED),
                timing=self._timing,
                now=self._now,
            )
        await self._tell_technicians(case)

    async def _tell_technicians(self, case: _Case) -> None:
        if not case.routing.technician:
            return
        for one in case.away:
            await call_of_absence(self._unit, one, self._now)
        for home, finding in case.road.by_home:
            for fault in of_finding(finding, home):
                await open_home_alert(self._unit, home.gateway, fault, self._now)

    async def _decide(self, case: _Case, alert: Alert, *, called: bool) -> Decision:
        """The policy of silence, read from top to bottom; the first that says no decides."""
        hops = "+".join(hop.value for hop in case.finding.hops)
        answers = [
            Answer("data_could_have_come", True, "intake_without_break", f"{case.slots} slots"),
            Answer("first_broken_hop", True, hops),
            Answer("for_the_care_team", case.routing.care, "care_team" if case.routing.care else "technician_only"),
            Answer("not_called_before", not called, "called_before" if called else "not_called_yet"),
            Answer("nobody_has_it", alert.state is AlertState.OPEN, alert.state.value),
        ]
        snoozes = (await self._unit.snoozes.in_force([alert.patient_id], self._now)).get(alert.patient_id, ())
        holds = [one for one in snoozes if one.rule_id == alert.rule_id and alert.level.rank <= one.level.rank]
        until = f"until {max(one.until for one in holds).isoformat()}" if holds else None
        answers.append(Answer("not_snoozed", not holds, "snoozed" if holds else "not_snoozed", until))
        refused = next((number for number, one in enumerate(answers) if not one.passes), None)
        if refused is not None:
            return Decision(None, False, tuple(answers[: refused + 1]))
        return Decision(alert.level, False, tuple(answers))

    async def _order(self, team_id: UUID) -> tuple[OnCall, ...]:
        if team_id not in self._on_call:
            self._on_call[team_id] = await self._unit.people.on_call(team_id, self._now)
        return self._on_call[team_id]


def _care_was_called(events: Sequence[AlertEvent]) -> bool:
    """Since it was opened the last time."""
    for one in reversed(events):
        if "hops" in one.detail and one.detail.get("policy", {}).get("call") is not None:
            return True
        if one.what in (Happened.RAISED, Happened.REOPENED):
            return False
    return False
