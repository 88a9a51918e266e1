"""The links in messages: they name no patient, and nobody can make one up."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import sha256
from typing import Final

PURPOSE: Final = "links"
"""Of the key in Records that they are signed with."""
PATH: Final = "/a/"
REPORT_PATH: Final = "/r/"
_NUMBER: Final = 8
_MAC: Final = 16
_LETTERS: Final = 32


class _Links:
    """A number and a signature over it and what it is the number of: 32 letters."""

    def __init__(self, key: bytes, path: str, of: bytes) -> None:
        self._key = key
        self._path = path
        self._of = of

    def path(self, number: int) -> str:
        """Of the view that a link opens."""
        raw = number.to_bytes(_NUMBER, "big")
        return self._path + urlsafe_b64encode(raw + self._mac(raw)).decode()

    def _meant(self, token: str) -> int | None:
        try:
            raw = urlsafe_b64decode(token.encode("ascii"))
        except (Error, ValueError):
            return None
        number, mac = raw[:_NUMBER], raw[_NUMBER:]
        if len(token) != _LETTERS or not hmac.compare_digest(mac, self._mac(number)):
            return None
        return int.from_bytes(number, "big")

    def _mac(self, number: bytes) -> bytes:
        return hmac.new(self._key, self._of + b" " + number, sha256).digest()[:_MAC]


class ReportLinks(_Links):
    """The links of reports."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key, REPORT_PATH, b"report")

    def report_of(self, token: str) -> int | None:
        """Which report the end of a link means; None where nobody of us made it."""
        return self._meant(token)


class AlertLinks(_Links):
    """The links of alerts, the same in every message about one; ``reports`` are those of reports."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key, PATH, b"alert")
        self.reports = ReportLinks(key)

    def alert_of(self, token: str) -> int | None:
        """Which alert the end of a link means; None where nobody of us made it."""
        return self._meant(token)
