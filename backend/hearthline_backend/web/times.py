"""Times as a person reads them, always with their age. The age keeps counting in the browser."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from babel.dates import format_date, format_datetime, format_time, get_timezone_name

from hearthline_backend.web.figures import NBSP
from hearthline_backend.web.language import _, current

_SECONDS_UNTIL: Final = timedelta(seconds=90)
_DAYS_ALONE_FROM: Final = timedelta(days=3)
OLD_AFTER: Final = timedelta(days=7)
"""A value older than this wears the word "Old"."""


def age_words() -> dict[str, str]:
    """The forms of an age, with places for numbers; the browser's script uses the same ones."""
    return {
        "s": _("{n} s"),
        "min": _("{n} min"),
        "h": _("{n} h"),
        "hmin": _("{h} h {n} min"),
        "d": _("{n} d"),
        "dh": _("{d} d {n} h"),
        "ago": _("{age} ago"),
    }


def age_text(age: timedelta, *, exact: bool = False) -> str:
    """12 s, 8 min, 3 h, 1 d 20 h, 19 d. ``exact`` adds minutes up to 12 h, where silence counts."""
    words = {name: text.replace(" ", NBSP) for name, text in age_words().items()}
    age = max(age, timedelta(0))
    seconds = int(age.total_seconds())
    if age < _SECONDS_UNTIL:
        return words["s"].format(n=seconds)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return words["min"].format(n=minutes)
    if exact and hours < 12 and minutes % 60:
        return words["hmin"].format(h=hours, n=minutes % 60)
    if hours < 24:
        return words["h"].format(n=hours)
    if age < _DAYS_ALONE_FROM and hours % 24:
        return words["dh"].format(d=days, n=hours % 24)
    return words["d"].format(n=days)


def ago(age: timedelta, *, exact: bool = False) -> str:
    """The age as it follows a time: "8 min ago"."""
    return age_words()["ago"].format(age=age_text(age, exact=exact)).replace(" ", NBSP)


def clock(at: datetime) -> str:
    """03:04 in the zone of the person looking."""
    return format_time(at.astimezone(current().zone), "HH:mm", tzinfo=current().zone, locale=current().locale)


def clock_s(at: datetime) -> str:
    """03:04:12, where seconds matter."""
    return format_time(at.astimezone(current().zone), "HH:mm:ss", tzinfo=current().zone, locale=current().locale)


def _pattern(at: datetime, pattern: str) -> str:
    return format_datetime(at, pattern, tzinfo=current().zone, locale=current().locale)


def stamp(at: datetime, now: datetime) -> str:
    """03:04 today, Sat 21 Nov 07:32 before, with the year when it is not this one."""
    local, today = at.astimezone(current().zone), now.astimezone(current().zone)
    if local.date() == today.date():
        return clock(at)
    if abs(today.date() - local.date()) < timedelta(days=100):
        return _pattern(at, "EEE d MMM HH:mm")
    return _pattern(at, "d MMM HH:mm" if local.year == today.year else "d MMM y HH:mm")


def day_stamp(at: datetime, now: datetime) -> str:
    """Where one word tells the day: "Today", else 19 Nov, with the year when it is not this one."""
    local, today = at.astimezone(current().zone), now.astimezone(current().zone)
    if local.date() == today.date():
        return _("Today")
    return _pattern(at, "d MMM" if local.year == today.year else "d MMM y")


def spoken_stamp(at: datetime, now: datetime) -> str:
    """As a patient reads it: "Today 03:04", "Yesterday 19:41", "Thursday 19 November 14:02"."""
    local, today = at.astimezone(current().zone), now.astimezone(current().zone)
    days = (today.date() - local.date()).days
    if days == 0:
        return _("Today {time}").format(time=clock(at))
    if days == 1:
        return _("Yesterday {time}").format(time=clock(at))
    return _pattern(at, "EEEE d MMMM HH:mm" if local.year == today.year else "EEEE d MMMM y HH:mm")


def told_stamp(at: datetime, now: datetime) -> str:
    """The same within a sentence: "today 03:04", "yesterday 19:41", "Thursday 19 November 14:02"."""
    days = (now.astimezone(current().zone).date() - at.astimezone(current().zone).date()).days
    if days == 0:
        return _("today {time}").format(time=clock(at))
    if days == 1:
        return _("yesterday {time}").format(time=clock(at))
    return spoken_stamp(at, now)


def long_date(at: datetime) -> str:
    """Saturday 21 November 2026."""
    return format_date(at.astimezone(current().zone).date(), "EEEE d MMMM y", locale=current().locale)


def footer_stamp(now: datetime) -> str:
    """The one place that names the zone: "Sun 22 Nov 2026, 03:12, Stockholm time"."""
    zone = get_timezone_name(
        current().zone, width="long", locale=current().locale, zone_variant="generic", return_zone=False
    )
    city = current().zone.key.rsplit("/", maxsplit=1)[-1].replace("_", " ")
    name = _("{city} time").format(city=city) if "/" in current().zone.key else zone
    return f"{_pattern(now, 'EEE d MMM y, HH:mm')}, {name}"


@dataclass(frozen=True, slots=True)
class When:
    """A moment as a template shows it: the time, its age, and what a script needs to keep the age true."""

    iso: str
    text: str
    age: str
    exact: bool = False


def when(at: datetime, now: datetime, *, exact: bool = False, today: bool = False) -> When:
    """A moment beside ``now``. ``today`` puts the word before a time of today."""
    text = stamp(at, now)
    if today and at.astimezone(current().zone).date() == now.astimezone(current().zone).date():
        text = _("today {time}").format(time=text)
    return When(at.isoformat(), text, ago(now - at, exact=exact), exact)
