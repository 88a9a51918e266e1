"""Everything known about some patients at one moment, read once: what rows, tiles and headings are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from hearthline_backend.alerting.holding import BY_PEOPLE, UNDONE
from hearthline_backend.domain.pauses import Pause
from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.schedule import Missing, PatientStatus, missing, status
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import AlertEvent, AlertState, Happened, OpenAlert
from hearthline_backend.storage.records.calls import DueTask, Told
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.homes import Gateway
from hearthline_backend.storage.records.pauses import KeptPause
from hearthline_backend.storage.records.reports import Report
from hearthline_backend.storage.records.silence import MISSING
from hearthline_backend.storage.records.snoozes import Snooze
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.context import WebContext

_TOLD: Final = (
    Happened.CALLED,
    Happened.CAME_BACK,
    Happened.RAISED,
    Happened.GREW,
    Happened.WORSENED,
    Happened.REOPENED,
)


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """One patient: plan history, newest readings, live alerts, what is missing, the home."""

    patient: Patient
    history: tuple[Plan, ...]
    latest: Mapping[str, PatientReading]
    alerts: tuple[OpenAlert, ...]
    first_called: Mapping[int, Told]
    next_tasks: Mapping[int, DueTask]
    missing: tuple[Missing, ...]
    gateways: tuple[Gateway, ...]
    now: datetime
    snoozes: tuple[Snooze, ...] = ()
    stories: Mapping[int, Sequence[AlertEvent]] = field(default_factory=dict)
    """By alert what people did, and who was called."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The initials of people whom the stories name by their ids."""
    silences: tuple[OpenAlert, ...] = ()
    """Yellow alerts about missing measurements: they are what "no data" says, and make nobody yellow."""
    reports: tuple[Report, ...] = ()
    """Those that nobody has confirmed, oldest first."""
    pause: KeptPause | None = None
    """The one that lasts now."""
    pauses: Sequence[Pause] = ()
    """Every one there was."""

    def snooze_of(self, one: OpenAlert) -> Snooze | None:
        """What keeps an alert quiet."""
        alert = one.alert
        return next((it for it in self.snoozes if it.holds(alert.rule_id, alert.shown_level, self.now)), None)

    def untaken(self, one: OpenAlert) -> bool:
        """Whether nobody has an alert, nor wants to hear of it only later."""
        return one.alert.state is AlertState.OPEN and self.snooze_of(one) is None

    def urgency(self, one: OpenAlert) -> tuple[int, bool, datetime]:
        """The order of alerts: level, nobody first, age."""
        return -one.alert.shown_level.rank, not self.untaken(one), one.alert.opened_at

    @property
    def plan(self) -> Plan | None:
        """The plan in force."""
        return in_force(self.history, self.now)

    @property
    def status(self) -> PatientStatus:
        """The one word that sums the patient up."""
        return status((one.alert.shown_level for one in self.alerts), self.missing)

    @property
    def worst(self) -> OpenAlert | None:
        """The alert a row is about: red before yellow, nobody's before somebody's, then the oldest."""
        return min(self.alerts, key=self.urgency, default=None)

    @property
    def newest(self) -> PatientReading | None:
        """The newest reading of any kind."""
        return max(self.latest.values(), key=lambda row: row.reading.effective_time, default=None)


def untaken_reds(everybody: Sequence[PatientFacts]) -> int:
    """Red alerts that nobody has."""
    return sum(one.alert.shown_level is Level.RED and facts.untaken(one) for facts in everybody for one in facts.alerts)


async def gather(context: WebContext, unit: Unit, patients: Sequence[Patient], now: datetime) -> list[PatientFacts]:
    """The facts of these patients, in their order."""
    ids = [patient.id for patient in patients]
    histories = await unit.care.plan_histories(ids)
    alerts = await _alerts(unit, patients)
    numbers = [one.alert.id for ones in alerts.values() for one in ones]
    called = await unit.calls.first_called(numbers)
    tasks = await unit.calls.next_tasks(numbers)
    homes = await _homes(unit, ids, now)
    latest = await context.readings.latest(ids)
    snoozes = await unit.snoozes.in_force(ids, now)
    reports = await unit.reports.waiting(ids)
    stories = await unit.alerts.stories(numbers, (*BY_PEOPLE, *UNDONE, *_TOLD))
    names = await _names(unit, stories)
    pauses, lasting = await unit.pauses.of(ids), await unit.pauses.in_force(ids, now)
    return [
        PatientFacts(
            patient=patient,
            history=histories.get(patient.id, ()),
            latest=latest.get(patient.id, {}),
            alerts=tuple(one for one in alerts.get(patient.id, ()) if not _is_silence(one)),
            first_called=called,
            next_tasks=tasks,
            missing=_missing(
                patient, histories.get(patient.id, ()), latest.get(patient.id, {}), pauses.get(patient.id, ()), now
            ),
            gateways=homes.get(patient.id, ()),
            now=now,
            snoozes=snoozes.get(patient.id, ()),
            stories=stories,
            names=names,
            silences=tuple(one for one in alerts.get(patient.id, ()) if _is_silence(one)),
            reports=tuple(reports.get(patient.id, ())),
            pause=lasting.get(patient.id),
            pauses=pauses.get(patient.id, ()),
        )
        for patient in patients
    ]


def _is_silence(one: OpenAlert) -> bool:
    return one.alert.rule_id.startswith(MISSING) and one.alert.shown_level is Level.YELLOW


async def _names(unit: Unit, stories: Mapping[int, Sequence[AlertEvent]]) -> dict[str, str]:
    ids = {event.detail.get("user") for events in stories.values() for event in events}
    people = await unit.people.users({UUID(one) for one in ids if one is not None})
    return {str(key): one.initials for key, one in people.items()}


async def _alerts(unit: Unit, patients: Sequence[Patient]) -> dict[UUID, tuple[OpenAlert, ...]]:
    teams = {patient.team_id for patient in patients}
    if len(patients) == 1:
        found = await unit.alerts.open_of_patient(patients[0].id)
    else:
        found = tuple([one for team in teams for one in await unit.alerts.open_of_team(team)])
    by_patient: dict[UUID, tuple[OpenAlert, ...]] = {}
    for one in found:
        by_patient[one.alert.patient_id] = (*by_patient.get(one.alert.patient_id, ()), one)
    return by_patient


async def _homes(unit: Unit, ids: Sequence[UUID], now: datetime) -> dict[UUID, tuple[Gateway, ...]]:
    held = [
        one for one in await unit.homes.assignments(patients=ids) if one.valid_until is None or one.valid_until > now
    ]
    sensors = await unit.homes.sensors_at({one.sensor for one in held})
    gateways = await unit.homes.gateways_named({sensor.gateway for sensor in sensors.values()})
    found: dict[UUID, dict[str, Gateway]] = {}
    for one in held:
        sensor = sensors.get(one.sensor)
        if sensor is not None and sensor.gateway in gateways:
            found.setdefault(one.patient_id, {})[sensor.gateway] = gateways[sensor.gateway]
    return {patient_id: tuple(ones.values()) for patient_id, ones in found.items()}


def _missing(
    patient: Patient,
    history: tuple[Plan, ...],
    latest: Mapping[str, PatientReading],
    pauses: Sequence[Pause],
    now: datetime,
) -> tuple[Missing, ...]:
    plan = in_force(history, now)
    if plan is None:
        return ()
    times = {kind: row.reading.effective_time for kind, row in latest.items()}
    return missing(
        plan,
        patient.time_zone,
        times,
        now,
        expected_from=patient.enrolled_at,
        pauses=pauses,
        history=history,
    )
