"""Other units than the one that is stored, as a file of readings may have them; to the same digits as in a home."""

from collections.abc import Callable, Mapping
from typing import Final

from hearthline_protocol.kinds import UNIT_TEXT

Convert = Callable[[float], float]


def kilopascal_to_mmhg(pressure: float) -> float:
    """To 0.1 mmHg. 760 mmHg are 101.325 kPa, so 16.0 kPa are 16.0 x 760 / 101.325 = 120.01, stored as 120.0 mmHg."""
    return round(pressure * 760 / 101.325, 1)


def pound_to_kilogram(weight: float) -> float:
    """To 0.001 kg. A pound is 0.45359237 kg exactly, so 183.00 lb are 83.0074, stored as 83.007 kg."""
    return round(weight * 0.45359237, 3)


def stone_to_kilogram(weight: float) -> float:
    """To 0.001 kg. A stone is 14 pounds, so 6.35029318 kg exactly: 12.5 st are 79.3787, stored as 79.379 kg."""
    return round(weight * 6.35029318, 3)


def fahrenheit_to_celsius(temperature: float) -> float:
    """To 0.01 degrees. 98.6 degrees Fahrenheit are (98.6 - 32) x 5 / 9 = 37.00 degrees Celsius."""
    return round((temperature - 32) * 5 / 9, 2)


def glucose_to_mg_per_dl(concentration: float) -> float:
    """To 0.1 mg/dL. Glucose has 180.16 g/mol, so 1 mmol/L is 18.016 mg/dL: 6.7 mmol/L are 120.71, stored as 120.7."""
    return round(concentration * 18.016, 1)


CONVERSIONS: Final[Mapping[tuple[str, str], Convert]] = {
    ("kPa", "mm[Hg]"): kilopascal_to_mmhg,
    ("[lb_av]", "kg"): pound_to_kilogram,
    ("[stone_av]", "kg"): stone_to_kilogram,
    ("[degF]", "Cel"): fahrenheit_to_celsius,
    ("mmol/L", "mg/dL"): glucose_to_mg_per_dl,
}
"""From a unit to the one that is stored, both UCUM."""

_ALSO_WRITTEN: Final[Mapping[str, str]] = {
    "mm Hg": "mm[Hg]",
    "1/min": "/min",
    "bpm": "/min",
    "beats/min": "/min",
    "lbs": "[lb_av]",
    "degC": "Cel",
    "C": "Cel",
    "degF": "[degF]",
    "F": "[degF]",
}
_PRINTED: Final = {**UNIT_TEXT, "[stone_av]": "st"}
_UCUM_OF: Final = {
    written.lower(): code
    for written, code in (
        *((code, code) for code in _PRINTED),
        *((text, code) for code, text in _PRINTED.items()),
        *_ALSO_WRITTEN.items(),
    )
}


def ucum(unit: str) -> str:
    """The UCUM code of a unit that may be written as it is printed, in large or small letters, such as mmHg, mg/dl or
    °C; others as they are."""
    return _UCUM_OF.get(unit.lower(), unit)


def readable(stored: str) -> str:
    """The units that can be read for a stored one, as they are printed, for a sentence."""
    return " or ".join(printed(one) for one in (stored, *(other for other, ours in CONVERSIONS if ours == stored)))


def printed(code: str) -> str:
    """A UCUM code as people write it."""
    return _PRINTED.get(code, code)
