"""IEEE 11073-20601 numbers: SFLOAT (16 bit) and FLOAT (32 bit), a signed mantissa times ten to a signed exponent.

The exponent is the printed precision (2.0 is mantissa 20, exponent -1) and is kept: it carries meaning. Five bit
patterns of each size, all with exponent 0, are not numbers but :class:`Special`.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple


class Special(StrEnum):
    """What a meter sends instead of a number."""

    NAN = "NaN"
    """Not a number: nothing was measured."""
    NRES = "NRes"
    """Not at this resolution."""
    POSITIVE_INFINITY = "+INFINITY"
    """Higher than the meter can process."""
    NEGATIVE_INFINITY = "-INFINITY"
    """Lower than the meter can process."""
    RESERVED = "reserved"


class Number(NamedTuple):
    """``mantissa`` x 10 ** ``exponent``, or a special (then both are 0)."""

    mantissa: int
    exponent: int
    special: Special | None = None

    @property
    def value(self) -> float | None:
        """The number as printed, correctly rounded; None for a special."""
        if self.special is not None:
            return None
        if self.exponent == 0:
            return self.mantissa
        if self.exponent < 0:
            return self.mantissa / int(10**-self.exponent)
        whole: int = self.mantissa * 10**self.exponent
        return whole if self.exponent < 8 else float(whole)

    def times_ten_to(self, power: int) -> "Number":
        """The same number in a unit that is smaller by that power of ten: as exact, and not a digit more. 0.0012 kg are
        1.2 g."""
        return self if self.special is not None else Number(self.mantissa, self.exponent + power)

    @property
    def precision(self) -> int:
        """Printed decimal places; negative for a number to tens or hundreds."""
        return -self.exponent


_SPECIALS_FROM_TOP: Final = (Special.POSITIVE_INFINITY, Special.NAN, Special.NRES, Special.RESERVED)
"""The patterns from the largest positive mantissa but one upwards, as unsigned numbers; -INFINITY follows."""


def _specials(bits: int) -> dict[int, Special]:
    first = (1 << (bits - 1)) - 2
    return {first + step: special for step, special in enumerate((*_SPECIALS_FROM_TOP, Special.NEGATIVE_INFINITY))}


_SFLOAT_SPECIALS: Final = _specials(12)
_FLOAT_SPECIALS: Final = _specials(24)
_SFLOAT_PATTERNS: Final = {special: raw for raw, special in _SFLOAT_SPECIALS.items()}
_FLOAT_PATTERNS: Final = {special: raw for raw, special in _FLOAT_SPECIALS.items()}


def _decode(raw: int, mantissa_bits: int, exponent_bits: int, specials: dict[int, Special]) -> Number:
    special = specials.get(raw)
    if special is not None:
        return Number(0, 0, special)
    mantissa = raw & ((1 << mantissa_bits) - 1)
    if mantissa >> (mantissa_bits - 1):
        mantissa -= 1 << mantissa_bits
    exponent = raw >> mantissa_bits
    if exponent >> (exponent_bits - 1):
        exponent -= 1 << exponent_bits
    return Number(mantissa, exponent)


def _encode(number: Number, mantissa_bits: int, exponent_bits: int, patterns: dict[Special, int]) -> int:
    if number.special is not None:
        return patterns[number.special]
    if not -(1 << (mantissa_bits - 1)) <= number.mantissa < 1 << (mantissa_bits - 1):
        raise ValueError(f"mantissa {number.mantissa} does not fit {mantissa_bits} bits")
    if not -(1 << (exponent_bits - 1)) <= number.exponent < 1 << (exponent_bits - 1):
        raise ValueError(f"exponent {number.exponent} does not fit {exponent_bits} bits")
    exponent = number.exponent & ((1 << exponent_bits) - 1)
    raw = exponent << mantissa_bits | number.mantissa & ((1 << mantissa_bits) - 1)
    if raw in patterns.values():
        raise ValueError(f"mantissa {number.mantissa} with exponent 0 is reserved for a special value")
    return raw


@lru_cache(maxsize=4096)
def decode_sfloat(raw: int) -> Number:
    """Read 16 bits: exponent in the top 4, mantissa in the low 12, both signed. 0xF014 is 2.0, 0x07FF is NaN."""
    return _decode(raw, 12, 4, _SFLOAT_SPECIALS)


@lru_cache(maxsize=4096)
def decode_float(raw: int) -> Number:
    """Read 32 bits: exponent in the top 8, mantissa in the low 24, both signed. 0xFF00016C is 36.4."""
    return _decode(raw, 24, 8, _FLOAT_SPECIALS)


def encode_sfloat(number: Number) -> int:
    """The inverse of :func:`decode_sfloat`; raises ``ValueError`` for what 16 bits cannot say."""
    return _encode(number, 12, 4, _SFLOAT_PATTERNS)


def encode_float(number: Number) -> int:
    """The inverse of :func:`decode_float`; raises ``ValueError`` for what 32 bits cannot say."""
    return _encode(number, 24, 8, _FLOAT_PATTERNS)
