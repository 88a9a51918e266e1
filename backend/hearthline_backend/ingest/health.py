"""Whether the stores take what comes. The screens say "data delayed" while they do not."""

from collections.abc import Callable
from datetime import datetime

from hearthline_backend.events import Event, EventBus


class StoreHealth:
    """``delayed_since`` is when the stores stopped taking readings; None while they do."""

    def __init__(self, events: EventBus, clock: Callable[[], datetime]) -> None:
        self._events = events
        self._clock = clock
        self.delayed_since: datetime | None = None

    def lost(self) -> bool:
        """Note an outage; True when it is news."""
        if self.delayed_since is not None:
            return False
        self.delayed_since = self._clock()
        self._events.publish(Event("store", self.delayed_since))
        return True

    def back(self) -> bool:
        """Note that the stores work; True when it is news."""
        if self.delayed_since is None:
            return False
        self.delayed_since = None
        self._events.publish(Event("store", self._clock()))
        return True
