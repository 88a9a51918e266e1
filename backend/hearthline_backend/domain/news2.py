"""NEWS2, the National Early Warning Score (Royal College of Physicians, 2017): points by input, and what is missing.

A home kit never has every input, so what comes out is nearly always partial: a lower bound, said as one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from math import inf, isinf
from typing import Final, Literal
from uuid import UUID

from hearthline_protocol.kinds import KINDS


class Input(StrEnum):
    """What NEWS2 asks for, in the order of its chart."""

    RESPIRATION = "respiration"
    OXYGEN_SATURATION = "oxygen_saturation"
    OXYGEN_SUPPLY = "oxygen_supply"
    """Air or oxygen: no meter tells."""
    SYSTOLIC = "systolic"
    PULSE = "pulse"
    CONSCIOUSNESS = "consciousness"
    """Alert, or new confusion, voice, pain, unresponsive: no meter tells."""
    TEMPERATURE = "temperature"

    __hash__ = str.__hash__  # that of an enum is Python's own, and slow


SOURCES: Final[Mapping[str, tuple[tuple[str, Input], ...]]] = {
    "respiratory_rate": (("rate", Input.RESPIRATION),),
    "oxygen_saturation": (("spo2", Input.OXYGEN_SATURATION), ("pulse", Input.PULSE)),
    "blood_pressure": (("systolic", Input.SYSTOLIC), ("pulse", Input.PULSE)),
    "heart_rate": (("rate", Input.PULSE),),
    "body_temperature": (("temperature", Input.TEMPERATURE),),
}
"""Which field of which kind gives which input; a pulse counts from whichever meter told it last."""

SUPPLY_POINTS: Final = 2
"""For any oxygen supply; air gives none."""

_Bands = tuple[tuple[float, int], ...]
"""Points up to and including each number, in the printed step of the scale."""

_BANDS: Final[Mapping[Input, _Bands]] = {
    Input.RESPIRATION: ((8, 3), (11, 1), (20, 0), (24, 2), (inf, 3)),
    Input.SYSTOLIC: ((90, 3), (100, 2), (110, 1), (219, 0), (inf, 3)),
    Input.PULSE: ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (inf, 3)),
    Input.TEMPERATURE: ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (inf, 2)),
}
_SCALE_1: Final[_Bands] = ((91, 3), (93, 2), (95, 1), (inf, 0))
_SCALE_2_AIR: Final[_Bands] = ((83, 3), (85, 2), (87, 1), (inf, 0))
_SCALE_2_OXYGEN: Final[_Bands] = ((83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (inf, 3))

_STEPS: Final = {given: KINDS[kind].fields[field].step for kind, fields in SOURCES.items() for field, given in fields}


@dataclass(frozen=True, slots=True)
class Scored:
    """One input. ``value`` is what was measured, rounded to the printed step; None for one beyond what the meter can
    process, and for the oxygen supply, which the plan states."""

    points: int
    value: float | None
    reading_id: UUID | None


@dataclass(frozen=True, slots=True)
class Score:
    """``points`` is the sum of the inputs there are. With an input ``missing`` it is a lower bound, and no total."""

    points: int
    missing: tuple[Input, ...]
    inputs: Mapping[Input, Scored]
    scale: Literal[1, 2]
    assumed_air: bool = False
    """Scale 2 without knowing of oxygen: scored as on air."""

    @property
    def partial(self) -> bool:
        """Whether an input is missing."""
        return bool(self.missing)

    @property
    def total(self) -> int | None:
        """The score itself; None while an input is missing."""
        return None if self.missing else self.points


def points(given: Input, value: float, *, scale: Literal[1, 2] = 1, on_oxygen: bool = False) -> int:
    """The points of a measured input. An infinite value is one beyond what the meter can process."""
    rounded = printed(given, value)
    bands = _BANDS.get(given) or _saturation(scale, on_oxygen)
    for top, one in bands:
        if rounded <= top:
            return one
    raise ValueError(f"{given} is no number: {value}")


def printed(given: Input, value: float) -> float:
    """Rounded half up to the step that the scale prints: its bands have gaps between 91 and 92, or 36.0 and 36.1."""
    step = _STEPS[given]
    if isinf(value) or (value == round(value, 1) if step < 1 else value == round(value)):
        return value
    return float(Decimal(str(value)).quantize(Decimal(str(step)), ROUND_HALF_UP))


def _saturation(scale: Literal[1, 2], on_oxygen: bool) -> _Bands:
    if scale == 1:
        return _SCALE_1
    return _SCALE_2_OXYGEN if on_oxygen else _SCALE_2_AIR
