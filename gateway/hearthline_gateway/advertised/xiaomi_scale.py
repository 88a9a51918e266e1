"""Xiaomi scales: a weighing as it stands in their advertisements' service data, 0x181D or 0x181B.

The layout is the one that the readers of these scales describe alike (xiaomi-ble, openScale): the first generation
(0x181D, 10 bytes) sends a control byte, the weight, then year, month, day, hour, minute and second; the second (0x181B,
13 bytes) two control bytes, the date and time, the impedance, then the weight. The weight counts 0.005 kg, 0.01 lb or
0.01 catty, which is 0.005 kg too. Worked example: 0x3F70 are 16240 steps, 81.200 kg.

The two UUIDs are those of services; they stand where a frame has its characteristic, since no characteristic has them.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from hearthline_gateway import units
from hearthline_gateway.finding import Doubts, Entry, Finding, assess
from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.errors import UnknownCharacteristicError
from hearthline_gateway.gatt.numbers import Number
from hearthline_protocol.device_time import DeviceTime
from hearthline_protocol.readings import Flag

FIRST_GENERATION: Final = "181D"
SECOND_GENERATION: Final = "181B"
SERVICES: Final = (FIRST_GENERATION, SECOND_GENERATION)

_POUNDS: Final = 0x01
_STABLE: Final = 0x20
_REMOVED: Final = 0x80
_IMPEDANCE_STABLE: Final = 0x02


@dataclass(frozen=True, slots=True)
class XiaomiWeighing:
    """One advertisement. ``control`` is one byte in the first generation and two in the second; ``steps`` are as sent,
    ``impedance`` in ohm is None in the first generation."""

    service: Literal["181D", "181B"]
    control: bytes
    steps: int
    time_stamp: DeviceTime
    impedance: int | None = None
    trailing: bytes = b""

    @classmethod
    def decode(cls, service: str, payload: bytes) -> Self:
        """Read service data; raises ``DecodeError``."""
        cursor = Cursor(payload, service)
        if service == FIRST_GENERATION:
            control = bytes([cursor.unsigned(1, "control")])
            steps = cursor.unsigned(2, "weight")
            return cls("181D", control, steps, cursor.date_time("time_stamp"), trailing=cursor.rest())
        if service != SECOND_GENERATION:
            raise UnknownCharacteristicError(service, SERVICES)
        control = bytes([cursor.unsigned(1, "control"), cursor.unsigned(1, "control")])
        stamp = cursor.date_time("time_stamp")
        impedance = cursor.unsigned(2, "impedance")
        return cls("181B", control, cursor.unsigned(2, "weight"), stamp, impedance, cursor.rest())

    def encode(self) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer()
        for byte in self.control:
            composer.unsigned(1, "control", byte)
        if self.service == FIRST_GENERATION:
            composer.unsigned(2, "weight", self.steps)
        composer.date_time("time_stamp", self.time_stamp)
        composer.unsigned(2, "impedance", self.impedance)
        if self.service == SECOND_GENERATION:
            composer.unsigned(2, "weight", self.steps)
        return composer.frame(self.trailing)

    @property
    def weight(self) -> Number:
        """In :attr:`weight_unit`, with the step's decimal places."""
        return Number(self.steps, -2) if self.weight_unit == "lb" else Number(self.steps * 5, -3)

    @property
    def weight_unit(self) -> Literal["kg", "lb"]:
        """Catties are counted as kilograms: a catty of 0.5 kg in steps of 0.01 is a step of 0.005 kg."""
        return "lb" if self.control[0] & _POUNDS else "kg"

    @property
    def stable(self) -> bool:
        """Whether somebody stands still on it."""
        return bool(self.control[-1] & _STABLE)

    @property
    def removed(self) -> bool:
        """Whether whoever was weighed has stepped off."""
        return bool(self.control[-1] & _REMOVED)

    @property
    def impedance_stable(self) -> bool:
        """Whether the impedance was measured. Nothing is made of it: fat from impedance is the maker's secret."""
        return self.impedance is not None and bool(self.control[-1] & _IMPEDANCE_STABLE)

    def raw_values(self) -> bytes:
        """The weight as it came; the impedance joins the same weighing later and is not part of it."""
        return self.steps.to_bytes(2, "little")


def finding_of(weighing: XiaomiWeighing) -> Finding:
    """What it is worth: a weight that has not come to rest, or of nobody, is a failed one."""
    unit = units.POUND if weighing.weight_unit == "lb" else units.KILOGRAM
    entries: tuple[Entry, ...] = (("weight", weighing.weight, unit),)
    doubts = Doubts(failed=not weighing.stable or weighing.removed)
    quality, values = assess("body_weight", entries, doubts)
    flags = () if weighing.time_stamp.known else (Flag.CLOCK_NOT_SET,)
    return Finding("body_weight", quality, values, flags, weighing.time_stamp)


def words(weighing: XiaomiWeighing) -> dict[str, Any]:
    """The advertisement field by field, as plain data fit for JSON."""
    said: dict[str, Any] = {
        "weight": weighing.weight.value,
        "weight_unit": weighing.weight_unit,
        "time_stamp": str(weighing.time_stamp),
        "stable": weighing.stable,
        "removed": weighing.removed,
        "impedance": weighing.impedance if weighing.impedance_stable else None,
    }
    return said | ({"trailing": weighing.trailing.hex()} if weighing.trailing else {})
