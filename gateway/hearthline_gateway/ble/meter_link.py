"""A connected meter, by 16-bit UUIDs in upper-case hex: what a session reads, writes and listens to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_16

from hearthline_gateway.ble.control_point import ControlPoint
from hearthline_gateway.ble.meter_errors import NoAnswerError

CONNECT_LIMIT_S: Final = 15.0
_CLEAN_UP_S: Final = 10.0
"""How long bluetoothd may take to end an attempt to connect."""
ANSWER_LIMIT_S: Final = 15.0
"""How long a control point may be silent. The profiles allow 30 s; meters answer within two."""
REQUEST_LIMIT_S: Final = 30.0
"""A request that takes longer has failed (Core Specification, Vol 3, Part F, 3.3.3). bluetoothd itself lets one wait
for ever where it would have to pair first and our agent refused."""
REFUSALS: Final = (BleakGATTProtocolError, BleakDBusError)
"""What a request raises that the meter, or bluetoothd in its name, did not grant."""


class MeterLink:
    """One bleak client and what hangs on it. ``gone`` is set when the link has ended. Connecting, and pairing with it,
    takes at most ``limit_s`` seconds."""

    def __init__(self, device: BLEDevice, *, pair: bool, limit_s: float = CONNECT_LIMIT_S) -> None:
        self.path: str = device.details["path"]
        self.gone = asyncio.Event()
        self._control_points: list[ControlPoint] = []
        self._pair, self._limit_s = pair, limit_s
        self._client = BleakClient(device, lambda _: self._on_gone(), pair=pair, timeout=limit_s)

    async def connect(self) -> None:
        """Make the link, and the bond where it is wanted. Raises what bleak raises, ``TimeoutError`` after that time:
        bleak has a limit too, but then asks bluetoothd to end the attempt, and waits for an answer without one."""
        async with asyncio.timeout(self._limit_s + _CLEAN_UP_S):
            await self._client.connect()
            if self._pair:
                await self._client.pair()

    @property
    def address(self) -> str:
        """The meter's address, upper case with colons; once it is bonded the one that it keeps (its identity address),
        whatever it advertised."""
        return self._client.address.upper()

    async def disconnect(self) -> None:
        """End the link. Subscriptions are never taken back first: bleak only asks bluetoothd for the disconnection, and
        some cuffs (Omron) forget their bond over a subscription that is written back to 0."""
        await self._client.disconnect()

    def characteristic(self, uuid: str) -> BleakGATTCharacteristic | None:
        """The characteristic, or None where the meter has none."""
        return self._client.services.get_characteristic(normalize_uuid_16(int(uuid, 16)))

    def readable(self, uuid: str) -> bool:
        """Whether the meter has the characteristic and lets it be read."""
        found = self.characteristic(uuid)
        return found is not None and "read" in found.properties

    async def read(self, characteristic: str) -> bytes:
        """The value. Raises :class:`NoAnswerError`, as do writing and listening."""
        async with _answered():
            return bytes(await self._client.read_gatt_char(normalize_uuid_16(int(characteristic, 16))))

    async def write(self, characteristic: str, value: bytes) -> None:
        """Write with response."""
        async with _answered():
            await self._client.write_gatt_char(normalize_uuid_16(int(characteristic, 16)), value, response=True)

    async def listen(self, characteristic: BleakGATTCharacteristic, heard: Callable[[bytes], None]) -> None:
        """Subscribe; ``heard`` is called with each value."""
        async with _answered():
            await self._client.start_notify(characteristic, lambda _, value: heard(bytes(value)))

    async def control_point(self, uuid: str) -> ControlPoint | None:
        """The control point, listening for its answers; None where the meter has none."""
        characteristic = self.characteristic(uuid)
        if characteristic is None:
            return None
        point = ControlPoint(lambda request: self.write(uuid, request), self.gone.is_set, ANSWER_LIMIT_S)
        await self.listen(characteristic, point.answered)
        self._control_points.append(point)
        return point

    def active(self) -> None:
        """The meter said something: whoever waits for an answer may go on waiting."""
        for point in self._control_points:
            point.active()

    def _on_gone(self) -> None:
        self.gone.set()
        self.active()


@asynccontextmanager
async def _answered() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(REQUEST_LIMIT_S):
            yield
    except TimeoutError as error:
        raise NoAnswerError(REQUEST_LIMIT_S) from error
