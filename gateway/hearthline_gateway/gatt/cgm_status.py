"""CGM Status (0x2AA9), and the three octets of status that a CGM Measurement carries as well.

Source: Bluetooth SIG, Continuous Glucose Monitoring Service 1.0.2, and the GATT Specification Supplement.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from hearthline_gateway.gatt import e2e_crc
from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks


class CgmStatusOctet(IntFlag):
    """How session, device and sensor are; the top two bits are reserved and kept as they came."""

    SESSION_STOPPED = 1 << 0
    DEVICE_BATTERY_LOW = 1 << 1
    SENSOR_TYPE_INCORRECT = 1 << 2
    SENSOR_MALFUNCTION = 1 << 3
    DEVICE_SPECIFIC_ALERT = 1 << 4
    GENERAL_DEVICE_FAULT = 1 << 5


class CgmCalTempOctet(IntFlag):
    """Calibration and temperature; the top two bits are reserved and kept as they came."""

    TIME_SYNCHRONIZATION_REQUIRED = 1 << 0
    CALIBRATION_NOT_ALLOWED = 1 << 1
    CALIBRATION_RECOMMENDED = 1 << 2
    CALIBRATION_REQUIRED = 1 << 3
    SENSOR_TEMPERATURE_TOO_HIGH = 1 << 4
    SENSOR_TEMPERATURE_TOO_LOW = 1 << 5


class CgmWarningOctet(IntFlag):
    """Where the result lies against the levels that were set, and against what the device can process."""

    RESULT_LOWER_THAN_PATIENT_LOW = 1 << 0
    RESULT_HIGHER_THAN_PATIENT_HIGH = 1 << 1
    RESULT_LOWER_THAN_HYPO = 1 << 2
    RESULT_HIGHER_THAN_HYPER = 1 << 3
    RATE_OF_DECREASE_EXCEEDED = 1 << 4
    RATE_OF_INCREASE_EXCEEDED = 1 << 5
    RESULT_LOWER_THAN_DEVICE_CAN_PROCESS = 1 << 6
    RESULT_HIGHER_THAN_DEVICE_CAN_PROCESS = 1 << 7


def ends_in_crc(cursor: Cursor, characteristic: str, payload: bytes) -> bool:
    """Whether exactly a checksum is left behind the fields of ``payload``; takes and checks it. Raises
    ``CrcMismatchError``, and ``TruncatedError`` where half of one is left: nothing else is a byte long there, and what
    was sent protected is not to be believed unprotected."""
    if not 0 < cursor.left <= e2e_crc.SIZE:
        return False
    cursor.unsigned(e2e_crc.SIZE, "e2e_crc")
    e2e_crc.verify(characteristic, payload)
    return True


@dataclass(frozen=True, slots=True)
class CgmStatus:
    """``time_offset`` in minutes since the session began; ``e2e_crc`` is True where a checksum came along and was
    right."""

    characteristic: ClassVar[str] = "2AA9"

    time_offset: int
    status: CgmStatusOctet
    cal_temp: CgmCalTempOctet
    warning: CgmWarningOctet
    e2e_crc: bool = False
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(
            time_offset=cursor.unsigned(2, "time_offset"),
            status=CgmStatusOctet(cursor.unsigned(1, "status")),
            cal_temp=CgmCalTempOctet(cursor.unsigned(1, "cal_temp")),
            warning=CgmWarningOctet(cursor.unsigned(1, "warning")),
            e2e_crc=ends_in_crc(cursor, cls.characteristic, payload),
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "time_offset", self.time_offset)
        composer.unsigned(1, "status", self.status)
        composer.unsigned(1, "cal_temp", self.cal_temp)
        composer.unsigned(1, "warning", self.warning)
        return e2e_crc.protected(composer.frame()) if self.e2e_crc else composer.frame(self.trailing)
