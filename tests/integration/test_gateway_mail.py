"""Configuration, commands and replies over a real broker: what waits, what goes again, what is denied."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_gateway.uplink.link import Link, Received
from hearthline_gateway.uplink.mail import Mail
from hearthline_gateway.uplink.uplink import Uplink
from hearthline_protocol import topics
from hearthline_protocol.messages import GatewayStatus
from tests.fixtures.broker import Broker, running_broker

NAME = "home-1"
WITHIN_S = 20.0


async def status() -> GatewayStatus:
    return GatewayStatus(state="online")


@asynccontextmanager
async def connected(broker: Broker, folder: Path, mail: Mail) -> AsyncIterator[Uplink]:
    async with Outbox(folder / "outbox.sqlite3") as outbox:
        uplink = Uplink(NAME, BrokerAddress("127.0.0.1", broker.port), outbox, status, mail=mail, jitter=lambda: 1.0)
        running = asyncio.create_task(uplink.run())
        try:
            yield uplink
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def listening(broker: Broker, *wanted: str) -> AsyncIterator[Link]:
    link = await Link.open(BrokerAddress("127.0.0.1", broker.port), client_id="desk", will_topic="desk", will=b"")
    try:
        for topic in wanted:
            await link.subscribe(topic)
        yield link
    finally:
        await link.close()


async def heard(link: Link) -> Received:
    async with asyncio.timeout(WITHIN_S):
        while True:
            event = await link.next_event()
            if isinstance(event, Received):
                return event


async def test_a_letter_waits_for_the_connection_and_goes_once(tmp_path: Path) -> None:
    mail = Mail()
    mail.send(topics.command_replies(NAME), b"first")
    mail.send(topics.command_replies(NAME), b"second")
    assert not await mail.all_gone(0)
    async with running_broker(tmp_path / "broker") as broker, listening(broker, topics.command_replies(NAME)) as desk:
        async with connected(broker, tmp_path, mail):
            assert [(await heard(desk)).payload, (await heard(desk)).payload] == [b"first", b"second"]
            assert await mail.all_gone(WITHIN_S)
        async with connected(broker, tmp_path, mail):
            mail.send(topics.command_replies(NAME), b"third")
            assert (await heard(desk)).payload == b"third", "the first two did not go again"


async def test_a_notice_is_there_again_after_the_broker_forgot_it(tmp_path: Path) -> None:
    mail = Mail()
    async with running_broker(tmp_path / "broker") as broker, connected(broker, tmp_path, mail) as uplink:
        mail.post(topics.config_reported(NAME), b"old")
        mail.post(topics.config_reported(NAME), b"new")
        async with asyncio.timeout(WITHIN_S):
            await uplink.connected.wait()
        await broker.restart()
        async with listening(broker, topics.config_reported(NAME)) as desk:
            assert (await heard(desk)).payload == b"new"
        async with listening(broker, topics.config_reported(NAME)) as desk:
            late = await heard(desk)
            assert (late.payload, late.retained) == (b"new", True)


async def test_what_arrives_says_whether_the_broker_had_kept_it(tmp_path: Path) -> None:
    arrived: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue()
    mail = Mail()
    mail.read(topics.commands(NAME), lambda payload, retained: arrived.put_nowait((payload, retained)))
    async with running_broker(tmp_path / "broker") as broker, listening(broker) as desk:
        desk.publish(topics.commands(NAME), b"kept", retain=True)
        await desk.next_event()  # the broker has it
        async with connected(broker, tmp_path, mail) as uplink, asyncio.timeout(WITHIN_S):
            assert await arrived.get() == (b"kept", True)
            await uplink.connected.wait()
            desk.publish(topics.commands(NAME), b"fresh")
            assert await arrived.get() == (b"fresh", False)


async def test_a_topic_that_the_broker_denies_does_not_stop_the_readings(tmp_path: Path) -> None:
    rules = tmp_path / "access.acl"
    allowed = {topics.readings(NAME): "write", topics.receipts(NAME): "read", topics.status(NAME): "write"}
    rules.write_text("".join(f"topic {how} {topic}\n" for topic, how in allowed.items()))
    mail = Mail()
    mail.read(topics.commands(NAME), lambda *_: None)
    options = ("allow_anonymous true", f"acl_file {rules}")
    async with (
        running_broker(tmp_path / "broker", options=options) as broker,
        connected(broker, tmp_path, mail) as uplink,
        asyncio.timeout(WITHIN_S),
    ):
        await uplink.connected.wait()
        assert uplink.problem is None


def test_what_nobody_fetches_is_let_go_oldest_first() -> None:
    async def fill() -> int:
        mail = Mail()
        for number in range(600):
            mail.send("replies", str(number).encode())
        return len(mail._letters)

    assert asyncio.run(fill()) == 500
