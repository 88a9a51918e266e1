"""When a patient measures: twice a day at a habitual hour, with missed slots, gaps and homes without internet.

Everything is drawn from (home, calendar day, slot), so that the same day looks the same whenever the demo is started.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final, Literal
from zoneinfo import ZoneInfo

from hearthline_simulator.ward.profiles import TIME_ZONE, Pattern, Profile, Scene

ZONE: Final = ZoneInfo(TIME_ZONE)
Slot = Literal["morning", "evening"]
_HABITS: Final[dict[Slot, time]] = {"morning": time(7, 30), "evening": time(19, 30)}
_HABIT_SPREAD_MIN: Final = 50
_DAY_SPREAD_MIN: Final = 12.0
_KEPT: Final = {
    Pattern.STABLE: 0.95,
    Pattern.DETERIORATING: 0.93,
    Pattern.NON_ADHERENT: 0.72,
    Pattern.NEW: 1.0,
    Pattern.LATE: 0.94,
    Pattern.IRREGULAR: 0.95,
}
_GAP_DAYS_AGO: Final = ((71, 66), (38, 36), (20, 16))
"""Whole days without a measurement of the non-adherent, as (from, to) days ago, both included."""
_FAITHFUL_DAYS: Final = 3
SILENT_FOR: Final = timedelta(days=1, hours=20)


@dataclass(frozen=True, slots=True)
class Offline:
    """A stretch in which a home had no internet: what was measured between arrives at the end."""

    start: datetime
    end: datetime


OFFLINE_NOW: Final = timedelta(hours=33)
LATE_RED_OFFLINE: Final = (timedelta(hours=30), timedelta(hours=2))


def offline_stretches(profile: Profile, now: datetime) -> tuple[Offline, ...]:
    """When the home was without internet; one that lasts ends in the far future."""
    if profile.pattern is not Pattern.LATE:
        return ()
    past = ((timedelta(days=64, hours=5), timedelta(days=60)), (timedelta(days=27), timedelta(days=24, hours=9)))
    stretches = [Offline(now - start, now - end) for start, end in past]
    if profile.scene is Scene.OFFLINE:
        stretches.append(Offline(now - OFFLINE_NOW, now + timedelta(days=3650)))
    if profile.scene is Scene.LATE_RED:
        stretches.append(Offline(now - LATE_RED_OFFLINE[0], now - LATE_RED_OFFLINE[1]))
    return tuple(stretches)


def random_of(profile: Profile, day: date, what: str) -> Random:
    """The randomness of one thing on one day of one home; the same on every start."""
    return Random(f"{profile.home}/{day.isoformat()}/{what}")


def measured_slots(profile: Profile, now: datetime) -> Iterator[tuple[Slot, datetime]]:
    """The slots that this patient kept, oldest first, each with its instant in UTC, all before ``now``."""
    today = now.astimezone(ZONE).date()
    for ago in range(profile.days, -1, -1):
        day = today - timedelta(days=ago)
        for slot, habit in _HABITS.items():
            moment = _moment(profile, day, slot, habit)
            if moment < now and _kept(profile, day, slot, ago, now - moment):
                yield slot, moment


def _moment(profile: Profile, day: date, slot: Slot, habit: time) -> datetime:
    own = Random(f"{profile.home}/{slot}").uniform(-_HABIT_SPREAD_MIN, _HABIT_SPREAD_MIN)
    draw = random_of(profile, day, f"{slot}/moment")
    minutes = own + draw.gauss(0, _DAY_SPREAD_MIN)
    start = datetime.combine(day, habit, tzinfo=ZONE).astimezone(UTC)  # no habit lies in a changed hour
    return start + timedelta(seconds=round(minutes * 60) + draw.randrange(60))  # a cuff stamps whole seconds


def _kept(profile: Profile, day: date, slot: Slot, ago: int, age: timedelta) -> bool:
    if profile.scene is Scene.SILENT and age < SILENT_FOR:
        return False
    if profile.scene is not Scene.SILENT and ago <= _FAITHFUL_DAYS:
        return True
    if profile.pattern is Pattern.NON_ADHERENT and any(start >= ago >= end for start, end in _GAP_DAYS_AGO):
        return False
    return random_of(profile, day, f"{slot}/kept").random() < _KEPT[profile.pattern]
