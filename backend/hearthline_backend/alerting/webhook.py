"""Calls by signed webhook.

The body is JSON: ``{notification, alert, level, occasion, repeat, link, sent_at, acknowledge_by}``. Where it tells of
no patient's alert, ``alert`` is null and ``notice`` says of what; ``confirm_by`` where a report came with the alert.
For a contact marked as safe ``about`` is
``{patient, kind}``. The receiver checks
``Hearthline-Signature: t=<unix seconds>,v1=<hex>``, an HMAC-SHA256 of ``<t>.<body>`` with the contact's secret, and
drops what is too old. ``Idempotency-Key`` is the notification's id and stays the same in repeats.
"""

import hmac
import json
from dataclasses import asdict
from hashlib import sha256
from http import HTTPStatus
from typing import Final

import aiohttp

from hearthline_backend.alerting.channels import DeliveryError, Message

TIMEOUT_S: Final = 10.0
_TRY_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class WebhookChannel:
    """A :class:`~hearthline_backend.alerting.channels.Channel` on HTTP POST. Redirects are not followed."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, message: Message) -> None:
        """Post once; any 2xx is the proof."""
        payload = encode(message)
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._session.post(
                message.address, data=payload, headers=headers(message, payload), allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            permanent = isinstance(error, aiohttp.InvalidURL)
            raise DeliveryError(f"{type(error).__name__}: no connection", permanent=permanent) from error
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            raise DeliveryError(f"{type(error).__name__}: no answer in time", maybe_arrived=True) from error
        _check(status)

    async def close(self) -> None:
        """Close connections kept alive."""
        if self._session is not None:
            await self._session.close()


def encode(message: Message) -> bytes:
    """The body."""
    until = message.acknowledge_by
    content: dict[str, object] = {
        "notification": str(message.notification),
        "alert": message.alert,
        "level": message.level.value,
        "occasion": message.occasion.value,
        "repeat": message.repeat,
        "link": message.link,
        "sent_at": message.sent_at.isoformat(),
        "acknowledge_by": None if until is None else until.isoformat(),
    }
    if message.notice is not None:
        content["notice"] = message.notice.value
    if message.confirm_by is not None:
        content["confirm_by"] = message.confirm_by.isoformat()
    if message.about is not None:
        content["about"] = asdict(message.about)
    return json.dumps(content, separators=(",", ":")).encode()


def headers(message: Message, payload: bytes) -> dict[str, str]:
    """The headers, signed where the contact has a secret."""
    found = {"Content-Type": "application/json", "Idempotency-Key": str(message.notification)}
    if message.repeat:
        found["Hearthline-Repeat"] = "true"
    if message.secret:
        found["Hearthline-Signature"] = signature(message.secret, int(message.sent_at.timestamp()), payload)
    return found


def signature(secret: str, at: int, payload: bytes) -> str:
    """``t=<unix seconds>,v1=<hex>``: HMAC-SHA256 over the time and the body."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, sha256).hexdigest()
    return f"t={at},v1={digest}"


def _check(status: int) -> None:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise DeliveryError(f"the receiver answered {status}", maybe_arrived=True)
    raise DeliveryError(f"the receiver answered {status}", permanent=status not in _TRY_AGAIN)
