"""Where the demo's mails and webhooks arrive: real servers on loopback that keep everything they are given."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from hashlib import sha256
from typing import Any, Final, Literal

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from hearthline_simulator.demo.ports import LOOPBACK

Channel = Literal["mail", "webhook"]
HOOK_PATH: Final = "/call"
SIGNATURE_HEADER: Final = "Hearthline-Signature"
KEY_HEADER: Final = "Idempotency-Key"
_REPEAT: Final = "Repeat:"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One arrival. ``key`` is the notification's id, the same in a repeat; ``genuine`` says that a webhook's signature
    was right (a mail has none)."""

    channel: Channel
    at: datetime
    key: str
    repeat: bool
    genuine: bool
    address: str
    title: str
    text: str


@dataclass
class Deliveries:
    """Everything that arrived, oldest first."""

    all: list[Delivery] = field(default_factory=list)
    told: Callable[[Delivery], None] | None = None

    def add(self, delivery: Delivery) -> None:
        """Keep it, and tell who listens."""
        self.all.append(delivery)
        if self.told is not None:
            self.told(delivery)

    def of(self, channel: Channel, keys: set[str]) -> list[Delivery]:
        """What arrived of these notifications on one channel and was taken."""
        return [one for one in self.all if one.channel == channel and one.key in keys and one.genuine]

    def refused(self, channel: Channel) -> int:
        """How many were not taken, since their signature was wrong."""
        return sum(1 for one in self.all if one.channel == channel and not one.genuine)


class _MailHandler:
    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        mail = message_from_bytes(bytes(envelope.original_content or b""), policy=policy.default)
        body = mail.get_body(("plain",))
        text = "" if body is None else str(body.get_content()).strip()
        title = str(mail["Subject"] or "")
        key = str(mail["Message-ID"] or "").strip().lstrip("<").split("@", 1)[0]
        repeat = text.startswith(_REPEAT) or title.startswith(_REPEAT)
        address = ", ".join(envelope.rcpt_tos)
        self._deliveries.add(Delivery("mail", datetime.now(UTC), key, repeat, True, address, title, text))
        return "250 kept"


@asynccontextmanager
async def mail_sink(deliveries: Deliveries) -> AsyncIterator[int]:
    """A mail server on a free loopback port; yields the port."""
    handler = _MailHandler(deliveries)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="localhost", ident="hearthline-demo"), LOOPBACK, 0
    )
    async with server:
        yield int(server.sockets[0].getsockname()[1])


def genuine(secret: str, header: str, body: bytes) -> bool:
    """Whether ``header`` (``t=<unix seconds>,v1=<hex>``) signs this body: HMAC-SHA256 over ``<t>.<body>``."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    digest = hmac.new(secret.encode(), f"{parts.get('t', '')}.".encode() + body, sha256).hexdigest()
    return hmac.compare_digest(digest, parts.get("v1", ""))


@asynccontextmanager
async def webhook_sink(deliveries: Deliveries, secret: str) -> AsyncIterator[str]:
    """A web server on a free loopback port that answers 204, or 401 to a wrong signature; yields its address."""

    async def call(request: web.Request) -> web.Response:
        body = await request.read()
        signed = genuine(secret, request.headers.get(SIGNATURE_HEADER, ""), body)
        content = await _content(request)
        key = request.headers.get(KEY_HEADER, "")
        title, text = str(content.get("level", "")), str(content.get("link", ""))
        repeat = content.get("repeat") is True
        deliveries.add(Delivery("webhook", datetime.now(UTC), key, repeat, signed, request.path, title, text))
        return web.Response(status=204 if signed else 401)

    app = web.Application()
    app.router.add_post(HOOK_PATH + "/{who}", call)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        port = int(runner.addresses[0][1])
        yield f"http://{LOOPBACK}:{port}{HOOK_PATH}"
    finally:
        await runner.cleanup()


async def _content(request: web.Request) -> dict[str, Any]:
    try:
        content = await request.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
