"""Answers the watchdog's alerts, and erases synthetic readings that were kept long enough."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

import structlog

from hearthline_backend.events import Event, EventBus, EventKind
from hearthline_backend.storage.ports import ReadingStore, Records
from hearthline_backend.storage.records.synthetic import ALERT, ERASURE, DueAlert
from hearthline_protocol import topics
from hearthline_protocol.messages import SyntheticAlert

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 20


class Answers(Protocol):
    """What can send an answer to a gateway."""

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool = False) -> bool:
        """False when it cannot be sent now."""


class SyntheticInstruments(Protocol):
    """Told what became of synthetic alerts. Never waits and never fails."""

    def synthetic_alert(self, *, told: bool) -> None:
        """One was answered, or could not be."""


_HEARD: Final[tuple[EventKind, ...]] = ("synthetic",)


class SyntheticEvents:
    """Hears the watchdog's live events, as a screen hears what it shows."""

    def __init__(self) -> None:
        self.last_at: datetime | None = None

    async def hear(self, events: EventBus) -> None:
        """Until it is cancelled."""
        async with events.subscribe(kinds=_HEARD) as heard:
            async for event in heard:
                self.last_at = event.at


class SyntheticAlerts:
    """Its two jobs belong after every other job of what is due: an answer says that those have had their turn."""

    def __init__(
        self,
        records: Records,
        readings: ReadingStore,
        events: EventBus,
        clock: Callable[[], datetime],
        instruments: SyntheticInstruments,
    ) -> None:
        self._records = records
        self._readings = readings
        self._events = events
        self._clock = clock
        self._instruments = instruments
        self._answers: Answers | None = None

    def answer_through(self, answers: Answers) -> None:
        """The way to the gateways is open."""
        self._answers = answers

    async def tell_due(self) -> int:
        """Tell the watchdog what followed from its readings; returns how many alerts that was. One that cannot be sent
        is not kept: its being late is what the watchdog has to see."""
        now = self._clock()
        async with self._records.read() as unit:
            first = await unit.synthetic.next_at(ALERT)
        if first is None or first > now or self._answers is None:
            return 0
        async with self._records.begin() as unit:
            found = await unit.synthetic.take_alerts(now, _AT_ONCE)
            oldest = await unit.synthetic.oldest_waiting_call(now)
        waiting_s = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
        for one in found:
            self._tell(self._answers, one, waiting_s)
        return len(found)

    async def erase_due(self) -> int:
        """Erase what was kept long enough; returns how many hours that was."""
        now = self._clock()
        async with self._records.read() as unit:
            first = await unit.synthetic.next_at(ERASURE)
            due = [] if first is None or first > now else await unit.synthetic.erasures(now, _AT_ONCE)
        for one in due:
            # Not within the transaction: a store that keeps its register in Records would wait for it for ever.
            erased = await self._readings.erase(one.home)
            log.info("synthetic_readings_erased", readings=erased)
        if due:
            async with self._records.begin() as unit:
                await unit.synthetic.done([one.home for one in due])
        return len(due)

    def _tell(self, answers: Answers, found: DueAlert, waiting_s: float) -> None:
        now = self._clock()
        alert = SyntheticAlert(
            synthetic_alert=found.reading_id, judged_time=found.judged_at, told_time=now, calls_waiting_s=waiting_s
        )
        topic = topics.receipts(found.gateway)
        told = answers.publish(topic, alert.model_dump_json().encode(), str(found.reading_id).encode())
        self._instruments.synthetic_alert(told=told)
        self._events.publish(Event("synthetic", now, gateway=found.gateway))
