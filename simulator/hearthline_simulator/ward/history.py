"""A patient's past as the backend received it: pure, and the same for the same moment on every machine."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from hearthline_protocol.readings import Flag, Reading
from hearthline_simulator.ward import body
from hearthline_simulator.ward.profiles import Pattern, Profile
from hearthline_simulator.ward.readings import HomeMeters, Sent
from hearthline_simulator.ward.rhythm import ZONE, Offline, Slot, measured_slots, offline_stretches, random_of
from hearthline_simulator.ward.stories import Story, stories

_QUIET_AROUND_STORY: Final = timedelta(hours=3)
_DELIVERED_AFTER: Final = timedelta(seconds=1.4)
_IRREGULAR_SHARE: Final = 0.15
CALM_FOR: Final = timedelta(days=4)
"""Apart from the stories everybody has been calm for some days: no alert of last week hangs over the worklist."""


def history(profile: Profile, now: datetime, *, until: datetime | None = None) -> list[Sent]:
    """Everything that reached the backend of this patient before ``now``, in order of arrival.

    ``until`` ends the measuring earlier, for the patient whose next measurements a simulated meter makes.
    """
    end = now if until is None else until
    meters = HomeMeters(profile)
    told = stories(profile, now)
    offline = offline_stretches(profile, now)
    sent = [*_told(meters, told, offline), *_ordinary(profile, meters, told, offline, now, end)]
    arrived = [one for one in sent if one.arrived < now and one.reading.effective_time < end]
    return sorted(arrived, key=lambda one: (one.arrived, one.reading.effective_time, one.reading.id))


def since(profile: Profile, start: datetime, last: datetime, now: datetime) -> list[Sent]:
    """What arrived after ``last`` and before ``now`` of a past that was told at ``start``: life goes on."""
    meters, told, offline = HomeMeters(profile), stories(profile, start), offline_stretches(profile, start)
    return [one for one in _ordinary(profile, meters, told, offline, now, now) if last <= one.arrived < now]


def _told(meters: HomeMeters, told: tuple[Story, ...], offline: tuple[Offline, ...]) -> Iterator[Sent]:
    for story in told:
        for at, shown in story.measured:
            stretch = _stretch(at, offline)
            reading = meters.pressure(at, shown, live=stretch is None)
            yield Sent(reading, _arrival(reading.received_time, stretch))


def _ordinary(
    profile: Profile,
    meters: HomeMeters,
    told: tuple[Story, ...],
    offline: tuple[Offline, ...],
    now: datetime,
    end: datetime,
) -> Iterator[Sent]:
    for slot, at in measured_slots(profile, now):
        if at >= end or any(s.start - _QUIET_AROUND_STORY < at < s.end + _QUIET_AROUND_STORY for s in told):
            continue
        stretch = _stretch(at, offline)
        for reading in _slot_readings(profile, meters, slot, at, now, live=stretch is None):
            yield Sent(reading, _arrival(reading.received_time, stretch))


def _slot_readings(
    profile: Profile, meters: HomeMeters, slot: Slot, at: datetime, now: datetime, *, live: bool
) -> Iterator[Reading]:
    shown = body.pressure(profile, slot, at, now)
    if now - at < CALM_FOR:
        shown = body.calm(profile, shown)
    yield meters.pressure(at, shown, live=live, flags=_flags(profile, slot, at))
    if slot == "morning":
        yield from _morning_readings(profile, meters, at, now, live=live)


def _morning_readings(
    profile: Profile, meters: HomeMeters, at: datetime, now: datetime, *, live: bool
) -> Iterator[Reading]:
    if profile.weight is not None:
        moment = at - timedelta(minutes=11)
        yield meters.weight(moment, body.weight(profile, profile.weight, moment, now), live=live)
    if profile.oxygen is not None:
        moment = at + timedelta(minutes=4)
        yield meters.oxygen(moment, *body.oxygen(profile, profile.oxygen, moment), live=live)
    if profile.temperature:
        moment = at + timedelta(minutes=7)
        yield meters.temperature(moment, body.temperature(profile, moment), live=live)


def _flags(profile: Profile, slot: Slot, at: datetime) -> tuple[str, ...]:
    if profile.pattern is not Pattern.IRREGULAR:
        return ()
    draw = random_of(profile, at.astimezone(ZONE).date(), f"{slot}/irregular")
    return (Flag.IRREGULAR_PULSE.value,) if draw.random() < _IRREGULAR_SHARE else ()


def _stretch(at: datetime, offline: tuple[Offline, ...]) -> Offline | None:
    return next((stretch for stretch in offline if stretch.start <= at < stretch.end), None)


def _arrival(heard: datetime, stretch: Offline | None) -> datetime:
    return (heard if stretch is None else stretch.end) + _DELIVERED_AFTER
