"""Weight Measurement (0x2A9D).

Source: Bluetooth SIG, Weight Scale Service 1.0.1, and the GATT Specification Supplement.

The scale sends whole steps; here they are numbers with the step's decimal places: 0.005 kg or 0.01 lb, a BMI of 0.1,
a height of 0.001 m or 0.1 in. Worked example: 16602 steps of 0.005 kg are 83.010 kg.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_protocol.device_time import DeviceTime

_IMPERIAL: Final = 0x01
_TIME_STAMP: Final = 0x02
_USER_ID: Final = 0x04
_BMI_AND_HEIGHT: Final = 0x08
_RESERVED: Final = 0xF0
_UNSUCCESSFUL: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class WeightMeasurement:
    """One weighing. ``weight`` None is the scale's "measurement unsuccessful"; ``user_id`` 255 is a person the
    scale does not know; ``bmi`` and ``height`` come together or not at all."""

    characteristic: ClassVar[str] = "2A9D"

    weight: Number | None
    weight_unit: Literal["kg", "lb"] = "kg"
    time_stamp: DeviceTime | None = None
    user_id: int | None = None
    bmi: Number | None = None
    height: Number | None = None
    height_unit: Literal["m", "in"] = "m"
    reserved_flags: int = 0
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        flags = cursor.unsigned(1, "flags")
        imperial = bool(flags & _IMPERIAL)
        steps = cursor.unsigned(2, "weight")
        has_bmi = flags & _BMI_AND_HEIGHT
        return cls(
            weight=None if steps == _UNSUCCESSFUL else Number(steps, -2) if imperial else Number(steps * 5, -3),
            weight_unit="lb" if imperial else "kg",
            time_stamp=cursor.date_time("time_stamp") if flags & _TIME_STAMP else None,
            user_id=cursor.unsigned(1, "user_id") if flags & _USER_ID else None,
            bmi=Number(cursor.unsigned(2, "bmi"), -1) if has_bmi else None,
            height=Number(cursor.unsigned(2, "height"), -1 if imperial else -3) if has_bmi else None,
            height_unit="in" if imperial else "m",
            reserved_flags=flags & _RESERVED,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "flags", self._flags())
        composer.unsigned(2, "weight", self._steps())
        composer.date_time("time_stamp", self.time_stamp)
        composer.unsigned(1, "user_id", self.user_id)
        self._put_bmi_and_height(composer)
        return composer.frame(self.trailing)

    def raw_values(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The value fields alone, as they came over the air."""
        composer = Composer(quirks)
        composer.unsigned(2, "weight", self._steps())
        self._put_bmi_and_height(composer)
        return composer.frame()

    def _put_bmi_and_height(self, composer: Composer) -> None:
        composer.unsigned(2, "bmi", None if self.bmi is None else self.bmi.mantissa)
        composer.unsigned(2, "height", None if self.height is None else self.height.mantissa)

    def _steps(self) -> int:
        if self.weight is None:
            return _UNSUCCESSFUL
        return self.weight.mantissa if self.weight_unit == "lb" else self.weight.mantissa // 5

    def _flags(self) -> int:
        return (
            self.reserved_flags
            | (_IMPERIAL if self.weight_unit == "lb" else 0)
            | (_TIME_STAMP if self.time_stamp is not None else 0)
            | (_USER_ID if self.user_id is not None else 0)
            | (_BMI_AND_HEIGHT if self.bmi is not None else 0)
        )
