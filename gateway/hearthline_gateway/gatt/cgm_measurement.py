"""CGM Measurement (0x2AA7): one or more records of a continuous glucose sensor in one frame.

Source: Bluetooth SIG, Continuous Glucose Monitoring Service 1.0.2, and the GATT Specification Supplement.

Each record begins with its own size. Where that size leaves exactly two bytes beyond what the record's flags promise,
they are its checksum; any other surplus is kept as the record's ``trailing``.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt import e2e_crc
from hearthline_gateway.gatt.cgm_status import CgmCalTempOctet, CgmStatusOctet, CgmWarningOctet, ends_in_crc
from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.errors import TruncatedError
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks

_CHARACTERISTIC: Final = "2AA7"
_TREND: Final = 0x01
_QUALITY: Final = 0x02
_WARNING: Final = 0x20
_CAL_TEMP: Final = 0x40
_STATUS: Final = 0x80
_RESERVED: Final = 0x1C


@dataclass(frozen=True, slots=True)
class CgmRecord:
    """``glucose_concentration`` in mg/dL, ``time_offset`` in minutes since the session began, ``trend_information`` in
    mg/dL a minute, ``quality`` in percent. ``e2e_crc`` is True where a checksum came along, and was right."""

    glucose_concentration: Number
    time_offset: int
    status: CgmStatusOctet | None = None
    cal_temp: CgmCalTempOctet | None = None
    warning: CgmWarningOctet | None = None
    trend_information: Number | None = None
    quality: Number | None = None
    e2e_crc: bool = False
    reserved_flags: int = 0
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read the record that ``payload`` begins with; raises ``DecodeError``."""
        size = Cursor(payload, _CHARACTERISTIC, quirks).unsigned(1, "size")
        record = payload[: max(size, 1)]
        cursor = Cursor(record, _CHARACTERISTIC, quirks)
        cursor.unsigned(1, "size")
        flags = cursor.unsigned(1, "flags")
        return cls(
            glucose_concentration=cursor.sfloat("glucose_concentration"),
            time_offset=cursor.unsigned(2, "time_offset"),
            status=CgmStatusOctet(cursor.unsigned(1, "status")) if flags & _STATUS else None,
            cal_temp=CgmCalTempOctet(cursor.unsigned(1, "cal_temp")) if flags & _CAL_TEMP else None,
            warning=CgmWarningOctet(cursor.unsigned(1, "warning")) if flags & _WARNING else None,
            trend_information=cursor.sfloat("trend_information") if flags & _TREND else None,
            quality=cursor.sfloat("quality") if flags & _QUALITY else None,
            e2e_crc=_ends_in_crc(cursor, record, size),
            reserved_flags=flags & _RESERVED,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`; raises ``OverflowError`` for a record that its size cannot count."""
        composer = Composer(quirks)
        composer.unsigned(1, "flags", self._flags())
        composer.sfloat("glucose_concentration", self.glucose_concentration)
        composer.unsigned(2, "time_offset", self.time_offset)
        composer.unsigned(1, "status", self.status)
        composer.unsigned(1, "cal_temp", self.cal_temp)
        composer.unsigned(1, "warning", self.warning)
        composer.sfloat("trend_information", self.trend_information)
        composer.sfloat("quality", self.quality)
        content = composer.frame(self.trailing)
        size = 1 + len(content) + (e2e_crc.SIZE if self.e2e_crc else 0)
        record = size.to_bytes(1, "little") + content
        return e2e_crc.protected(record) if self.e2e_crc else record

    def _flags(self) -> int:
        return (
            self.reserved_flags
            | (_TREND if self.trend_information is not None else 0)
            | (_QUALITY if self.quality is not None else 0)
            | (_WARNING if self.warning is not None else 0)
            | (_CAL_TEMP if self.cal_temp is not None else 0)
            | (_STATUS if self.status is not None else 0)
        )


@dataclass(frozen=True, slots=True)
class CgmMeasurement:
    """All records of a frame, at least one."""

    characteristic: ClassVar[str] = _CHARACTERISTIC

    records: tuple[CgmRecord, ...]

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``. One damaged record spoils its frame: where the next one would begin is
        no longer known."""
        records = []
        at = 0
        while at < max(len(payload), 1):
            records.append(CgmRecord.decode(payload[at:], quirks))
            at += payload[at]
        return cls(tuple(records))

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        return b"".join(record.encode(quirks) for record in self.records)


def _ends_in_crc(cursor: Cursor, record: bytes, size: int) -> bool:
    """A frame may end behind a record's fields and yet before the size that the record gives itself."""
    if len(record) < size:
        raise TruncatedError(_CHARACTERISTIC, "e2e_crc", size - len(record) + cursor.left, cursor.left)
    return cursor.left == e2e_crc.SIZE and ends_in_crc(cursor, _CHARACTERISTIC, record)
