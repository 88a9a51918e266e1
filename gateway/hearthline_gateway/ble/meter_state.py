"""What the collector knows of one meter, between connections."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.frame import MeterClock
from hearthline_protocol.messages import MeterStatus

_FIRST_RETRY_S: Final = 1.0
_LAST_RETRY_S: Final = 60.0


@dataclass(slots=True)
class MeterState:
    """One meter. ``not_before`` is when it may be connected again, on the event loop's clock; ``clock`` the newest
    knowledge of its clock, for a connection that ends before the clock could be read."""

    meter: ConfiguredMeter
    paired: bool = False
    last_heard: datetime | None = None
    last_reading: datetime | None = None
    battery_percent: int | None = None
    clock_offset_s: float | None = None
    signal_dbm: int | None = None
    problem: str | None = None
    clock: MeterClock | None = None
    busy: bool = False
    failures: int = 0
    not_before: float = 0.0

    def succeeded(self, now: float) -> None:
        """The connection did what it was for: leave the meter alone for as long as its model wants."""
        self.failures = 0
        self.not_before = now + self.meter.model.reconnect_after_s

    def failed(self, now: float, problem: str) -> float:
        """The connection failed: try again later, each time twice as late. Answers with the pause in seconds."""
        pause = float(min(_FIRST_RETRY_S * 2 ** min(self.failures, 10), _LAST_RETRY_S))
        self.failures += 1
        self.problem = problem
        self.not_before = now + pause
        return pause

    def status(self) -> MeterStatus:
        """The meter as the gateway reports it."""
        return MeterStatus(
            address=self.meter.address,
            model=self.meter.model.name,
            paired=self.paired if self.meter.model.pair else None,
            last_heard=self.last_heard,
            last_reading=self.last_reading,
            battery_percent=self.battery_percent,
            clock_offset_s=self.clock_offset_s,
            signal_dbm=self.signal_dbm,
            problem=self.problem,
        )
