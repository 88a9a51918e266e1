"""Reading and writing the fields of a frame one after the other, little-endian unless the model's quirks say otherwise.

Bytes after the last field are no error: meters pad their frames, and a later version of a profile appends fields. They
are kept as the measurement's ``trailing``, so that nothing heard is lost and encoding stays the inverse of decoding.
"""

from typing import Literal

from hearthline_gateway.gatt.errors import TruncatedError
from hearthline_gateway.gatt.numbers import Number, decode_float, decode_sfloat, encode_float, encode_sfloat
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_protocol.device_time import DeviceTime


class Cursor:
    """Takes fields from a frame; raises :class:`TruncatedError` naming the field that is not all there."""

    __slots__ = ("_at", "_big_endian", "_characteristic", "_payload")

    def __init__(self, payload: bytes, characteristic: str, quirks: Quirks = NO_QUIRKS) -> None:
        self._payload, self._characteristic = payload, characteristic
        self._big_endian = quirks.big_endian
        self._at = 0

    def unsigned(self, size: int, field: str) -> int:
        """An unsigned number of ``size`` bytes."""
        start = self._at
        self._at = end = start + size
        found = self._payload[start:end]
        if len(found) < size:
            raise TruncatedError(self._characteristic, field, size, len(found))
        return int.from_bytes(found, _order(field, self._big_endian))

    def signed(self, size: int, field: str) -> int:
        """A number of ``size`` bytes in two's complement."""
        raw = self.unsigned(size, field)
        return raw - (1 << 8 * size) if raw >> (8 * size - 1) else raw

    def sfloat(self, field: str) -> Number:
        """A 16-bit medical number."""
        return decode_sfloat(self.unsigned(2, field))

    def float(self, field: str) -> Number:
        """A 32-bit medical number."""
        return decode_float(self.unsigned(4, field))

    def date_time(self, field: str) -> DeviceTime:
        """Seven bytes of wall clock, kept digit for digit even where no calendar knows them."""
        start = self._at
        self._at = end = start + 7
        found = self._payload[start:end]
        if len(found) < 7:
            raise TruncatedError(self._characteristic, field, 7, len(found))
        return DeviceTime(int.from_bytes(found[:2], _order(field, self._big_endian)), *found[2:])

    @property
    def left(self) -> int:
        """How many bytes have not been taken."""
        return len(self._payload) - self._at

    def rest(self) -> bytes:
        """Everything not yet taken."""
        return self._payload[self._at :]


class Composer:
    """The inverse: puts fields into a frame in the order given."""

    __slots__ = ("_big_endian", "_payload")

    def __init__(self, quirks: Quirks = NO_QUIRKS) -> None:
        self._payload = bytearray()
        self._big_endian = quirks.big_endian

    def unsigned(self, size: int, field: str, value: int | None) -> None:
        """Put a number of ``size`` bytes; nothing where it is absent."""
        if value is not None:
            self._payload += value.to_bytes(size, _order(field, self._big_endian))

    def signed(self, size: int, field: str, value: int | None) -> None:
        """Put a number of ``size`` bytes in two's complement; nothing where it is absent."""
        self.unsigned(size, field, None if value is None else value & ((1 << 8 * size) - 1))

    def sfloat(self, field: str, number: Number | None) -> None:
        """Put a 16-bit medical number; nothing where it is absent."""
        if number is not None:
            self.unsigned(2, field, encode_sfloat(number))

    def float(self, field: str, number: Number) -> None:
        """Put a 32-bit medical number."""
        self.unsigned(4, field, encode_float(number))

    def date_time(self, field: str, stamp: DeviceTime | None) -> None:
        """Put seven bytes of wall clock; nothing where it is absent."""
        if stamp is not None:
            self.unsigned(2, field, stamp.year)
            self._payload += bytes((stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second))

    def frame(self, trailing: bytes = b"") -> bytes:
        """What has been put, and ``trailing``."""
        return bytes(self._payload) + trailing


def _order(field: str, big_endian: frozenset[str]) -> Literal["big", "little"]:
    return "big" if field in big_endian else "little"
