"""A server that takes no more just now may say for how long (RFC 9110, 10.2.3); until then it is left alone."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic
from typing import Final

LONGEST_S: Final = 60.0
"""Nobody is believed who wants to be left alone for longer: readings wait meanwhile."""
_MEANT: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class RetryAfter:
    """What one server said, by sort of request. Whoever asks sooner is told by :meth:`left_s`, and not the server."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, int]] = {}

    def heard(self, what: str, status: int, header: str | None) -> None:
        """An answer to a request of this sort, with its ``Retry-After``."""
        seconds = _seconds(header) if status in _MEANT else 0.0
        if seconds > 0:
            self._until[what] = (monotonic() + min(seconds, LONGEST_S), status)

    def left_s(self, what: str) -> tuple[float, int]:
        """For how many seconds it wants to be left alone, and the status with which it said so; 0 and 0 if not."""
        until, status = self._until.get(what, (0.0, 0))
        left = until - monotonic()
        if left > 0:
            return left, status
        self._until.pop(what, None)
        return 0.0, 0


def _seconds(header: str | None) -> float:
    """Seconds, or the moment as HTTP writes it; 0 where it is neither."""
    if header is None:
        return 0.0
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
