"""A reading as a line of a backup, and back. The same bytes each time,
so that a sum over them tells whether a store is whole."""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final
from uuid import UUID

import msgspec

from hearthline_backend.storage.patient_reading import PatientReading

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SUM_BYTES: Final = 16


class _Line(msgspec.Struct):
    patient: UUID
    gateway: str
    stored_us: int
    time_us: int
    aside: bool
    body: msgspec.Raw


_decoder: Final = msgspec.json.Decoder(_Line)
_encoder: Final = msgspec.json.Encoder()


def line_of(one: PatientReading) -> bytes:
    """The reading with its place: times in microseconds since 1970-01-01 UTC, the body as it was first said."""
    return _encoder.encode(
        _Line(
            one.patient_id,
            one.gateway,
            (one.stored_time - _EPOCH) // _MICROSECOND,
            (one.effective_time - _EPOCH) // _MICROSECOND,
            one.aside,
            msgspec.Raw(one.body),
        )
    )


def reading_of(line: bytes) -> PatientReading:
    """The reading in a line. Raises ``msgspec.MsgspecError`` where it is none."""
    said = _decoder.decode(line)
    return PatientReading.kept(
        said.patient,
        said.gateway,
        bytes(said.body),
        _EPOCH + timedelta(microseconds=said.stored_us),
        effective_time=_EPOCH + timedelta(microseconds=said.time_us),
        aside=said.aside,
    )


class ReadingsSum:
    """Counts readings and sums up their hashes, in whatever order they come."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, one: PatientReading) -> None:
        """One more."""
        self.count += 1
        self._sum += int.from_bytes(blake2b(line_of(one), digest_size=_SUM_BYTES).digest())
        self._sum %= 1 << (8 * _SUM_BYTES)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReadingsSum):
            return NotImplemented
        return (self.count, self._sum) == (other.count, other._sum)

    def __hash__(self) -> int:
        return hash((self.count, self._sum))
