"""Meters on one air, and everything that happened at them."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from hearthline_simulator.meters.events import MeterEvent, Report
from hearthline_simulator.meters.profiles import AnyMeter, make_meter
from hearthline_simulator.meters.spec import MeterSpec
from hearthline_simulator.radio import Radio


def local_zone() -> tzinfo:
    """The zone of this machine, as of now."""
    zone = datetime.now(UTC).astimezone().tzinfo
    return zone if zone is not None else UTC


class Household:
    """The meters of a home, without the adapter that hears them. ``events`` keeps everything that happened, oldest
    first."""

    def __init__(
        self, meters: Iterable[MeterSpec], *, home_zone: tzinfo | None = None, report: Report | None = None
    ) -> None:
        self._report = report
        self._changed = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()
        self.events: list[MeterEvent] = []
        self.radio = Radio()
        zone = home_zone if home_zone is not None else local_zone()
        specs = list(meters)
        if len({spec.name for spec in specs}) != len(specs) or len({spec.address for spec in specs}) != len(specs):
            raise ValueError("every meter needs a name and an address of its own")
        self.meters: dict[str, AnyMeter] = {
            spec.name: make_meter(self.radio, spec, self._on_event, home_zone=zone) for spec in specs
        }

    async def start_meters(self) -> None:
        """Put the batteries in."""
        for meter in self.meters.values():
            await meter.start()

    async def stop_meters(self) -> None:
        """Take the batteries out."""
        for meter in self.meters.values():
            await meter.stop()

    def meter(self, name: str) -> AnyMeter:
        """The meter of that name; raises ``KeyError`` naming the known ones."""
        found = self.meters.get(name)
        if found is None:
            raise KeyError(f"no meter is called {name!r}; known meters: {', '.join(self.meters)}")
        return found

    async def until(
        self, wanted: Callable[[Sequence[MeterEvent]], bool], *, within_s: float = 10.0
    ) -> Sequence[MeterEvent]:
        """Wait until ``wanted`` is true of the events so far, and answer with them. Raises ``TimeoutError`` with the
        events that did happen."""
        try:
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(lambda: wanted(self.events))
        except TimeoutError as error:
            seen = ", ".join(f"{event.meter} {event.event}" for event in self.events)
            raise TimeoutError(f"not within {within_s} s; seen: {seen or 'nothing'}") from error
        return self.events

    def _on_event(self, event: MeterEvent) -> None:
        self.events.append(event)
        if self._report is not None:
            self._report(event)
        task = asyncio.get_running_loop().create_task(self._tell_waiting())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_waiting(self) -> None:
        async with self._changed:
            self._changed.notify_all()
