"""The gateway's own word on how it is, as published on its status topic. No values."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from hearthline_gateway.clock import clock_synchronised
from hearthline_gateway.outbox.store import Outbox
from hearthline_protocol.messages import GatewayStatus, MeterStatus


class BluetoothStatus(Protocol):
    """What the status needs of the Bluetooth side: the adapter's state in words, and every meter as last known."""

    @property
    def adapter(self) -> str:
        """Such as ``powered``."""

    @property
    def meters(self) -> tuple[MeterStatus, ...]:
        """Every configured meter."""


class StatusReport:
    """Composes the status from the parts that know."""

    def __init__(self, outbox: Outbox, bluetooth: Callable[[], BluetoothStatus], *, version: str) -> None:
        """``bluetooth`` is asked each time; ``version`` is the gateway's own."""
        self._outbox = outbox
        self._bluetooth = bluetooth
        self._version = version
        self._started = datetime.now(UTC)

    async def __call__(self) -> GatewayStatus:
        """The state of this moment."""
        bluetooth = self._bluetooth()
        return GatewayStatus(
            state="online",
            sent_time=datetime.now(UTC),
            version=self._version,
            started_time=self._started,
            clock_synchronised=clock_synchronised(),
            adapter=bluetooth.adapter,
            outbox=await self._outbox.status(),
            meters=tuple([await self._with_history(meter) for meter in bluetooth.meters]),
        )

    async def _with_history(self, meter: MeterStatus) -> MeterStatus:
        """What only the outbox remembers: bad frames, and when the meter was last heard before this process began."""
        before = None if meter.last_reading is not None else await self._outbox.last_heard(meter.address)
        return meter.model_copy(
            update={
                "bad_frames": await self._outbox.bad_frames(meter.address),
                "last_reading": meter.last_reading or before,
                "last_heard": meter.last_heard or before,
            }
        )
