"""Blood Pressure Measurement (0x2A35) and Intermediate Cuff Pressure (0x2A36), which share one layout.

Source: Bluetooth SIG, Blood Pressure Service 1.1.1, and the GATT Specification Supplement.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Final, Literal, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_protocol.device_time import DeviceTime

_KPA: Final = 0x01
_TIME_STAMP: Final = 0x02
_PULSE_RATE: Final = 0x04
_USER_ID: Final = 0x08
_STATUS: Final = 0x10
_RESERVED: Final = 0xE0


class BloodPressureStatus(IntFlag):
    """The 16 bits of Measurement Status. The pulse rate range is a number of two bits, of which 3 is reserved; see
    :attr:`pulse_rate_exceeds_upper_limit`. Bits without a name are kept as they came."""

    BODY_MOVEMENT_DETECTED = 1 << 0
    CUFF_TOO_LOOSE = 1 << 1
    IRREGULAR_PULSE_DETECTED = 1 << 2
    PULSE_RATE_EXCEEDS_UPPER_LIMIT = 1 << 3
    PULSE_RATE_LESS_THAN_LOWER_LIMIT = 2 << 3
    IMPROPER_MEASUREMENT_POSITION = 1 << 5

    @property
    def pulse_rate_exceeds_upper_limit(self) -> bool:
        """Pulse rate range 1."""
        return self >> 3 & 0b11 == 1

    @property
    def pulse_rate_less_than_lower_limit(self) -> bool:
        """Pulse rate range 2."""
        return self >> 3 & 0b11 == 2


@dataclass(frozen=True, slots=True)
class BloodPressureMeasurement:
    """One measurement of a cuff. Pressures in ``unit``, ``pulse_rate`` in beats a minute, ``user_id`` 255 is unknown.

    What the meter does not send is None; ``reserved_flags`` and ``trailing`` hold what no profile explains.
    """

    characteristic: ClassVar[str] = "2A35"

    systolic: Number
    diastolic: Number
    mean_arterial_pressure: Number
    unit: Literal["mmHg", "kPa"] = "mmHg"
    time_stamp: DeviceTime | None = None
    pulse_rate: Number | None = None
    user_id: int | None = None
    measurement_status: BloodPressureStatus | None = None
    reserved_flags: int = 0
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        flags = cursor.unsigned(1, "flags")
        return cls(
            systolic=cursor.sfloat("systolic"),
            diastolic=cursor.sfloat("diastolic"),
            mean_arterial_pressure=cursor.sfloat("mean_arterial_pressure"),
            unit="kPa" if flags & _KPA else "mmHg",
            time_stamp=cursor.date_time("time_stamp") if flags & _TIME_STAMP else None,
            pulse_rate=cursor.sfloat("pulse_rate") if flags & _PULSE_RATE else None,
            user_id=cursor.unsigned(1, "user_id") if _has_user_id(flags, cursor, quirks) else None,
            measurement_status=BloodPressureStatus(cursor.unsigned(2, "measurement_status"))
            if flags & _STATUS
            else None,
            reserved_flags=flags & _RESERVED,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "flags", self._flags(quirks))
        self._put_pressures(composer)
        composer.date_time("time_stamp", self.time_stamp)
        composer.sfloat("pulse_rate", self.pulse_rate)
        composer.unsigned(1, "user_id", self.user_id)
        composer.unsigned(2, "measurement_status", self.measurement_status)
        return composer.frame(self.trailing)

    def raw_values(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The value fields alone, as they came over the air."""
        composer = Composer(quirks)
        self._put_pressures(composer)
        composer.sfloat("pulse_rate", self.pulse_rate)
        return composer.frame()

    def _put_pressures(self, composer: Composer) -> None:
        composer.sfloat("systolic", self.systolic)
        composer.sfloat("diastolic", self.diastolic)
        composer.sfloat("mean_arterial_pressure", self.mean_arterial_pressure)

    def _flags(self, quirks: Quirks) -> int:
        return (
            self.reserved_flags
            | (_KPA if self.unit == "kPa" else 0)
            | (_TIME_STAMP if self.time_stamp is not None else 0)
            | (_PULSE_RATE if self.pulse_rate is not None else 0)
            | (_USER_ID if self.user_id is not None and "user_id" not in quirks.unflagged else 0)
            | (_STATUS if self.measurement_status is not None else 0)
        )


@dataclass(frozen=True, slots=True)
class IntermediateCuffPressure(BloodPressureMeasurement):
    """The pressure in the cuff while it still measures, in ``systolic``; the other pressures are NaN."""

    characteristic: ClassVar[str] = "2A36"


def _has_user_id(flags: int, cursor: Cursor, quirks: Quirks) -> bool:
    """An unflagged user id shows itself: the frame is longer than what its flags promise."""
    if flags & _USER_ID:
        return True
    return "user_id" in quirks.unflagged and cursor.left > (2 if flags & _STATUS else 0)
