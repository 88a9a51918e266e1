"""Missing measurements become alerts: driven by one due row a patient, when the next slot has closed and its grace is
over. Nobody is taken for silent because data could not come, nor for a while after it can again; what a hop behind
every home has broken is said of that hop.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.alerting.silence_keeping import SilenceKeeper, SilentFile
from hearthline_backend.alerting.timing import DEFAULT, Timing
from hearthline_backend.domain.pauses import Pause
from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.domain.schedule import Missing, missing, next_look
from hearthline_backend.events import Event, EventBus
from hearthline_backend.storage.ports import PatientReading, ReadingStore, Records
from hearthline_backend.storage.records.alerts import Alert
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.silence import Intake
from hearthline_backend.storage.records.unit import Unit

AT_ONCE: Final = 200
SETTLED_AFTER: Final = timedelta(minutes=15)
"""Homes send again what they kept within ten minutes of a connection: what has not come by then is not on its way."""
LOOK_AGAIN: Final = timedelta(minutes=15)
"""While a silence lasts, what is known about it may change."""
LOOKS_BACK: Final = timedelta(days=31)
"""Missed slots lie no further back."""
_NOTHING_EXPECTED: Final = timedelta(days=30)


def settled(intake: Intake | None, now: datetime) -> Intake | None:
    """The intake where what homes kept has had its time to come; None where nothing may be judged as missing."""
    return intake if intake is not None and now - intake.since >= SETTLED_AFTER else None


class SilenceWatch:
    """Looks at the patients who are due; each batch is one transaction, so that a crash repeats it whole."""

    def __init__(
        self,
        records: Records,
        readings: ReadingStore,
        *,
        clock: Callable[[], datetime],
        events: EventBus,
        timing: Timing = DEFAULT,
    ) -> None:
        self._records = records
        self._readings = readings
        self._clock = clock
        self._events = events
        self._timing = timing

    async def run_due(self) -> int:
        """Look at whoever is due; returns how many patients that were."""
        now = self._clock()
        async with self._records.read() as unit:
            first = await unit.silence.next_patient_at()
            if first is None or first > now:
                return 0
            found = await unit.silence.intake(now)
            intake = settled(found, now)
            if intake is None and (found is not None or not await unit.absences.lasting(now)):
                return 0
            seen = await unit.silence.due_patients(now, AT_ONCE)
        latest = await self._readings.latest(list(seen))
        async with self._records.begin() as unit:
            await unit.alerts.lock_patients(list(seen))
            ours = await unit.silence.claim_patients(seen)
            changed = await self._look(unit, ours, latest, intake, now)
        for alert, team in changed:
            self._events.publish(Event("alert", now, alert.patient_id, team, alert_id=alert.id))
        return len(ours)

    async def _look(
        self,
        unit: Unit,
        ids: frozenset[UUID],
        latest: Mapping[UUID, Mapping[str, PatientReading]],
        intake: Intake | None,
        now: datetime,
    ) -> list[tuple[Alert, UUID]]:
        patients = await unit.care.patients(ids=ids)
        histories = await unit.care.plan_histories(ids)
        pauses = await unit.pauses.of(ids)
        live = await _live(unit, ids)
        absences = await unit.absences.since(now - LOOKS_BACK, now)
        keeper = SilenceKeeper(unit, intake, absences, self._timing, now)
        files: list[SilentFile] = []
        for patient in patients:
            history, newest = histories.get(patient.id, ()), latest.get(patient.id, {})
            plan = in_force(history, now)
            gone = missing_now(patient, history, newest, now, pauses.get(patient.id, ()))
            due = None if plan is None else next_look(plan, patient.time_zone, now)
            if gone or live.get(patient.id):
                files.append(SilentFile(patient, plan, gone, live.get(patient.id, ()), newest))
                due = now + LOOK_AGAIN if due is None else min(due, now + LOOK_AGAIN)
            await unit.silence.look_at(patient.id, due or now + _NOTHING_EXPECTED)
        changed = await keeper.keep(files) if files else []
        teams = {patient.id: patient.team_id for patient in patients}
        return [(alert, teams[alert.patient_id]) for alert in changed]


async def _live(unit: Unit, ids: frozenset[UUID]) -> dict[UUID, tuple[Alert, ...]]:
    found: dict[UUID, tuple[Alert, ...]] = {}
    for patient_id, numbers in (await unit.silence.live_alerts(ids)).items():
        alerts = [await unit.alerts.get(number, lock=True) for number in numbers]
        found[patient_id] = tuple(one for one in alerts if one is not None and one.state.live)
    return found


def missing_now(
    patient: Patient,
    history: tuple[Plan, ...],
    newest: Mapping[str, PatientReading],
    now: datetime,
    pauses: Sequence[Pause] = (),
) -> tuple[Missing, ...]:
    """What of a patient is missing by the plan in force; ``newest`` has the last reading with a value by kind."""
    plan = in_force(history, now)
    if plan is None:
        return ()
    times = {kind: row.effective_time for kind, row in newest.items()}
    return missing(
        plan,
        patient.time_zone,
        times,
        now,
        expected_from=patient.enrolled_at,
        pauses=pauses,
        history=history,
    )
