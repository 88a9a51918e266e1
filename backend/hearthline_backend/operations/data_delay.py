"""Since when data is delayed, for every screen: the broker, a store or whoever takes readings does not do its work.

A screen is told after a while only: a connection that is made anew is no news.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from hearthline_backend.events import Event, EventBus
from hearthline_backend.operations.readiness import CHECK_WITHIN_S, Check, Probe

EVERY_S: Final = 5.0
PATIENCE: Final = timedelta(seconds=30)
_NO_DELAY: Final = frozenset({"running"})
"""Checks that say nothing about data."""

Ask = Callable[[], Awaitable[tuple[bool, Sequence[Mapping[str, Any]]]]]


class DataDelay:
    """``ask`` are the checks of this process; ``taken`` whether anybody takes readings. Every stream is told of a
    change by a live event."""

    def __init__(self, ask: Ask, taken: Probe, events: EventBus, clock: Callable[[], datetime]) -> None:
        self._ask = ask
        self._taken = Check("taken", taken, clock, CHECK_WITHIN_S)
        self._events = events
        self._clock = clock
        self.since: datetime | None = None

    async def run(self) -> None:
        """Look for ever."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(EVERY_S)
        finally:
            await self._taken.close()

    async def look(self) -> None:
        """Look once."""
        _ready, found = await self._ask()
        failed = [one for one in (*found, await self._taken.look()) if not one["ok"] and one["check"] not in _NO_DELAY]
        now = self._clock()
        began = min((datetime.fromisoformat(one["since"]) for one in failed), default=now)
        since = began if now - began >= PATIENCE else None
        changed = (since is None) is not (self.since is None)
        self.since = since
        if changed:
            self._events.publish(Event("store", now))
