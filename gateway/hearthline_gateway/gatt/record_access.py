"""Record Access Control Point (0x2A52): asking a meter for the records it has stored, and its answers.

Source: Bluetooth SIG, Glucose Service 1.0.1, Continuous Glucose Monitoring Service 1.0.2, and the GATT Specification
Supplement. Both services share the layout; what filter type 1 counts is the service's: sequence numbers of a glucose
meter, minutes since the start of the session of a continuous sensor.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.named import named
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_protocol.device_time import DeviceTime


class RecordOpCode(IntEnum):
    """What is asked or answered. 0 and 7 to 255 are reserved."""

    REPORT_STORED_RECORDS = 1
    DELETE_STORED_RECORDS = 2
    ABORT_OPERATION = 3
    REPORT_NUMBER_OF_STORED_RECORDS = 4
    NUMBER_OF_STORED_RECORDS_RESPONSE = 5
    RESPONSE_CODE = 6


class RecordOperator(IntEnum):
    """Which records. 7 to 255 are reserved."""

    NULL = 0
    ALL_RECORDS = 1
    LESS_THAN_OR_EQUAL_TO = 2
    GREATER_THAN_OR_EQUAL_TO = 3
    WITHIN_RANGE_OF = 4
    """Both ends included."""
    FIRST_RECORD = 5
    LAST_RECORD = 6


class RecordFilter(IntEnum):
    """What the records are chosen by. 0 and 3 to 255 are reserved."""

    SEQUENCE_NUMBER = 1
    TIME_OFFSET = 1
    """The same number, as a continuous sensor means it."""
    USER_FACING_TIME = 2


class RecordResponse(IntEnum):
    """How it went. 0 and 10 to 255 are reserved."""

    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERATOR = 3
    OPERATOR_NOT_SUPPORTED = 4
    INVALID_OPERAND = 5
    NO_RECORDS_FOUND = 6
    """Nothing new: as good as success for a collector."""
    ABORT_UNSUCCESSFUL = 7
    PROCEDURE_NOT_COMPLETED = 8
    OPERAND_NOT_SUPPORTED = 9


Bound = int | DeviceTime
"""A sequence number (or minutes), or a time on the meter's display, as the filter says."""

_REQUESTS: Final = (
    RecordOpCode.REPORT_STORED_RECORDS,
    RecordOpCode.DELETE_STORED_RECORDS,
    RecordOpCode.REPORT_NUMBER_OF_STORED_RECORDS,
)
_WITH_MINIMUM: Final = (RecordOperator.GREATER_THAN_OR_EQUAL_TO, RecordOperator.WITHIN_RANGE_OF)
_WITH_MAXIMUM: Final = (RecordOperator.LESS_THAN_OR_EQUAL_TO, RecordOperator.WITHIN_RANGE_OF)


@dataclass(frozen=True, slots=True)
class RecordAccessControlPoint:
    """One request or answer.

    ``filter_type``, ``minimum`` and ``maximum`` belong to a request with a bound; ``number_of_records`` to the answer
    to a count; ``request_op_code`` and ``response_code`` to any other answer. Where the op code, the operator or the
    filter is reserved, ``operand`` holds what follows it, as it came.
    """

    characteristic: ClassVar[str] = "2A52"

    op_code: RecordOpCode | int
    operator: RecordOperator | int = RecordOperator.NULL
    filter_type: RecordFilter | int | None = None
    minimum: Bound | None = None
    maximum: Bound | None = None
    number_of_records: int | None = None
    request_op_code: RecordOpCode | int | None = None
    response_code: RecordResponse | int | None = None
    operand: bytes = b""
    trailing: bytes = b""

    @classmethod
    def report(cls, since: int | None = None) -> Self:
        """Ask for every record, or for those numbered ``since`` and later."""
        return cls._request(RecordOpCode.REPORT_STORED_RECORDS, since)

    @classmethod
    def count(cls, since: int | None = None) -> Self:
        """Ask how many :meth:`report` would bring."""
        return cls._request(RecordOpCode.REPORT_NUMBER_OF_STORED_RECORDS, since)

    @classmethod
    def abort(cls) -> Self:
        """End what the meter is still doing."""
        return cls(RecordOpCode.ABORT_OPERATION)

    @classmethod
    def _request(cls, op_code: RecordOpCode, since: int | None) -> Self:
        if since is None:
            return cls(op_code, RecordOperator.ALL_RECORDS)
        operator = RecordOperator.GREATER_THAN_OR_EQUAL_TO
        return cls(op_code, operator, filter_type=RecordFilter.SEQUENCE_NUMBER, minimum=since)

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        op_code = named(RecordOpCode, cursor.unsigned(1, "op_code"))
        operator = named(RecordOperator, cursor.unsigned(1, "operator"))
        if op_code is RecordOpCode.RESPONSE_CODE:
            request = named(RecordOpCode, cursor.unsigned(1, "request_op_code"))
            response = named(RecordResponse, cursor.unsigned(1, "response_code"))
            return cls(op_code, operator, request_op_code=request, response_code=response, trailing=cursor.rest())
        if op_code is RecordOpCode.NUMBER_OF_STORED_RECORDS_RESPONSE:
            number = cursor.unsigned(2, "number_of_records")
            return cls(op_code, operator, number_of_records=number, trailing=cursor.rest())
        if op_code is RecordOpCode.ABORT_OPERATION:
            return cls(op_code, operator, trailing=cursor.rest())
        if op_code not in _REQUESTS or not isinstance(operator, RecordOperator):
            return cls(op_code, operator, operand=cursor.rest())
        return cls._request_from(cursor, op_code, operator)

    @classmethod
    def _request_from(cls, cursor: Cursor, op_code: RecordOpCode | int, operator: RecordOperator) -> Self:
        lower, upper = operator in _WITH_MINIMUM, operator in _WITH_MAXIMUM
        if not (lower or upper):
            return cls(op_code, operator, trailing=cursor.rest())
        filter_type = named(RecordFilter, cursor.unsigned(1, "filter_type"))
        if not isinstance(filter_type, RecordFilter):
            return cls(op_code, operator, filter_type, operand=cursor.rest())
        minimum = _take_bound(cursor, filter_type, "minimum") if lower else None
        maximum = _take_bound(cursor, filter_type, "maximum") if upper else None
        return cls(op_code, operator, filter_type, minimum, maximum, trailing=cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "op_code", self.op_code)
        composer.unsigned(1, "operator", self.operator)
        composer.unsigned(1, "filter_type", self.filter_type)
        _put_bound(composer, "minimum", self.minimum)
        _put_bound(composer, "maximum", self.maximum)
        composer.unsigned(2, "number_of_records", self.number_of_records)
        composer.unsigned(1, "request_op_code", self.request_op_code)
        composer.unsigned(1, "response_code", self.response_code)
        return composer.frame(self.operand + self.trailing)


def _take_bound(cursor: Cursor, filter_type: RecordFilter, field: str) -> Bound:
    return cursor.date_time(field) if filter_type is RecordFilter.USER_FACING_TIME else cursor.unsigned(2, field)


def _put_bound(composer: Composer, field: str, bound: Bound | None) -> None:
    if isinstance(bound, DeviceTime):
        composer.date_time(field, bound)
    else:
        composer.unsigned(2, field, bound)
