"""IEEE 11073-20601 Regulatory Certification Data List (0x2A2A): which bodies certified the meter, and for what.

Source: Bluetooth SIG, Device Information Service 1.1; IEEE 11073-20601, RegCertDataList. Its numbers are big-endian,
unlike everything else over the air.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Cursor
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks


class CertificationListError(DecodeError):
    """The list's own length is not that of its entries: chips come with a text in the place of a list."""

    def __init__(self, characteristic: str, said: int, there: int) -> None:
        self.said, self.there = said, there
        super().__init__(
            f"the list says that its entries are {said} bytes long, but they are {there}. "
            "It certifies nothing; the meter can be used without it",
            characteristic=characteristic,
        )


class CertifyingBody(IntEnum):
    """Who certifies."""

    EMPTY = 0
    IEEE = 1
    CONTINUA = 2
    EXPERIMENTAL = 254
    RESERVED = 255


_BODIES: Final = {int(body): body for body in CertifyingBody}


@dataclass(frozen=True, slots=True)
class Certification:
    """One entry: the body (a reserved one as its plain number), what its ``data`` are in that body's own table, and
    the data as they came."""

    body: CertifyingBody | int
    structure: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RegulatoryCertification:
    """The whole list."""

    characteristic: ClassVar[str] = "2A2A"

    certifications: tuple[Certification, ...]
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        big = Quirks(quirks.big_endian | {"count", "length", "data_length"}, quirks.unflagged)
        cursor = Cursor(payload, cls.characteristic, big)
        count, length = cursor.unsigned(2, "count"), cursor.unsigned(2, "length")
        before = cursor.left
        found = tuple(_certification(cursor) for _ in range(count))
        if before - cursor.left != length:
            raise CertificationListError(cls.characteristic, length, before - cursor.left)
        return cls(found, cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:  # noqa: ARG002 - the signature is every measurement's
        """The inverse of :meth:`decode`."""
        entries = b"".join(
            bytes((entry.body, entry.structure)) + len(entry.data).to_bytes(2, "big") + entry.data
            for entry in self.certifications
        )
        return len(self.certifications).to_bytes(2, "big") + len(entries).to_bytes(2, "big") + entries + self.trailing


def _certification(cursor: Cursor) -> Certification:
    body = cursor.unsigned(1, "body")
    structure = cursor.unsigned(1, "structure")
    length = cursor.unsigned(2, "data_length")
    data = bytes(cursor.unsigned(1, "data") for _ in range(length))
    return Certification(_BODIES.get(body, body), structure, data)
