"""Numbers as IEEE 11073-20601 puts them on the air: SFLOAT (16 bit) and FLOAT (32 bit).

Exponent and mantissa are both signed; the exponent says how many decimals the meter prints.
"""

import math
import struct
from typing import Final

_SFLOAT_NAN: Final = 0x07FF
_SFLOAT_PLUS_INFINITY: Final = 0x07FE
_SFLOAT_MINUS_INFINITY: Final = 0x0802
_FLOAT_NAN: Final = 0x007FFFFF
_FLOAT_PLUS_INFINITY: Final = 0x007FFFFE
_FLOAT_MINUS_INFINITY: Final = 0x00800002


def sfloat(number: float, decimals: int = 0) -> bytes:
    """Two bytes, little endian. NaN and infinities become the special values; raises ``ValueError`` out of range."""
    if math.isnan(number):
        return struct.pack("<H", _SFLOAT_NAN)
    if math.isinf(number):
        return struct.pack("<H", _SFLOAT_PLUS_INFINITY if number > 0 else _SFLOAT_MINUS_INFINITY)
    mantissa = round(number * 10**decimals)
    if not -2045 <= mantissa <= 2045 or not -7 <= decimals <= 8:
        raise ValueError(f"{number} with {decimals} decimals does not fit an SFLOAT")
    return struct.pack("<H", (-decimals & 0xF) << 12 | (mantissa & 0xFFF))


def float32(number: float, decimals: int = 1) -> bytes:
    """Four bytes, little endian. NaN and infinities become the special values; raises ``ValueError`` out of range."""
    if math.isnan(number):
        return struct.pack("<I", _FLOAT_NAN)
    if math.isinf(number):
        return struct.pack("<I", _FLOAT_PLUS_INFINITY if number > 0 else _FLOAT_MINUS_INFINITY)
    mantissa = round(number * 10**decimals)
    if not -8388605 <= mantissa <= 8388605:
        raise ValueError(f"{number} with {decimals} decimals does not fit a FLOAT")
    return struct.pack("<I", (-decimals & 0xFF) << 24 | (mantissa & 0xFFFFFF))
