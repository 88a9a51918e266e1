"""Body composition scale, services 0x181B, 0x181D and 0x181C: each person's weighings are behind that person's code.

It indicates weight and composition of the person whose slot was opened with the right code at the User Control Point;
what it measured of somebody it does not know it indicates to anybody.
"""

import asyncio
import struct
from typing import Any, ClassVar, Final

from bumble import att
from bumble.core import BaseError
from bumble.device import Connection
from bumble.gatt import Characteristic, Service

from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.gatt_table import control_point, live, measurement, readable, uuid16
from hearthline_simulator.meters.meter import Kept, Meter, Record
from hearthline_simulator.meters.record_server import IMPROPERLY_CONFIGURED
from hearthline_simulator.meters.wall_clock import current_time, date_time

_STAMP, _USER, _BMI_AND_HEIGHT = 0x02, 0x04, 0x08
_COMPOSITION_MUSCLE, _COMPOSITION_WATER, _COMPOSITION_IMPEDANCE, _COMPOSITION_WEIGHT = 0x10, 0x100, 0x200, 0x400
_KG_STEP: Final = 0.005
_UNSUCCESSFUL: Final = 0xFFFF
_UNKNOWN_USER: Final = 0xFF
_CONSENT: Final = 0x02
_RESPONSE: Final = 0x20
_SUCCESS, _NOT_SUPPORTED, _INVALID, _NOT_AUTHORISED = 0x01, 0x02, 0x03, 0x05
_ANSWER_DELAY_S: Final = 0.01


class CompositionRecord(Record):
    """One weighing: ``weight`` in kg (None: the scale failed), ``fat`` and ``muscle`` in percent, ``water`` in kg,
    ``impedance`` in ohm; ``user`` None is a guest. Without ``fat`` it is a weight alone."""

    weight: float | None
    user: int | None = None
    fat: float | None = None
    muscle: float | None = None
    water: float | None = None
    impedance: float | None = None
    height: float | None = None


class BodyCompositionScale(Meter[CompositionRecord]):
    """A scale with people. ``spec.consents`` are their codes by slot."""

    profile = "body_composition"
    service = "181B"
    record_type: ClassVar[type[Record]] = CompositionRecord
    guarded = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._slots: dict[bytes, int] = {}
        self._user = _UNKNOWN_USER
        self._answering: set[asyncio.Task[None]] = set()
        super().__init__(*arguments, **options)

    def _services(self) -> list[Service]:
        server, indicate = self._device.gatt_server, Characteristic.Properties.INDICATE
        self._weight = self._watch(measurement(server, "2A9D", indicate, guarded=self.guarded))
        self._composition = self._watch(measurement(server, "2A9C", indicate, guarded=self.guarded))
        self._control = self._watch(control_point(server, "2A9F", self._on_request, guarded=self.guarded))
        clock = live("2A2B", lambda: current_time(self.clock.face()), self.clock_written, guarded=self.guarded)
        index = live("2A9A", lambda: bytes([self._user]), _refuse, guarded=self.guarded)
        return [
            Service(uuid16("181B"), [self._composition, readable("2A9B", struct.pack("<I", 0x00000B5B))]),
            Service(uuid16("181D"), [self._weight, readable("2A9E", struct.pack("<I", 0x0000000F))]),
            Service(uuid16("181C"), [self._control, index]),
            Service(uuid16("1805"), [clock]),
        ]

    def _frames(self, record: CompositionRecord) -> list[Kept]:
        stamp = date_time(record.stamp(self.clock))
        user = b"" if record.user is None else bytes([record.user])
        frames = [Kept(self._weight, _weight(record, stamp, user))]
        if record.fat is not None:
            frames.append(Kept(self._composition, _composition(record, stamp, user)))
        if record.user is not None:
            self._slots |= {kept.payload: record.user for kept in frames}
        return frames

    def _subscribed(self, connection: Connection, kept: Kept) -> bool:
        return super()._subscribed(connection, kept) and self._slots.get(kept.payload) in (None, self._user)

    def _connection_made(self) -> None:
        self._user = _UNKNOWN_USER

    def _on_request(self, request: bytes) -> None:
        self.tell(MeterHappening.REQUESTED, self._control, request)
        connection = self._connection
        if connection is None or not super()._subscribed(connection, Kept(self._control, b"")):
            raise att.ATT_Error(att.ErrorCode(IMPROPERLY_CONFIGURED))
        task = asyncio.get_running_loop().create_task(self._answer(connection, request))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, connection: Connection, request: bytes) -> None:
        await asyncio.sleep(_ANSWER_DELAY_S)
        result = self._consent(request)
        payload = bytes([_RESPONSE, request[0] if request else 0, result])
        self.tell(MeterHappening.INDICATED, self._control, payload)
        try:
            await self._device.indicate_subscriber(connection, self._control, payload)
        except BaseError:  # gone meanwhile: nobody waits for the answer
            return
        self._wake.set()

    def _consent(self, request: bytes) -> int:
        if request[:1] != bytes([_CONSENT]):
            return _NOT_SUPPORTED
        if len(request) != 4:
            return _INVALID
        _, slot, code = struct.unpack("<BBH", request)
        if self.spec.consents.get(slot) != code:
            return _NOT_AUTHORISED
        self._user = slot
        return _SUCCESS


def _refuse(_: bytes) -> None:
    raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)


def _steps(kilograms: float) -> bytes:
    return struct.pack("<H", round(kilograms / _KG_STEP))


def _weight(record: CompositionRecord, stamp: bytes, user: bytes) -> bytes:
    flags = _STAMP | (_USER if user else 0)
    tail = b""
    if record.height is not None and record.weight is not None:
        flags |= _BMI_AND_HEIGHT
        tail = struct.pack("<HH", round(record.weight / record.height**2 * 10), round(record.height * 1000))
    value = struct.pack("<H", _UNSUCCESSFUL) if record.weight is None else _steps(record.weight)
    return bytes([flags]) + value + stamp + user + tail


def _composition(record: CompositionRecord, stamp: bytes, user: bytes) -> bytes:
    flags = _STAMP | (_USER if user else 0)
    tail = b""
    if record.muscle is not None:
        flags |= _COMPOSITION_MUSCLE
        tail += struct.pack("<H", round(record.muscle * 10))
    if record.water is not None:
        flags |= _COMPOSITION_WATER
        tail += _steps(record.water)
    if record.impedance is not None:
        flags |= _COMPOSITION_IMPEDANCE
        tail += struct.pack("<H", round(record.impedance * 10))
    if record.weight is not None:
        flags |= _COMPOSITION_WEIGHT
        tail += _steps(record.weight)
    return struct.pack("<HH", flags, round((record.fat or 0) * 10)) + stamp + user + tail
