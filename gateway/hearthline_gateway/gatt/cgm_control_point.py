"""CGM Specific Ops Control Point (0x2AAC): setting a continuous glucose sensor, and its answers.

Source: Bluetooth SIG, Continuous Glucose Monitoring Service 1.0.2, and the GATT Specification Supplement.
"""

from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt import e2e_crc
from hearthline_gateway.gatt.cgm_status import ends_in_crc
from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.glucose_sample import SampleLocation, SampleType, put_sample, take_sample
from hearthline_gateway.gatt.named import named
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks


class CgmOpCode(IntEnum):
    """What is asked or answered. 0 and 29 to 255 are reserved."""

    SET_COMMUNICATION_INTERVAL = 1
    GET_COMMUNICATION_INTERVAL = 2
    COMMUNICATION_INTERVAL_RESPONSE = 3
    SET_GLUCOSE_CALIBRATION_VALUE = 4
    GET_GLUCOSE_CALIBRATION_VALUE = 5
    GLUCOSE_CALIBRATION_VALUE_RESPONSE = 6
    SET_PATIENT_HIGH_ALERT_LEVEL = 7
    GET_PATIENT_HIGH_ALERT_LEVEL = 8
    PATIENT_HIGH_ALERT_LEVEL_RESPONSE = 9
    SET_PATIENT_LOW_ALERT_LEVEL = 10
    GET_PATIENT_LOW_ALERT_LEVEL = 11
    PATIENT_LOW_ALERT_LEVEL_RESPONSE = 12
    SET_HYPO_ALERT_LEVEL = 13
    GET_HYPO_ALERT_LEVEL = 14
    HYPO_ALERT_LEVEL_RESPONSE = 15
    SET_HYPER_ALERT_LEVEL = 16
    GET_HYPER_ALERT_LEVEL = 17
    HYPER_ALERT_LEVEL_RESPONSE = 18
    SET_RATE_OF_DECREASE_ALERT_LEVEL = 19
    GET_RATE_OF_DECREASE_ALERT_LEVEL = 20
    RATE_OF_DECREASE_ALERT_LEVEL_RESPONSE = 21
    SET_RATE_OF_INCREASE_ALERT_LEVEL = 22
    GET_RATE_OF_INCREASE_ALERT_LEVEL = 23
    RATE_OF_INCREASE_ALERT_LEVEL_RESPONSE = 24
    RESET_DEVICE_SPECIFIC_ALERT = 25
    START_THE_SESSION = 26
    STOP_THE_SESSION = 27
    RESPONSE_CODE = 28


class CgmResponse(IntEnum):
    """How it went. 0 and 6 to 255 are reserved."""

    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERAND = 3
    PROCEDURE_NOT_COMPLETED = 4
    PARAMETER_OUT_OF_RANGE = 5


class CommunicationInterval(IntEnum):
    """The two intervals that are no count of minutes."""

    NONE = 0
    """The sensor sends nothing by itself."""
    FASTEST = 0xFF
    """As often as it can."""


class CalibrationStatus(IntFlag):
    """What became of a calibration; the top five bits are reserved and kept as they came."""

    DATA_REJECTED = 1 << 0
    DATA_OUT_OF_RANGE = 1 << 1
    PROCESS_PENDING = 1 << 2


@dataclass(frozen=True, slots=True)
class CgmCalibration:
    """One calibration: ``glucose_concentration`` in mg/dL, both times in minutes since the session began."""

    glucose_concentration: Number
    calibration_time: int
    sample_type: SampleType | int
    sample_location: SampleLocation | int
    next_calibration_time: int
    data_record_number: int
    calibration_status: CalibrationStatus


_OP: Final = CgmOpCode
_WITH_INTERVAL: Final = (_OP.SET_COMMUNICATION_INTERVAL, _OP.COMMUNICATION_INTERVAL_RESPONSE)
_WITH_CALIBRATION: Final = (_OP.SET_GLUCOSE_CALIBRATION_VALUE, _OP.GLUCOSE_CALIBRATION_VALUE_RESPONSE)
_WITH_LEVEL: Final = tuple(code for code in _OP if 7 <= code <= 24 and code % 3 != 2)
"""Each level is set, got and answered by three codes in a row; getting one takes no operand."""


@dataclass(frozen=True, slots=True)
class CgmSpecificOpsControlPoint:
    """One request or answer; of its fields those are set that the op code has.

    ``communication_interval`` in minutes; ``alert_level`` in mg/dL, for a rate in mg/dL a minute. ``operand`` holds
    what follows a reserved op code, as it came. ``e2e_crc`` is True where a checksum came along, and was right.
    """

    characteristic: ClassVar[str] = "2AAC"

    op_code: CgmOpCode | int
    communication_interval: CommunicationInterval | int | None = None
    calibration: CgmCalibration | None = None
    calibration_data_record_number: int | None = None
    alert_level: Number | None = None
    request_op_code: CgmOpCode | int | None = None
    response_code: CgmResponse | int | None = None
    e2e_crc: bool = False
    operand: bytes = b""
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        op_code = named(CgmOpCode, cursor.unsigned(1, "op_code"))
        if not isinstance(op_code, CgmOpCode):
            return cls(op_code, operand=cursor.rest())
        said = cls._operand(cursor, op_code, quirks)
        crc = ends_in_crc(cursor, cls.characteristic, payload)
        return replace(said, e2e_crc=crc, trailing=cursor.rest())

    @classmethod
    def _operand(cls, cursor: Cursor, op_code: CgmOpCode, quirks: Quirks) -> Self:
        if op_code in _WITH_INTERVAL:
            interval = named(CommunicationInterval, cursor.unsigned(1, "communication_interval"))
            return cls(op_code, communication_interval=interval)
        if op_code in _WITH_CALIBRATION:
            return cls(op_code, calibration=_take_calibration(cursor, quirks))
        if op_code is CgmOpCode.GET_GLUCOSE_CALIBRATION_VALUE:
            number = cursor.unsigned(2, "calibration_data_record_number")
            return cls(op_code, calibration_data_record_number=number)
        if op_code in _WITH_LEVEL:
            return cls(op_code, alert_level=cursor.sfloat("alert_level"))
        if op_code is CgmOpCode.RESPONSE_CODE:
            request = named(CgmOpCode, cursor.unsigned(1, "request_op_code"))
            response = named(CgmResponse, cursor.unsigned(1, "response_code"))
            return cls(op_code, request_op_code=request, response_code=response)
        return cls(op_code)

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "op_code", self.op_code)
        composer.unsigned(1, "communication_interval", self.communication_interval)
        if self.calibration is not None:
            _put_calibration(composer, quirks, self.calibration)
        composer.unsigned(2, "calibration_data_record_number", self.calibration_data_record_number)
        composer.sfloat("alert_level", self.alert_level)
        composer.unsigned(1, "request_op_code", self.request_op_code)
        composer.unsigned(1, "response_code", self.response_code)
        if self.e2e_crc:
            return e2e_crc.protected(composer.frame())
        return composer.frame(self.operand + self.trailing)


def _take_calibration(cursor: Cursor, quirks: Quirks) -> CgmCalibration:
    concentration = cursor.sfloat("glucose_concentration")
    calibration_time = cursor.unsigned(2, "calibration_time")
    sample_type, location = take_sample(cursor, quirks)
    return CgmCalibration(
        glucose_concentration=concentration,
        calibration_time=calibration_time,
        sample_type=sample_type,
        sample_location=location,
        next_calibration_time=cursor.unsigned(2, "next_calibration_time"),
        data_record_number=cursor.unsigned(2, "data_record_number"),
        calibration_status=CalibrationStatus(cursor.unsigned(1, "calibration_status")),
    )


def _put_calibration(composer: Composer, quirks: Quirks, calibration: CgmCalibration) -> None:
    composer.sfloat("glucose_concentration", calibration.glucose_concentration)
    composer.unsigned(2, "calibration_time", calibration.calibration_time)
    put_sample(composer, quirks, calibration.sample_type, calibration.sample_location)
    composer.unsigned(2, "next_calibration_time", calibration.next_calibration_time)
    composer.unsigned(2, "data_record_number", calibration.data_record_number)
    composer.unsigned(1, "calibration_status", calibration.calibration_status)
