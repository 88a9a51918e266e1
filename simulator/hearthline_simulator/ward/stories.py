"""The measurements with a story: what is on the worklist when the demo starts, and what happened to Astrid before."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from typing import Final

from hearthline_simulator.ward.body import Pressure
from hearthline_simulator.ward.profiles import ASTRID, Pattern, Profile, Scene
from hearthline_simulator.ward.rhythm import ZONE


@dataclass(frozen=True, slots=True)
class Care:
    """What the team did about an alert. ``by`` is the place on call of who took it, 0 the first; ``resolved_after`` is
    None while it is still in hand; ``outcome`` is one of the words that Records know."""

    by: int
    taken_after: timedelta
    resolved_after: timedelta | None = None
    note: str | None = None
    outcome: str = "true"


@dataclass(frozen=True, slots=True)
class Story:
    """Measurements that belong together. ``care`` is None where nobody has taken the alert yet; an ``ordinary`` one was
    seen to as on any day."""

    measured: tuple[tuple[datetime, Pressure], ...]
    care: Care | None
    ordinary: bool = False

    @property
    def start(self) -> datetime:
        """The first of them."""
        return self.measured[0][0]

    @property
    def end(self) -> datetime:
        """The last of them."""
        return self.measured[-1][0]


_AGAIN: Final = timedelta(minutes=6)
_LONG_AGO: Final = ((85, 50), (45, 10))
"""Days ago, from and to."""


def stories(profile: Profile, now: datetime) -> tuple[Story, ...]:
    """The stories of one patient, oldest first."""
    if profile is ASTRID:
        return _astrid(now)
    make = {
        Scene.RED_TAKEN: _red_taken,
        Scene.YELLOW_OPEN: _yellow_open,
        Scene.YELLOW_TAKEN: _yellow_taken,
        Scene.LATE_RED: _late_red,
    }.get(profile.scene)
    return (*_bad_evenings(profile, now), *(() if make is None else (make(now),)))


def _bad_evenings(profile: Profile, now: datetime) -> tuple[Story, ...]:
    """Up to two evenings long ago on which the pressure was high twice: what "last time" is made of."""
    if profile.pattern in (Pattern.NEW, Pattern.NON_ADHERENT, Pattern.DETERIORATING):
        return ()
    draw = Random(profile.home)
    found = []
    for first, last in _LONG_AGO[: draw.randrange(3)]:
        at = _local(now, draw.randrange(last, first), time(19, draw.randrange(60)))
        high = Pressure(draw.randrange(163, 173), draw.randrange(90, 99), draw.randrange(76, 88))
        again = Pressure(high.systolic - draw.randrange(1, 4), high.diastolic - 1, high.pulse - 2)
        found.append(Story(((at, high), (at + _AGAIN, again)), None, ordinary=True))
    return tuple(found)


def _astrid(now: datetime) -> tuple[Story, ...]:
    stairs = _local(now, 70, time(20, 15))
    tablet = _local(now, 19, time(6, 50))
    return (
        Story(
            ((stairs, Pressure(181, 99, 86)), (stairs + _AGAIN, Pressure(150, 88, 77))),
            Care(0, timedelta(minutes=3), timedelta(minutes=14), "Measured right after the stairs.", "false_alarm"),
        ),
        Story(
            ((tablet, Pressure(182, 104, 82)), (tablet + _AGAIN, Pressure(164, 94, 79))),
            Care(1, timedelta(minutes=5), timedelta(minutes=22), "Evening tablet forgotten. Taken now."),
        ),
    )


def _red_taken(now: datetime) -> Story:
    start = now - timedelta(minutes=47, seconds=12)
    return Story(
        ((start, Pressure(188, 108, 91)), (start + _AGAIN, Pressure(182, 104, 88))),
        Care(1, timedelta(minutes=4)),
    )


def _yellow_open(now: datetime) -> Story:
    start = now - timedelta(hours=1, minutes=38, seconds=41)
    return Story(((start, Pressure(168, 101, 84)), (start + _AGAIN, Pressure(166, 100, 82))), None)


def _yellow_taken(now: datetime) -> Story:
    start = now - timedelta(hours=3, minutes=5, seconds=27)
    return Story(
        ((start, Pressure(167, 99, 78)), (start + _AGAIN, Pressure(165, 98, 76))),
        Care(0, timedelta(minutes=26)),
    )


def _late_red(now: datetime) -> Story:
    return Story(((now - timedelta(hours=21, minutes=9, seconds=3), Pressure(184, 104, 89)),), None)


def _local(now: datetime, days_ago: int, at: time) -> datetime:
    day = now.astimezone(ZONE).date() - timedelta(days=days_ago)
    return datetime.combine(day, at, tzinfo=ZONE).astimezone(now.tzinfo)
