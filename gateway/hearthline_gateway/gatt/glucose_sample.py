"""What was measured in, and from where on the body: the two nibbles that glucose meters and continuous glucose sensors
share.

Source: Bluetooth SIG, Glucose Service 1.0.1 and Continuous Glucose Monitoring Service 1.0.2, and the GATT Specification
Supplement. The type is the low nibble, the location the high one. A model that sends them the other way round has
``type_sample_location`` among its ``big_endian`` fields.
"""

from enum import IntEnum
from typing import Final

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.named import named
from hearthline_gateway.gatt.quirks import Quirks

FIELD: Final = "type_sample_location"


class SampleType(IntEnum):
    """What was measured in. 0 and 11 to 15 are reserved."""

    CAPILLARY_WHOLE_BLOOD = 1
    CAPILLARY_PLASMA = 2
    VENOUS_WHOLE_BLOOD = 3
    VENOUS_PLASMA = 4
    ARTERIAL_WHOLE_BLOOD = 5
    ARTERIAL_PLASMA = 6
    UNDETERMINED_WHOLE_BLOOD = 7
    UNDETERMINED_PLASMA = 8
    INTERSTITIAL_FLUID = 9
    CONTROL_SOLUTION = 10


class SampleLocation(IntEnum):
    """Where it was taken. 0 and 6 to 14 are reserved; the subcutaneous tissue is a continuous sensor's."""

    FINGER = 1
    ALTERNATE_SITE_TEST = 2
    EARLOBE = 3
    CONTROL_SOLUTION = 4
    SUBCUTANEOUS_TISSUE = 5
    NOT_AVAILABLE = 15


def take_sample(cursor: Cursor, quirks: Quirks) -> tuple[SampleType | int, SampleLocation | int]:
    """Both nibbles; raises ``DecodeError``."""
    octet = cursor.unsigned(1, FIELD)
    low, high = octet & 0x0F, octet >> 4
    if FIELD in quirks.big_endian:
        low, high = high, low
    return named(SampleType, low), named(SampleLocation, high)


def put_sample(composer: Composer, quirks: Quirks, sample_type: int | None, sample_location: int | None) -> None:
    """The inverse of :func:`take_sample`; nothing where they are absent."""
    if sample_type is None or sample_location is None:
        return
    low, high = (sample_location, sample_type) if FIELD in quirks.big_endian else (sample_type, sample_location)
    composer.unsigned(1, FIELD, high << 4 | low)
