"""What a meter would have shown: usual values with a day's and a measurement's variation, and change over weeks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hearthline_simulator.ward.profiles import Pattern, Profile
from hearthline_simulator.ward.rhythm import ZONE, Slot, random_of

_MORNING_RISE: Final = {"morning": 2.5, "evening": -2.5}
_DETERIORATES_OVER: Final = timedelta(days=30)
_DETERIORATES_BY: Final = 13.0
_HIGHEST: Final = (169.0, 106.0)
"""Ordinary measurements stay below these, so that only a told story is red."""
_CALM: Final = (144, 88)
_CALM_AMONG_WORSE: Final = (156, 95)


@dataclass(frozen=True, slots=True)
class Pressure:
    """One blood pressure measurement in mmHg and beats a minute, as a cuff prints it."""

    systolic: int
    diastolic: int
    pulse: int

    @property
    def mean(self) -> int:
        """The mean arterial pressure as cuffs print it: a third of the way up from diastolic."""
        return round(self.diastolic + (self.systolic - self.diastolic) / 3)


def pressure(profile: Profile, slot: Slot, at: datetime, now: datetime) -> Pressure:
    """The blood pressure of one slot."""
    day = at.astimezone(ZONE).date()
    of_day = random_of(profile, day, "pressure")
    of_slot = random_of(profile, day, f"{slot}/pressure")
    change = of_day.gauss(0, 3.0) + of_slot.gauss(0, 4.0) + _MORNING_RISE[slot] + _worse(profile, now - at)
    return Pressure(
        round(min(profile.systolic + change, _HIGHEST[0])),
        round(min(profile.diastolic + change * 0.45 + of_slot.gauss(0, 2.5), _HIGHEST[1])),
        round(profile.pulse + of_day.gauss(0, 2.5) + of_slot.gauss(0, 3.0)),
    )


def calm(profile: Profile, shown: Pressure) -> Pressure:
    """The same, but no higher than on a calm day."""
    systolic, diastolic = _CALM_AMONG_WORSE if profile.pattern is Pattern.DETERIORATING else _CALM
    return Pressure(min(shown.systolic, systolic), min(shown.diastolic, diastolic), shown.pulse)


def weight(profile: Profile, usual: float, at: datetime, now: datetime) -> float:
    """The morning weight in kg, in the scale's steps of 0.05 kg."""
    draw = random_of(profile, at.astimezone(ZONE).date(), "weight")
    change = draw.gauss(0, 0.25) + 0.09 * _worse(profile, now - at)
    return round((usual + change) * 20) / 20


def oxygen(profile: Profile, usual: float, at: datetime) -> tuple[int, int]:
    """Oxygen saturation in % and pulse a minute."""
    draw = random_of(profile, at.astimezone(ZONE).date(), "oxygen")
    return min(99, round(usual + draw.gauss(0, 0.8))), round(profile.pulse + draw.gauss(1, 3.5))


def temperature(profile: Profile, at: datetime) -> float:
    """Body temperature in °C."""
    draw = random_of(profile, at.astimezone(ZONE).date(), "temperature")
    return round(36.5 + draw.gauss(0, 0.2), 1)


def _worse(profile: Profile, age: timedelta) -> float:
    if profile.pattern is not Pattern.DETERIORATING:
        return 0.0
    return _DETERIORATES_BY * max(0.0, 1 - age / _DETERIORATES_OVER)
