"""The table of kinds: every field Hearthline stores, its one unit, its codes, its printed step and its possible range.

Sources: MDC codes from IEEE 11073-10101 (decimal, 32 bit), LOINC codes as the HL7 FHIR vital-signs profiles use them,
units in UCUM. The possible range is physical, not clinical: outside it the number cannot have come from a living person
and a working meter, and the backend keeps it apart instead of judging it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

UNIT_TEXT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mm[Hg]": "mmHg",
        "kPa": "kPa",
        "/min": "/min",
        "%": "%",
        "kg": "kg",
        "[lb_av]": "lb",
        "kg/m2": "kg/m²",
        "Cel": "°C",
        "[degF]": "°F",
        "mg/dL": "mg/dL",
        "mmol/L": "mmol/L",
        "L/min": "L/min",
        "L": "L",
        "g": "g",
        "mg": "mg",
        "mL": "mL",
        "s": "s",
        "min": "min",
    }
)
"""UCUM code to the text printed beside a number on a screen."""


@dataclass(frozen=True, slots=True)
class Field:
    """One number of a kind. ``possible`` is inclusive and in ``unit``; ``step`` is the smallest step meters print."""

    name: str
    unit: str
    step: float
    possible: tuple[float, float]
    loinc: str | None = None
    mdc: int | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """What one reading measures. ``required`` names the fields without which the reading has no value."""

    name: str
    fields: Mapping[str, Field]
    required: tuple[str, ...]
    loinc: str | None = None
    mdc: int | None = None


def _kind(
    name: str,
    *fields: Field,
    required: tuple[str, ...],
    loinc: str | None = None,
    mdc: int | None = None,
) -> Kind:
    return Kind(name, MappingProxyType({field.name: field for field in fields}), required, loinc, mdc)


def _pulse(mdc: int) -> Field:
    return Field("pulse", "/min", 1, (10, 350), "8867-4", mdc)


_TABLE: Final = (
    _kind(
        "blood_pressure",
        Field("systolic", "mm[Hg]", 1, (20, 330), "8480-6", 150021),
        Field("diastolic", "mm[Hg]", 1, (5, 250), "8462-4", 150022),
        Field("mean", "mm[Hg]", 1, (5, 300), "8478-0", 150023),
        _pulse(149546),
        required=("systolic", "diastolic"),
        loinc="85354-9",
        mdc=150020,
    ),
    _kind(
        "oxygen_saturation",
        Field("spo2", "%", 1, (1, 100), "59408-5", 150456),
        _pulse(149530),
        required=("spo2",),
        loinc="2708-6",
        mdc=150456,
    ),
    _kind(
        "body_weight",
        Field("weight", "kg", 0.1, (0.2, 650), "29463-7", 188736),
        Field("bmi", "kg/m2", 0.1, (4, 250), "39156-5", 188752),
        required=("weight",),
        loinc="29463-7",
        mdc=188736,
    ),
    _kind(
        "body_composition",
        Field("fat", "%", 0.1, (0.1, 90), "41982-0", 188748),
        Field("muscle", "%", 0.1, (0.1, 99)),
        Field("water", "%", 0.1, (0.1, 99)),
        required=(),
    ),
    _kind(
        "body_temperature",
        Field("temperature", "Cel", 0.1, (12, 46), "8310-5", 150364),
        required=("temperature",),
        loinc="8310-5",
        mdc=150364,
    ),
    _kind(
        "glucose",
        Field("glucose", "mg/dL", 1, (1, 2000), "2339-0", 160184),
        required=("glucose",),
        loinc="2339-0",
        mdc=160184,
    ),
    _kind(
        "heart_rate",
        Field("rate", "/min", 1, (10, 350), "8867-4", 149530),
        required=("rate",),
        loinc="8867-4",
        mdc=149530,
    ),
    _kind(
        "respiratory_rate",
        Field("rate", "/min", 1, (1, 120), "9279-1", 151562),
        required=("rate",),
        loinc="9279-1",
        mdc=151562,
    ),
    _kind(
        "peak_flow",
        Field("pef", "L/min", 1, (10, 1200), "19935-6"),
        Field("fev1", "L", 0.01, (0.05, 12), "20150-9"),
        required=("pef",),
        loinc="19935-6",
    ),
)

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in _TABLE})
"""Every kind by its name."""


@dataclass(frozen=True, slots=True)
class SampleCodes:
    """The codes of a glucose value by what it was measured in: MDC, and LOINC by mass (mg/dL) and by moles (mmol/L).
    Control solution has no LOINC code: it is nobody's glucose."""

    mdc: int
    loinc_mass: str | None
    loinc_moles: str | None


_BLOOD: Final = ("2339-0", "15074-8")
_PLASMA: Final = ("2345-7", "14749-6")
_INTERSTITIAL: Final = ("99504-3", "105272-9")

GLUCOSE_SAMPLES: Final[Mapping[str, SampleCodes]] = MappingProxyType(
    {
        "capillary_whole_blood": SampleCodes(160184, *_BLOOD),
        "capillary_plasma": SampleCodes(160188, *_PLASMA),
        "venous_whole_blood": SampleCodes(160192, *_BLOOD),
        "venous_plasma": SampleCodes(160196, *_PLASMA),
        "arterial_whole_blood": SampleCodes(160200, *_BLOOD),
        "arterial_plasma": SampleCodes(160204, *_PLASMA),
        "undetermined_whole_blood": SampleCodes(160364, *_BLOOD),
        "undetermined_plasma": SampleCodes(160368, *_PLASMA),
        "interstitial_fluid": SampleCodes(160212, *_INTERSTITIAL),
        "control_solution": SampleCodes(160208, None, None),
    }
)
"""By the word that a glucose reading has as its context's ``sample_type``. The codes in the table of kinds hold where
it has none, or one that the profile reserves. Interstitial LOINC codes: HL7 FHIR Continuous Glucose Monitoring 1.0.0.
"""
