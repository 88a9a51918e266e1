"""The gateway's own word on how it is, as published on its status topic. No values."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from hearthline_gateway.clock import Clock, counted
from hearthline_gateway.dating import dated_moment
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.outbox.store import Outbox, OutboxReport
from hearthline_protocol.messages import AdapterStatus, GatewayStatus, MeterStatus, OutboxStatus

_NO_METER_IS_AHEAD_BY: Final = timedelta(days=20 * 365).total_seconds()
"""An offset larger than this was measured against a count from the boot, not against a clock."""


class BluetoothStatus(Protocol):
    """What the status needs of the Bluetooth side: the adapter's state in words, and every meter as last known."""

    @property
    def adapter(self) -> str:
        """Such as ``powered``."""

    @property
    def adapters(self) -> tuple[AdapterStatus, ...]:
        """Every adapter in use."""

    @property
    def meters(self) -> tuple[MeterStatus, ...]:
        """Every configured meter."""


class StatusReport:
    """Composes the status from the parts that know."""

    def __init__(self, outbox: Outbox, bluetooth: Callable[[], BluetoothStatus], clock: Clock, *, version: str) -> None:
        """``bluetooth`` is asked each time; ``version`` is the gateway's own."""
        self._outbox = outbox
        self._bluetooth = bluetooth
        self._clock = clock
        self._version = version
        self._started = clock.now()

    async def __call__(self) -> GatewayStatus:
        """The state of this moment. A moment whose date is not known yet is left out."""
        bluetooth = self._bluetooth()
        trusted = self._clock.trusted
        report: OutboxReport | None
        try:
            report = found = await self._outbox.report([meter.address for meter in bluetooth.meters])
        except OutboxError as error:  # it cannot even be opened: all the more does the word have to go
            report = None
            problems: tuple[str, ...] = (str(error)[:300],)
        else:
            problems = (*found.problems, *_time_problem(found.status, trusted=trusted))
        return GatewayStatus(
            state="online",
            sent_time=self._clock.now() if trusted else None,
            version=self._version,
            started_time=self._date(self._started),
            clock_synchronised=trusted,
            adapter=bluetooth.adapter,
            adapters=bluetooth.adapters,
            problems=problems,
            outbox=None if report is None else report.status,
            meters=tuple(self._with_history(meter, report) for meter in bluetooth.meters),
        )

    def _with_history(self, meter: MeterStatus, report: OutboxReport | None) -> MeterStatus:
        """What only the outbox remembers: bad frames, and when the meter was last heard before this process began."""
        before = None if report is None else report.last_heard.get(meter.address)
        offset = meter.clock_offset_s
        return meter.model_copy(
            update={
                "bad_frames": () if report is None else report.bad_frames.get(meter.address, ()),
                "last_reading": self._date(meter.last_reading) or before,
                "last_heard": self._date(meter.last_heard) or before,
                "last_error_time": self._date(meter.last_error_time),
                "clock_offset_s": None if offset is not None and offset > _NO_METER_IS_AHEAD_BY else offset,
            }
        )

    def _date(self, moment: datetime | None) -> datetime | None:
        if moment is None or not counted(moment):
            return moment
        began = self._clock.boot_began
        return None if began is None else dated_moment(moment, began)


def _time_problem(outbox: OutboxStatus, *, trusted: bool) -> tuple[str, ...]:
    if trusted:
        return ()
    waiting = f", and {outbox.waiting_for_time} measurements wait for their date" if outbox.waiting_for_time else ""
    words = (
        f"this machine does not know the time{waiting}: let it reach a time server, or set "
        "gateway.trust_clock where its clock is right"
    )
    return (words,)
