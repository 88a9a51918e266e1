"""The end of a snooze is due like anything else: what it held back and is still there calls again."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from hearthline_backend.alerting.snoozing import bring_back, held_back
from hearthline_backend.alerting.timing import DEFAULT, Timing
from hearthline_backend.events import Event, EventBus
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.alerts import Alert
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.snoozes import Snooze
from hearthline_backend.storage.records.unit import Unit

log = structlog.get_logger(__name__)
_AT_ONCE: Final = 50


class SnoozeEnds:
    """Each pass is one transaction. It waits for patients only, so that nobody waits in a ring: a judge that is just
    raising an alert under a snooze ends before the snooze does, and the alert is seen here."""

    def __init__(
        self, records: Records, *, clock: Callable[[], datetime], events: EventBus, timing: Timing = DEFAULT
    ) -> None:
        self._records = records
        self._clock = clock
        self._events = events
        self._timing = timing

    async def run_due(self) -> int:
        """End what is over now; returns how many that were."""
        now = self._clock()
        async with self._records.read() as unit:
            first = await unit.snoozes.next_due_at()
        if first is None or first > now:
            return 0
        async with self._records.begin() as unit:
            over = await unit.snoozes.due(now, _AT_ONCE)
            await unit.alerts.lock_patients({one.patient_id for one in over})
            ours = await unit.snoozes.take([one.id for one in over])
            patients = {one.id: one for one in await unit.care.patients(ids={one.patient_id for one in over})}
            ended = 0
            back: list[tuple[Alert, Patient]] = []
            for one in over:
                if one.id in ours:
                    found = await self._end(unit, one, patients[one.patient_id], now)
                    ended += found is not None
                    back += [(alert, patients[one.patient_id]) for alert in found or ()]
        for alert, patient in back:
            self._events.publish(Event("alert", now, patient.id, patient.team_id, alert_id=alert.id))
        return ended

    async def _end(self, unit: Unit, snooze: Snooze, patient: Patient, now: datetime) -> tuple[Alert, ...] | None:
        """None where it has to wait: for somebody who is just changing one of its alerts, or for a pause to end."""
        if patient.paused_until is not None and patient.paused_until > now:
            await unit.snoozes.put_off(snooze.id, patient.paused_until)
            return None
        held = await held_back(unit, snooze)
        if await unit.alerts.lock_free([alert.id for alert in held]) != {alert.id for alert in held}:
            return None
        await unit.snoozes.end([snooze.id], now, None)
        back = await bring_back(unit, snooze, await held_back(unit, snooze), patient, now, self._timing)
        log.info("snooze_over", snooze=snooze.id, back=len(back))
        return back
