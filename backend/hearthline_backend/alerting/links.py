"""The links in messages: they name no patient, and nobody can make one up."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import sha256
from typing import Final

PURPOSE: Final = "links"
"""Of the key in Records that they are signed with."""
PATH: Final = "/a/"
_NUMBER: Final = 8
_MAC: Final = 16
_LETTERS: Final = 32


class AlertLinks:
    """An alert's number and a signature over it, 32 letters. The same in every message about the alert."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def path(self, alert_id: int) -> str:
        """Of the view that a link opens."""
        number = alert_id.to_bytes(_NUMBER, "big")
        return PATH + urlsafe_b64encode(number + self._mac(number)).decode()

    def alert_of(self, token: str) -> int | None:
        """Which alert the end of a link means; None where nobody of us made it."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii"))
        except (Error, ValueError):
            return None
        number, mac = raw[:_NUMBER], raw[_NUMBER:]
        if len(token) != _LETTERS or not hmac.compare_digest(mac, self._mac(number)):
            return None
        return int.from_bytes(number, "big")

    def _mac(self, number: bytes) -> bytes:
        return hmac.new(self._key, b"alert " + number, sha256).digest()[:_MAC]
