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


GLUCOSE_MILLIGRAM_PER_MILLIMOLE_DECILITRE: Final = 18.016
"""Glucose has a molar mass of 180.16 g/mol: 1 mmol/L is 180.16 mg/L, which is 18.016 mg/dL."""

KILOGRAM_PER_LITRE_IS: Final = 5
"""Powers of ten to mg/dL: 0.00120 kg/L are 1 200 mg/L, which is 120 mg/dL. Meters print mg/dL, never kg/L."""
MOLE_PER_LITRE_IS: Final = 3
"""Powers of ten to mmol/L: 0.0067 mol/L are 6.7 mmol/L."""


def glucose_to_mg_per_dl(concentration: float) -> float:
    """From mmol/L, to 0.1 mg/dL. 6.7 mmol/L are 6.7 x 18.016 = 120.71, stored as 120.7 mg/dL; 3.9 are 70.3."""
    return round(concentration * GLUCOSE_MILLIGRAM_PER_MILLIMOLE_DECILITRE, 1)


MMHG: Final = Unit("mm[Hg]", "mm[Hg]")
KILOPASCAL: Final = Unit("kPa", "mm[Hg]", kilopascal_to_mmhg)
PER_MINUTE: Final = Unit("/min", "/min")
PERCENT: Final = Unit("%", "%")
KILOGRAM: Final = Unit("kg", "kg")
POUND: Final = Unit("[lb_av]", "kg", pound_to_kilogram)
KILOGRAM_PER_SQUARE_METRE: Final = Unit("kg/m2", "kg/m2")
CELSIUS: Final = Unit("Cel", "Cel")
FAHRENHEIT: Final = Unit("[degF]", "Cel", fahrenheit_to_celsius)
MILLIGRAM_PER_DECILITRE: Final = Unit("mg/dL", "mg/dL")
GLUCOSE_MILLIMOLE_PER_LITRE: Final = Unit("mmol/L", "mg/dL", glucose_to_mg_per_dl)
MILLIGRAM_PER_DECILITRE_MINUTE: Final = Unit("mg/dL/min", "mg/dL/min")
GRAM: Final = Unit("g", "g")
MILLIGRAM: Final = Unit("mg", "mg")
MILLILITRE: Final = Unit("mL", "mL")
SECOND: Final = Unit("s", "s")
MINUTE: Final = Unit("min", "min")
