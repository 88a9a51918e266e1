"""Calls to the operator by the watchdog's own channels, each repeated until somebody has taken it.

A channel carries one call at a time, the newest: what it could not tell in time is told better by what is so now.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from http import HTTPStatus
from itertools import chain, repeat
from time import time
from typing import Final, Protocol
from uuid import UUID

import aiohttp
import aiosmtplib
import structlog

from hearthline_backend.alerting.webhook import signature
from hearthline_backend.watch.words import Told

log = structlog.get_logger(__name__)

SEND_WITHIN_S: Final = 10.0
RETRY_AFTER_S: Final = (2.0, 5.0, 10.0, 20.0, 40.0)
"""Then every minute, until it is taken."""
_THEN_S: Final = 60.0
_IMPLICIT_TLS_PORT: Final = 465


@dataclass(frozen=True, slots=True)
class Call:
    """One call. ``id`` stays the same in every try; ``repeat`` says that an earlier try may have arrived."""

    id: UUID
    told: Told
    repeat: bool = False


class CallError(Exception):
    """Not taken, as far as we know; the text is technical and holds no address."""


class CallChannel(Protocol):
    """One way to the operator."""

    async def send(self, call: Call) -> None:
        """Returns when the other side has taken it; raises :class:`CallError` otherwise."""

    async def close(self) -> None:
        """Give connections back."""


class CallInstruments(Protocol):
    """Told how calls go. Never waits and never fails."""

    def called(self, channel: str, *, taken: bool) -> None:
        """One try."""


class MailCalls:
    """By mail, in plain text."""

    def __init__(self, to: str, sender: str, host: str, port: int, user: str | None, password: str | None) -> None:
        self._to, self._sender, self._host, self._port = to, sender, host, port
        self._user, self._password = user, password

    async def send(self, call: Call) -> None:
        """Hand one mail to the server; its 250 is the proof."""
        implicit = self._port == _IMPLICIT_TLS_PORT
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await aiosmtplib.send(
                    self._compose(call),
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password,
                    use_tls=implicit,
                    start_tls=True if self._user and not implicit else None,
                    timeout=SEND_WITHIN_S,
                )
        except aiosmtplib.SMTPResponseException as error:
            raise CallError(f"the mail server answered {error.code}") from error
        except (aiosmtplib.SMTPException, OSError) as error:  # a TimeoutError is an OSError
            raise CallError(f"{type(error).__name__}: no answer from the mail server") from error

    async def close(self) -> None:
        """Nothing is kept open."""

    def _compose(self, call: Call) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = self._to
        mail["Subject"] = call.told.subject
        mail["Date"] = format_datetime(call.told.at)
        mail["Message-ID"] = f"<{call.id}@{self._sender.rpartition('@')[2].rstrip('>')}>"
        mail["Auto-Submitted"] = "auto-generated"
        if call.repeat:
            mail["Hearthline-Repeat"] = "true"
        mail.set_content(call.told.body, cte="quoted-printable")
        return mail


class WebhookCalls:
    """By signed POST: ``{call, occasion, repeat, began, sent_at, subject, findings}``, a finding being
    ``{hop, since, words, next_step}``; signed as alerts' webhooks are. Redirects are not followed."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._secret = url, secret
        self._session: aiohttp.ClientSession | None = None

    async def send(self, call: Call) -> None:
        """Post once; any 2xx is the proof."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=SEND_WITHIN_S)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        payload = encode(call)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": str(call.id),
            "Hearthline-Signature": signature(self._secret, int(time()), payload),
        }
        try:
            async with self._session.post(self._url, data=payload, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            raise CallError(f"{type(error).__name__}: no answer from the receiver") from error
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise CallError(f"the receiver answered {status}")

    async def close(self) -> None:
        """Close connections kept alive."""
        if self._session is not None:
            await self._session.close()


def encode(call: Call) -> bytes:
    """A call as JSON."""
    told = call.told
    findings = [
        {"hop": one.hop.value, "since": one.since.isoformat(), "words": one.words, "next_step": one.next_step}
        for one in told.findings
    ]
    content = {
        "call": str(call.id),
        "occasion": told.occasion.value,
        "repeat": call.repeat,
        "began": told.began.isoformat(),
        "sent_at": told.at.isoformat(),
        "subject": told.subject,
        "findings": findings,
    }
    return json.dumps(content, separators=(",", ":")).encode()


class Caller:
    """Hands calls to every channel; one that is away holds up no other."""

    def __init__(
        self,
        channels: Mapping[str, CallChannel],
        instruments: CallInstruments,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
    ) -> None:
        self._channels = channels
        self._instruments = instruments
        self._retry_after_s = tuple(retry_after_s)
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def call(self, call: Call) -> None:
        """Begin to tell it; what a channel still tries to tell of before is dropped."""
        for name in self._channels:
            earlier = self._under_way.pop(name, None)
            if earlier is not None and not earlier.done():
                earlier.cancel()
                log.warning("earlier_call_dropped", channel=name)
            self._under_way[name] = asyncio.create_task(self._until_taken(name, call), name=f"call-{name}")

    async def close(self) -> None:
        """End; what is not taken by now is not told."""
        for task in self._under_way.values():
            task.cancel()
        for task in self._under_way.values():
            with suppress(asyncio.CancelledError):
                await task
        for channel in self._channels.values():
            await channel.close()

    async def _until_taken(self, name: str, call: Call) -> None:
        for wait in chain(self._retry_after_s, repeat(_THEN_S)):
            try:
                await self._channels[name].send(call)
            except CallError as error:
                log.warning("operator_not_reached", channel=name, call=str(call.id), reason=str(error))
            except Exception:  # a channel's defect must not end the calls
                log.exception("call_channel_defect", channel=name)
            else:
                self._instruments.called(name, taken=True)
                log.info("operator_called", channel=name, call=str(call.id), occasion=call.told.occasion.value)
                return
            self._instruments.called(name, taken=False)
            call = Call(call.id, call.told, repeat=True)
            await asyncio.sleep(wait)
