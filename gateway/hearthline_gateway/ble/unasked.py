"""What meters say in connections that are not the collector's: a technician looks at one, or bluetoothd connects."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hearthline_gateway.ble.delivery import Delivery
from hearthline_gateway.ble.hearing import Hearing
from hearthline_gateway.ble.meter_state import MeterState

_OVER_S: Final = 10.0
"""A meter that has been silent for so long has said all; nobody tells when such a connection ends."""


@dataclass(slots=True)
class _Connection:
    hearing: Hearing
    over: asyncio.TimerHandle


class Unasked:
    """bluetoothd has confirmed what our early listener hears there, so that nobody else can keep it."""

    def __init__(self, delivery: Delivery, now: Callable[[], datetime]) -> None:
        self._delivery, self._now = delivery, now
        self._open: dict[str, _Connection] = {}

    def heard(self, state: MeterState, characteristic: str, payload: bytes) -> None:
        """Take one value. What is known of the meter's clock is from an earlier connection."""
        address = state.meter.address
        before = self._open.get(address)
        if before is not None:
            before.over.cancel()
            hearing = before.hearing
        else:
            hearing = Hearing(state.meter, self._delivery.frame, self._now)
            hearing.clock_read(state.clock)
        over = asyncio.get_running_loop().call_later(_OVER_S, self.ended, address)
        self._open[address] = _Connection(hearing, over)
        hearing.hear(characteristic, payload)
        state.last_reading = state.last_heard = self._now()

    def ended(self, address: str) -> None:
        """It is over, or the collector has a connection of its own now."""
        connection = self._open.pop(address, None)
        if connection is not None:
            connection.over.cancel()
            self._delivery.ended(address)
