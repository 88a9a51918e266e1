"""Live events: what changed, so that a screen can ask again. Never the data itself. Other processes' come by a bridge.

Publishing never waits and never fails: a subscriber that does not keep up gets one ``resync`` event instead of what it
missed, and asks for everything again. Nothing is lost silently.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

BACKLOG: Final = 256
"""Different events kept for one subscriber before it is told to ask again."""

EventKind = Literal["reading", "alert", "gateway", "inbox", "plan", "store", "broker", "resync", "synthetic"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed at ``at``. ``store`` says that the stores went away or came back, ``broker`` the same of the
    broker; ``synthetic`` that an alert of the watchdog's was answered; ``inbox`` that what waits for a person has
    changed; ``plan`` that a patient's plan has a new version, or a pause begins or ends; ``resync`` that this
    subscriber missed events and has to read everything again."""

    kind: EventKind
    at: datetime
    patient_id: UUID | None = None
    team_id: UUID | None = None
    gateway: str | None = None
    alert_id: int | None = None


def everything(_event: Event) -> bool:
    """What a subscriber wants who wants it all."""
    return True


class _Subscription:
    def __init__(self, backlog: int, wanted: Callable[[Event], bool], kinds: Collection[EventKind] | None) -> None:
        self.kinds = kinds
        self._events: dict[tuple[object, ...], Event] = {}
        self._backlog = backlog
        self._wanted = wanted
        self._wake = asyncio.Event()

    def put(self, event: Event) -> None:
        if (self.kinds is not None and event.kind not in self.kinds) or not self._wanted(event):
            return
        what = (event.kind, event.patient_id, event.gateway, event.alert_id)
        if what not in self._events and len(self._events) >= self._backlog:
            self._events.clear()
            event = Event("resync", event.at)
        self._events[what] = event
        self._wake.set()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            self._wake.clear()
            await self._wake.wait()
        return self._events.pop(next(iter(self._events)))


class EventBus:
    """One publisher side, any number of subscribers, all on one event loop."""

    def __init__(self, backlog: int = BACKLOG) -> None:
        self._backlog = backlog
        self._subscriptions: set[_Subscription] = set()
        self._relays: list[Callable[[Event], None]] = []

    def listened(self, kind: EventKind) -> bool:
        """Whether anybody hears events of this kind, here or elsewhere: who publishes thousands a second may ask
        first."""
        return bool(self._relays) or any(one.kinds is None or kind in one.kinds for one in self._subscriptions)

    def publish(self, event: Event) -> None:
        """Something changed here: tell every subscriber of this moment, and the other processes."""
        self.hear(event)
        for tell in self._relays:
            tell(event)

    def hear(self, event: Event) -> None:
        """Something changed in another process: tell every subscriber of this moment."""
        for subscription in self._subscriptions:
            subscription.put(event)

    @asynccontextmanager
    async def subscribe(
        self, wanted: Callable[[Event], bool] = everything, kinds: Collection[EventKind] | None = None
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """Events from now until the block ends, as an endless iterator. What changed twice before it was taken comes
        once. ``wanted`` is asked for every event of every process: it looks at the event and at nothing else. With
        ``kinds`` it hears of nothing else."""
        subscription = _Subscription(self._backlog, wanted, kinds)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    @contextmanager
    def relayed(self, tell: Callable[[Event], None]) -> Iterator[None]:
        """Until the block ends, what is published here is told to other processes too. ``tell`` never waits."""
        self._relays.append(tell)
        try:
            yield
        finally:
            self._relays.remove(tell)
