"""Device Information Service: which meter this is.

Source: Bluetooth SIG, Device Information Service 1.1, and the GATT Specification Supplement.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.gatt.text import Utf8Text


@dataclass(frozen=True, slots=True)
class ManufacturerName(Utf8Text):
    """Who made it."""

    characteristic: ClassVar[str] = "2A29"


@dataclass(frozen=True, slots=True)
class ModelNumber(Utf8Text):
    """Which model the maker calls it."""

    characteristic: ClassVar[str] = "2A24"


@dataclass(frozen=True, slots=True)
class SerialNumber(Utf8Text):
    """Which one of its model it is."""

    characteristic: ClassVar[str] = "2A25"


@dataclass(frozen=True, slots=True)
class HardwareRevision(Utf8Text):
    """The revision of its hardware."""

    characteristic: ClassVar[str] = "2A27"


@dataclass(frozen=True, slots=True)
class FirmwareRevision(Utf8Text):
    """The revision of its firmware."""

    characteristic: ClassVar[str] = "2A26"


@dataclass(frozen=True, slots=True)
class SoftwareRevision(Utf8Text):
    """The revision of its software."""

    characteristic: ClassVar[str] = "2A28"


@dataclass(frozen=True, slots=True)
class SystemId:
    """An EUI-64 in two parts: 40 bits that the maker gives, and the maker's own 24 bits from IEEE."""

    characteristic: ClassVar[str] = "2A23"

    manufacturer_identifier: int
    organisationally_unique_identifier: int
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(
            manufacturer_identifier=cursor.unsigned(5, "manufacturer_identifier"),
            organisationally_unique_identifier=cursor.unsigned(3, "organisationally_unique_identifier"),
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(5, "manufacturer_identifier", self.manufacturer_identifier)
        composer.unsigned(3, "organisationally_unique_identifier", self.organisationally_unique_identifier)
        return composer.frame(self.trailing)


class VendorIdSource(IntEnum):
    """Who gave the vendor its number."""

    BLUETOOTH_SIG = 1
    USB_IMPLEMENTERS_FORUM = 2


_VENDOR_ID_SOURCES: Final = {int(source): source for source in VendorIdSource}


@dataclass(frozen=True, slots=True)
class PnpId:
    """Vendor, product and version. A reserved source is kept as its plain number."""

    characteristic: ClassVar[str] = "2A50"

    vendor_id_source: VendorIdSource | int
    vendor_id: int
    product_id: int
    product_version: int
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        source = cursor.unsigned(1, "vendor_id_source")
        return cls(
            vendor_id_source=_VENDOR_ID_SOURCES.get(source, source),
            vendor_id=cursor.unsigned(2, "vendor_id"),
            product_id=cursor.unsigned(2, "product_id"),
            product_version=cursor.unsigned(2, "product_version"),
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "vendor_id_source", self.vendor_id_source)
        composer.unsigned(2, "vendor_id", self.vendor_id)
        composer.unsigned(2, "product_id", self.product_id)
        composer.unsigned(2, "product_version", self.product_version)
        return composer.frame(self.trailing)
