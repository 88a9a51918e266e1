"""Who of the ward is on call when: weekly turns with a handover, agreed as an operator agrees them, from a file."""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hearthline_backend.domain.local_time import day_of, first_instant
from hearthline_simulator.ward.profiles import TIME_ZONE

HANDOVER: Final = time(8)
_MONDAY: Final = 0
_THURSDAY: Final = 3
_AHEAD: Final = timedelta(days=1)
"""A demo tells its story to one nurse: nobody else takes over while it runs."""
_FILE: Final = """\
time_zone = "{zone}"
first_week = {first_week}
day_begins = {at}
last_resort = ["doctor"]

[[place]]
turn = [{{ days = ["{day}"], at = {at}, people = ["nurse", "second"] }}]

[[place]]
turn = [{{ days = ["{day}"], at = {at}, people = ["second", "nurse"] }}]
"""


def last_handover(now: datetime) -> datetime:
    """When the turn began that the nurse has now: on a Monday; on a Thursday where the next Monday is too near."""
    monday = _last(now, _MONDAY)
    return monday if _last(now + _AHEAD, _MONDAY) == monday else _last(now, _THURSDAY)


def rota_file(since: datetime) -> str:
    """What the team agrees: nurse and second change places each week, for the first time at ``since``."""
    local = since.astimezone(ZoneInfo(TIME_ZONE))
    day = "mon" if local.weekday() == _MONDAY else "thu"
    return _FILE.format(zone=TIME_ZONE, first_week=local.date().isoformat(), day=day, at=HANDOVER.isoformat())


def _last(now: datetime, weekday: int) -> datetime:
    zone = ZoneInfo(TIME_ZONE)
    days = (day_of(now, zone) - timedelta(days=number) for number in range(8))
    moments = (first_instant(day, HANDOVER, zone) for day in days if day.weekday() == weekday)
    return next(moment for moment in moments if moment <= now)
