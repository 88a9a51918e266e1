"""The units meters speak and the one unit we store, converted once, here, and never again."""

from collections.abc import Callable
from typing import Final, NamedTuple


class Unit(NamedTuple):
    """``measured`` is the meter's unit, ``stored`` ours, both UCUM. ``convert`` is None where they are the same: the
    number then keeps every printed digit."""

    measured: str
    stored: str
    convert: Callable[[float], float] | None = None


def kilopascal_to_mmhg(pressure: float) -> float:
    """To 0.1 mmHg. 760 mmHg are 101.325 kPa, so 16.0 kPa are 16.0 x 760 / 101.325 = 120.01, stored as 120.0 mmHg."""
    return round(pressure * 760 / 101.325, 1)


def pound_to_kilogram(weight: float) -> float:
    """To 0.001 kg. A pound is 0.45359237 kg exactly, so 183.00 lb are 83.0074, stored as 83.007 kg."""
    return round(weight * 0.45359237, 3)


def fahrenheit_to_celsius(temperature: float) -> float:
    """To 0.01 degrees. 98.6 degrees Fahrenheit are (98.6 - 32) x 5 / 9 = 37.00 degrees Celsius."""
    return round((temperature - 32) * 5 / 9, 2)


MMHG: Final = Unit("mm[Hg]", "mm[Hg]")
KILOPASCAL: Final = Unit("kPa", "mm[Hg]", kilopascal_to_mmhg)
PER_MINUTE: Final = Unit("/min", "/min")
PERCENT: Final = Unit("%", "%")
KILOGRAM: Final = Unit("kg", "kg")
POUND: Final = Unit("[lb_av]", "kg", pound_to_kilogram)
KILOGRAM_PER_SQUARE_METRE: Final = Unit("kg/m2", "kg/m2")
CELSIUS: Final = Unit("Cel", "Cel")
FAHRENHEIT: Final = Unit("[degF]", "Cel", fahrenheit_to_celsius)
