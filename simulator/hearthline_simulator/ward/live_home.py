"""What the simulated home's meters hold and measure: the cuff's memory, the reading the demo follows, and what comes
after it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from hearthline_simulator.ward import body
from hearthline_simulator.ward.meters import DeviceName
from hearthline_simulator.ward.profiles import ASTRID
from hearthline_simulator.ward.rhythm import measured_slots

_NOT_COLLECTED: Final = 2
_LEAST_AGE: Final = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class KeptInCuff:
    """A measurement that the cuff made while nobody collected it."""

    at: datetime
    shown: body.Pressure

    def record(self, now: datetime) -> dict[str, Any]:
        """As the simulated cuff takes it."""
        minutes = (now - self.at).total_seconds() / 60
        return {**pressure_values(self.shown), "minutes_ago": round(minutes, 2)}


def pressure_values(shown: body.Pressure) -> dict[str, float]:
    """A blood pressure as the simulated cuff takes it."""
    return {"systolic": shown.systolic, "diastolic": shown.diastolic, "mean": shown.mean, "pulse": shown.pulse}


def kept_in_cuff(now: datetime) -> tuple[KeptInCuff, ...]:
    """The last two slots before ``now``, oldest first: calm, and still in the cuff."""
    slots = [(slot, at) for slot, at in measured_slots(ASTRID, now) if now - at > _LEAST_AGE][-_NOT_COLLECTED:]
    return tuple(KeptInCuff(at, body.calm(ASTRID, body.pressure(ASTRID, slot, at, now))) for slot, at in slots)


@dataclass(frozen=True, slots=True)
class Later:
    """One more measurement, ``after`` the one the demo follows."""

    after: timedelta
    device: DeviceName
    values: dict[str, float]


SOON: Final = (
    Later(timedelta(seconds=20), "oximeter", {"spo2": 96, "pulse": 84}),
    Later(timedelta(seconds=50), "scale", {"weight": 68.35}),
    Later(timedelta(seconds=85), "thermometer", {"temperature": 36.7}),
    Later(timedelta(minutes=6), "cuff", pressure_values(body.Pressure(174, 104, 83))),
    Later(timedelta(minutes=14), "cuff", pressure_values(body.Pressure(161, 96, 79))),
)
"""The evening as it goes on: other meters, then the second reading after five minutes of rest, then a third."""
USUAL: Final = pressure_values(body.Pressure(134, 82, 72))
"""What a cuff measures that somebody tries out."""
_THEN_EVERY: Final = timedelta(minutes=9)


def much_later(number: int) -> Later:
    """What comes when those are over, the first with ``number`` 0: the oximeter and the cuff in turn, back to usual."""
    draw = Random(number)
    after = SOON[-1].after + (number + 1) * _THEN_EVERY
    if number % 2 == 0:
        return Later(after, "oximeter", {"spo2": draw.randrange(95, 98), "pulse": draw.randrange(70, 79)})
    shown = body.Pressure(draw.randrange(136, 149), draw.randrange(80, 88), draw.randrange(70, 78))
    return Later(after, "cuff", pressure_values(shown))
