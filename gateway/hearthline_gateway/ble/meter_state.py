"""What the collector knows of one meter, between connections."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.frame import MeterClock
from hearthline_protocol.messages import MeterStatus

_FIRST_RETRY_S: Final = 1.0
_LAST_RETRY_S: Final = 60.0
_ERROR_LENGTH: Final = 300
"""The status message takes no longer one."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """That an adapter hears a meter: ``since`` and ``last`` on the event loop's clock, and how strongly."""

    since: float
    last: float
    signal_dbm: int


@dataclass(slots=True)
class MeterState:
    """One meter. ``not_before`` is when it may be connected again, on the event loop's clock; ``clock`` the newest
    knowledge of its clock, for a connection that ends before the clock could be read. ``bonds`` are the adapters that
    hold a bond with it, ``paired`` whether the one it was last connected through does. ``stale_signs`` counts the
    connections in a row that ended as a forgotten bond ends them, ``mended_at`` is when its bond was last removed for
    that, on the event loop's clock."""

    meter: ConfiguredMeter
    paired: bool = False
    last_heard: datetime | None = None
    last_reading: datetime | None = None
    battery_percent: int | None = None
    clock_offset_s: float | None = None
    signal_dbm: int | None = None
    problem: str | None = None
    clock: MeterClock | None = None
    manufacturer: str | None = None
    model_number: str | None = None
    firmware: str | None = None
    information_read_at: datetime | None = None
    records_asked_at: datetime | None = None
    """When it last told all its stored records, by a clock that could be trusted."""
    busy: bool = False
    failures: int = 0
    not_before: float = 0.0
    last_error: str | None = None
    last_error_time: datetime | None = None
    bonds: set[str] = field(default_factory=set)
    sightings: dict[str, Sighting] = field(default_factory=dict)
    stale_signs: int = 0
    mended_at: float | None = None

    def succeeded(self, now: float) -> None:
        """The connection did what it was for: leave the meter alone for as long as its model wants."""
        self.failures = 0
        self.stale_signs = 0
        self.not_before = now + self.meter.model.reconnect_after_s

    def failed(self, now: float, problem: str, at: datetime | None = None) -> float:
        """The connection failed at ``at``: try again later, each time twice as late. Answers with the pause in
        seconds."""
        pause = float(min(_FIRST_RETRY_S * 2 ** min(self.failures, 10), _LAST_RETRY_S))
        self.failures += 1
        self.problem = self.last_error = problem
        self.last_error_time = at
        self.not_before = now + pause
        return pause

    def hurry(self) -> None:
        """Forget the pause: connect as soon as it is heard."""
        self.failures = 0
        self.not_before = 0.0

    def seen(self, adapter: str, now: float, signal_dbm: int, fresh_s: float) -> None:
        """An adapter heard it; one that had not for ``fresh_s`` seconds hears it anew."""
        before = self.sightings.get(adapter)
        since = before.since if before is not None and now - before.last <= fresh_s else now
        self.sightings[adapter] = Sighting(since, now, signal_dbm)

    def status(self) -> MeterStatus:
        """The meter as the gateway reports it."""
        return MeterStatus(
            address=self.meter.address,
            model=self.meter.model.name,
            paired=(self.paired or bool(self.bonds)) if self.meter.model.pair else None,
            last_heard=self.last_heard,
            last_reading=self.last_reading,
            battery_percent=self.battery_percent,
            clock_offset_s=self.clock_offset_s,
            signal_dbm=self.signal_dbm,
            manufacturer=self.manufacturer,
            model_number=self.model_number,
            firmware=self.firmware,
            last_error=None if self.last_error is None else self.last_error[:_ERROR_LENGTH],
            last_error_time=self.last_error_time,
            problem=self.problem,
        )
