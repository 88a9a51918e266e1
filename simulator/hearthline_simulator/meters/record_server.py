"""The meter's side of the Record Access Control Point 0x2A52: numbered records, asked for and reported.

Source: Bluetooth SIG, Glucose Service 1.0.1 and Record Access Control Point in the GATT Specification Supplement.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

PROCEDURE_IN_PROGRESS: Final = 0xFE
IMPROPERLY_CONFIGURED: Final = 0xFD
"""ATT errors that the common profile errors define."""
_BY_SEQUENCE: Final = 0x01


class Ask(IntEnum):
    """What may be asked."""

    REPORT = 1
    DELETE = 2
    ABORT = 3
    COUNT = 4


class Operator(IntEnum):
    """Which records are meant."""

    ALL = 1
    UP_TO = 2
    FROM = 3
    BETWEEN = 4
    FIRST = 5
    LAST = 6


class Answer(IntEnum):
    """How a request ended."""

    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERATOR = 3
    OPERATOR_NOT_SUPPORTED = 4
    INVALID_OPERAND = 5
    NO_RECORDS_FOUND = 6
    OPERAND_NOT_SUPPORTED = 9


class RefusedError(Exception):
    """A request that is answered with something else than success."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.name)


@dataclass(frozen=True, slots=True)
class Numbered:
    """One stored record: its number, its measurement and the context that belongs to it."""

    sequence: int
    measurement: bytes
    context: bytes | None = None


def ended(asked: int, answer: Answer) -> bytes:
    """The indication that ends a request."""
    return bytes([6, 0, asked, answer])


def counted(number: int) -> bytes:
    """The indication that answers how many."""
    return struct.pack("<BBH", 5, 0, number)


def select(records: Sequence[Numbered], request: bytes, *, filters: bool) -> list[Numbered]:
    """The records that a request means; raises :class:`RefusedError`. Without ``filters`` only "all" is understood."""
    operator = request[1] if len(request) > 1 else 0
    operand = request[2:]
    if operator == Operator.ALL:
        return list(records)
    if operator not in set(Operator):
        raise RefusedError(Answer.INVALID_OPERATOR)
    if not filters:
        raise RefusedError(Answer.OPERATOR_NOT_SUPPORTED)
    if operator in (Operator.FIRST, Operator.LAST):
        return list(records[:1] if operator == Operator.FIRST else records[-1:])
    if operand[:1] != bytes([_BY_SEQUENCE]):
        raise RefusedError(Answer.OPERAND_NOT_SUPPORTED)
    lowest, highest = _limits(Operator(operator), operand[1:])
    return [record for record in records if lowest <= record.sequence <= highest]


def _limits(operator: Operator, numbers: bytes) -> tuple[int, int]:
    try:
        if operator is Operator.FROM:
            return struct.unpack("<H", numbers)[0], 0xFFFF
        if operator is Operator.UP_TO:
            return 0, struct.unpack("<H", numbers)[0]
        lowest, highest = struct.unpack("<HH", numbers)
    except struct.error as error:
        raise RefusedError(Answer.INVALID_OPERAND) from error
    return lowest, highest
