"""How long ago something was, as people say it."""

from datetime import datetime, timedelta


def ago(moment: datetime | None, now: datetime) -> str:
    """``12 s ago``, ``8 min ago``, ``3 h 10 min ago``, ``2 d 4 h ago``; ``never`` where there is no moment."""
    return "never" if moment is None else f"{span(now - moment)} ago"


def span(length: timedelta) -> str:
    """A length of time; nothing shorter than 0 s."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 90:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 12:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if hours < 48:
        return f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 3 else f"{days} d"
