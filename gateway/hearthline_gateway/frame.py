"""Hop 1's result: one value of one characteristic, as heard, with all that later hops need to know of the hearing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MeterClock:
    """The meter's clock as read at the start of this connection, before anybody set it; where the connection broke
    before that, as read in an earlier one: ``read_at`` tells.

    ``ahead_of_utc`` is the clock face minus UTC at that moment: the home's zone plus whatever the clock is wrong by. It
    applies to every record the meter stored before the setting. Where the clock was set, ``set_at`` is when and
    ``set_ahead_of_utc`` what it was ahead by from then on; both are None where it was left alone.
    """

    ahead_of_utc: timedelta
    read_at: datetime
    set_ahead_of_utc: timedelta | None = None
    set_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BootMoment:
    """A moment by the only clock that a machine without time has: ``seconds`` since the boot that ``boot_id`` names
    (CLOCK_BOOTTIME and the kernel's boot id)."""

    boot_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes from a meter.

    ``characteristic`` is the 16-bit UUID in upper-case hex, ``sensor`` the meter's identity address, ``received_time``
    the gateway's clock in UTC. ``clock`` is None where the meter has none to read. ``first`` marks the connection's
    first measurement, ``alone`` is True once the connection is known to have brought only this one. ``since_boot`` is
    set while the gateway's own clock is not known to be right; ``received_time`` is then only what it showed.
    """

    sensor: str
    characteristic: str
    payload: bytes
    received_time: datetime
    model: str | None = None
    clock: MeterClock | None = None
    first: bool = False
    alone: bool = False
    since_boot: BootMoment | None = None


class FrameSink(Protocol):
    """Where a Bluetooth session puts what it hears."""

    async def heard(self, frame: Frame) -> None:
        """Make the frame durable; returns only once a power cut can no longer take it."""

    async def connection_ended(self, sensor: str) -> None:
        """Nothing more will come from this meter in this connection."""


class RecordMemory(Protocol):
    """What a session has to know of earlier ones, for meters that store numbered records."""

    async def last_sequence(self, sensor: str, characteristic: str) -> int | None:
        """The highest sequence number whose record is complete and durable; None when there is none."""

    async def forget_sequence(self, sensor: str, characteristic: str) -> None:
        """The meter numbers from the start again: its memory was cleared."""
