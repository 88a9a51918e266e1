"""Calls by mail, in plain text."""

import asyncio
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import aiosmtplib

from hearthline_backend.alerting.call_texts import body, subject
from hearthline_backend.alerting.channels import DeliveryError, Message

TIMEOUT_S: Final = 10.0
_IMPLICIT_TLS_PORT: Final = 465


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes out. With a user name, TLS is demanded: a password never travels in the clear."""

    host: str
    port: int
    sender: str
    username: str | None = None
    password: str | None = None


class MailChannel:
    """A :class:`~hearthline_backend.alerting.channels.Channel` on SMTP; one connection a message."""

    def __init__(self, server: MailServer, timeout_s: float = TIMEOUT_S) -> None:
        self._server = server
        self._timeout_s = timeout_s

    async def send(self, message: Message) -> None:
        """Hand one mail to the server; its 250 is the proof."""
        server = self._server
        implicit = server.port == _IMPLICIT_TLS_PORT
        try:
            async with asyncio.timeout(self._timeout_s):
                await aiosmtplib.send(
                    compose(message, server.sender),
                    hostname=server.host,
                    port=server.port,
                    username=server.username,
                    password=server.password,
                    use_tls=implicit,
                    start_tls=True if server.username and not implicit else None,
                    timeout=self._timeout_s,
                )
        except (aiosmtplib.SMTPException, OSError) as error:  # a TimeoutError is an OSError
            raise _translated(error) from error

    async def close(self) -> None:
        """Nothing is kept open."""


def compose(message: Message, sender: str) -> EmailMessage:
    """The mail. Its Message-ID is the notification's, so that a repeat can be told from a second alert."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = message.address
    mail["Subject"] = subject(message)
    mail["Date"] = format_datetime(message.sent_at)
    mail["Message-ID"] = f"<{message.notification}@{sender.rpartition('@')[2].rstrip('>')}>"
    mail["Auto-Submitted"] = "auto-generated"
    if message.repeat:
        mail["Hearthline-Repeat"] = "true"
    mail.set_content(body(message), cte="quoted-printable")
    return mail


def _translated(error: aiosmtplib.SMTPException | OSError) -> DeliveryError:
    name = type(error).__name__
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        permanent = all(one.code >= 500 for one in error.recipients)  # SMTP's permanent refusals
        return DeliveryError(f"{name}: the server refused the recipient", permanent=permanent)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return DeliveryError(f"{name}: {error.code}, check the mail server's user name and password")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return DeliveryError(f"{name}: the server answered {error.code}", permanent=error.code >= 500)  # as above
    if isinstance(error, aiosmtplib.SMTPConnectError | ConnectionRefusedError):
        return DeliveryError(f"{name}: no connection to the mail server")
    return DeliveryError(f"{name}: the mail server did not answer in time or hung up", maybe_arrived=True)
