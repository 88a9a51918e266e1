"""The sinks, fed by the product's own channels."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import aiohttp
import pytest

from hearthline_backend.alerting.channels import DeliveryError, Message
from hearthline_backend.alerting.mail import MailChannel, MailServer
from hearthline_backend.alerting.webhook import WebhookChannel
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.calls import Occasion
from hearthline_simulator.demo.ports import LOOPBACK
from hearthline_simulator.demo.sinks import Deliveries, Delivery, genuine, mail_sink, webhook_sink

NOW = datetime(2026, 11, 23, 2, 12, tzinfo=UTC)


def message(address: str, secret: str | None = None) -> Message:
    return Message(
        notification=uuid4(),
        alert=7,
        level=Level.RED,
        occasion=Occasion.RAISED,
        repeat=False,
        link="http://127.0.0.1:8080/alerts/7",
        sent_at=NOW,
        address=address,
        secret=secret,
        locale="en",
        time_zone="Europe/Stockholm",
        emergency_number="112",
        acknowledge_by=None,
        next_place=None,
    )


async def test_a_mail_is_kept_with_its_key_and_a_repeat_is_seen_as_one() -> None:
    deliveries = Deliveries()
    told: list[Delivery] = []
    deliveries.told = told.append
    async with mail_sink(deliveries) as port:
        channel = MailChannel(MailServer(LOOPBACK, port, "hearthline@demo.example"))
        first = message("nurse@demo.example")
        await channel.send(first)
        await channel.send(replace(first, repeat=True))
        await channel.close()
    key = str(first.notification)
    arrived = deliveries.of("mail", {key})
    assert told == deliveries.all == arrived
    assert [one.repeat for one in arrived] == [False, True]
    assert arrived[0].address == "nurse@demo.example"
    assert arrived[0].title == "Hearthline: red alert"
    assert "112" in arrived[0].text
    assert deliveries.of("mail", {"another"}) == deliveries.of("webhook", {key}) == []


async def test_a_webhook_is_kept_when_its_signature_is_right_and_refused_when_not() -> None:
    deliveries = Deliveries()
    async with webhook_sink(deliveries, "the secret") as url:
        channel = WebhookChannel()
        right = message(f"{url}/nurse", "the secret")
        await channel.send(right)
        await channel.send(replace(right, repeat=True))
        with pytest.raises(DeliveryError, match="401"):
            await channel.send(message(f"{url}/nurse", "another secret"))
        await channel.close()
    assert [(one.genuine, one.repeat) for one in deliveries.all] == [(True, False), (True, True), (False, False)]
    assert deliveries.all[0].key == str(right.notification)
    assert deliveries.all[0].address == "/call/nurse"


async def test_nonsense_at_the_webhook_is_kept_and_refused() -> None:
    deliveries = Deliveries()
    async with (
        webhook_sink(deliveries, "s") as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/nurse", data=b"\xff not json") as response,
    ):
        assert response.status == 401
    assert [one.genuine for one in deliveries.all] == [False]


@pytest.mark.parametrize("header", ["", "t=1", "v1=", "t=1,v1=00", "=,=", "sha256=ab"])
def test_no_other_signature_is_genuine(header: str) -> None:
    assert not genuine("s", header, b"body")
