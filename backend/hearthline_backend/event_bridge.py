"""Carries live events between processes that share one PostgreSQL: a reading that a worker took shows on a screen that
the site serves. With SQLite there is one process and nothing to carry.

What is carried is what changed and whose it is, never a value. Nobody waits for it: what changes again and again is
told once a round, and what cannot be told, because the line broke or there was too much, becomes one ``resync``, with
which every screen asks for everything again.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from itertools import chain, islice
from typing import Final
from uuid import UUID

import msgspec
import structlog

from hearthline_backend.events import Event, EventBus, EventKind
from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.records.signals import WORD_BYTES, Signals, signals
from hearthline_backend.uplink.backoff import delays

log = structlog.get_logger(__name__)

CHANNEL: Final = "hearthline_events"
ROUND_S: Final = 0.2
"""The same thing of the same patient is told once in this time."""
EVENTS_A_ROUND: Final = 512
"""The rest waits its turn, alerts before readings."""
MOST_WAITING: Final = 20_000
CHECK_S: Final = 10.0
_FLUSH_WITHIN_S: Final = 1.0
IN_ORDER: Final[tuple[EventKind, ...]] = ("resync", "alert", "synthetic", "inbox", "gateway", "plan", "reading")
"""What is carried, the most urgent first. Stores and brokers are each process's own."""
_Key = tuple[UUID | None, str | None, int | None]


class EventBridge:
    """Runs until it is cancelled; :meth:`flush` before that tells what is left."""

    def __init__(self, url: str, events: EventBus, clock: Callable[[], datetime]) -> None:
        """``url`` is that of Records, on PostgreSQL."""
        self._url = url
        self._events = events
        self._clock = clock
        self._waiting: dict[EventKind, dict[_Key, Event]] = {kind: {} for kind in IN_ORDER}
        self._something = asyncio.Event()
        self._line: Signals | None = None
        self._telling = asyncio.Lock()

    async def run(self) -> None:
        """Carry, for ever; a line that breaks is opened again."""
        with self._events.relayed(self._offer):
            gap = False
            waits = delays()
            while True:
                try:
                    async with signals(self._url, CHANNEL, self._hear) as self._line:
                        if gap:
                            log.info("event_bridge_back")
                            self._events.hear(Event("resync", self._clock()))
                            waits = delays()
                        await self._tell_on(self._line)
                except StoreUnavailableError as error:
                    if not gap or self._line is not None:
                        log.warning("event_bridge_broken", reason=str(error))
                except Exception:  # live events are not worth ending readings and calls; it is logged, and tried again
                    log.exception("event_bridge_failed")
                    self._tell_to_ask_again(self._clock())
                finally:
                    self._line = None
                gap = True
                await asyncio.sleep(next(waits))

    async def flush(self) -> None:
        """Tell what waits now, if that can be done."""
        try:
            while self._something.is_set() and self._line is not None:
                await self._tell(self._line)
        except StoreUnavailableError as error:
            log.warning("events_not_told", waiting=self._count(), reason=str(error))

    async def _tell_on(self, line: Signals) -> None:
        while not line.broken.is_set():
            await _either(line.broken, self._something, within_s=CHECK_S)
            if self._something.is_set():
                await self._tell(line)
                await _either(line.broken, within_s=ROUND_S)
            else:
                await line.check()
        raise StoreUnavailableError("records are not available: the line for events broke")

    async def _tell(self, line: Signals) -> None:
        async with self._telling:
            told = list(islice(chain(*(one.items() for one in self._waiting.values())), EVENTS_A_ROUND))
            await line.say(list(_words(event for _, event in told)))
            for key, event in told:
                waiting = self._waiting[event.kind]
                if waiting.get(key) is event:  # not yet changed again
                    del waiting[key]
            if self._count() == 0:
                self._something.clear()

    def _offer(self, event: Event) -> None:
        if event.kind not in self._waiting:
            return
        if self._count() >= MOST_WAITING:
            self._tell_to_ask_again(event.at)
            return
        self._waiting[event.kind][event.patient_id, event.gateway, event.alert_id] = event
        self._something.set()

    def _tell_to_ask_again(self, at: datetime) -> None:
        """One word instead of all that waits."""
        for waiting in self._waiting.values():
            waiting.clear()
        self._waiting["resync"][None, None, None] = Event("resync", at)
        self._something.set()

    def _count(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _hear(self, word: str) -> None:
        try:
            events = [_event(fields) for fields in json.loads(word)]
        except (ValueError, TypeError, KeyError):
            log.warning("event_not_understood", bytes=len(word), next_step="run one release in all processes")
            events = [Event("resync", self._clock())]
        for event in events:
            self._events.hear(event)


@asynccontextmanager
async def bridged(url: str, events: EventBus, clock: Callable[[], datetime]) -> AsyncIterator[None]:
    """Until the block ends, events are carried where ``url``, that of Records, is one that processes share. What was
    published by then is told yet, if that is quickly done."""
    if not url.startswith("postgresql"):
        yield
        return
    bridge = EventBridge(url, events, clock)
    running = asyncio.create_task(bridge.run(), name="event bridge")
    try:
        yield
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_WITHIN_S):
                await bridge.flush()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _words(events: Iterable[Event]) -> Iterator[str]:
    """As many events a word as fit."""
    parts: list[str] = []
    size = 2
    for event in events:
        part = msgspec.json.encode(_fields(event)).decode()
        if parts and size + len(part) + 1 > WORD_BYTES:
            yield f"[{','.join(parts)}]"
            parts, size = [], 2
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield f"[{','.join(parts)}]"


def _fields(event: Event) -> list[str | int | None]:
    patient = None if event.patient_id is None else event.patient_id.hex
    team = None if event.team_id is None else event.team_id.hex
    return [event.kind, event.at.isoformat(), patient, team, event.gateway, event.alert_id]


def _event(fields: list[str | int | None]) -> Event:
    kind, at, patient, team, gateway, alert = fields
    if kind not in IN_ORDER:
        raise ValueError("not a kind of event that is carried")
    return Event(
        kind=kind,
        at=datetime.fromisoformat(str(at)),
        patient_id=None if patient is None else UUID(str(patient)),
        team_id=None if team is None else UUID(str(team)),
        gateway=None if gateway is None else str(gateway),
        alert_id=None if alert is None else int(alert),
    )


async def _either(*events: asyncio.Event, within_s: float) -> None:
    """Until one of them is set, or the time is up."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
