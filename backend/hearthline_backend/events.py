"""Live events inside the process: what changed, so that a screen can ask again. Never the data itself.

Publishing never waits and never fails: a subscriber that does not keep up gets one ``resync`` event instead of what it
missed, and asks for everything again. Nothing is lost silently.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

BACKLOG: Final = 256
"""Events kept for one subscriber before it is told to ask again."""

EventKind = Literal["reading", "alert", "gateway", "store", "broker", "resync"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed at ``at``. ``store`` says that the stores went away or came back, ``broker`` the same of the
    broker; ``resync`` that this subscriber missed events and has to read everything again."""

    kind: EventKind
    at: datetime
    patient_id: UUID | None = None
    team_id: UUID | None = None
    gateway: str | None = None
    alert_id: int | None = None


class _Subscription:
    def __init__(self, backlog: int) -> None:
        self._events: deque[Event] = deque()
        self._backlog = backlog
        self._wake = asyncio.Event()

    def put(self, event: Event) -> None:
        if len(self._events) >= self._backlog:
            self._events.clear()
            event = Event("resync", event.at)
        self._events.append(event)
        self._wake.set()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()


class EventBus:
    """One publisher side, any number of subscribers, all on one event loop."""

    def __init__(self, backlog: int = BACKLOG) -> None:
        self._backlog = backlog
        self._subscriptions: set[_Subscription] = set()

    def publish(self, event: Event) -> None:
        """Hand ``event`` to every subscriber of this moment."""
        for subscription in self._subscriptions:
            subscription.put(event)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[Event]]:
        """Events from now until the block ends, as an endless iterator."""
        subscription = _Subscription(self._backlog)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
