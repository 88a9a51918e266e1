"""What every engine of the uplink port promises, on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.uplink.paho_engine import QUEUE_LIMIT, RECEIVE_MAXIMUM, PahoUplink
from hearthline_backend.uplink.port import Message, Uplink
from hearthline_protocol import topics
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.home_client import HomeClient, home_client
from tests.fixtures.real_parts import require_program

WITHIN_S = 20
HOME = "home-0001"
Connect = Callable[[Broker], Uplink]


def _paho(broker: Broker) -> Uplink:
    return PahoUplink(BrokerAddress.parse(broker.url))


@pytest.fixture(params=[_paho], ids=["paho"])
def connect(request: pytest.FixtureRequest) -> Connect:
    engine: Connect = request.param
    return engine


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with running_broker(tmp_path) as one:
        yield one


@asynccontextmanager
async def _started(uplink: Uplink) -> AsyncIterator[Uplink]:
    await uplink.start()
    try:
        await _until(lambda: uplink.connected)
        yield uplink
    finally:
        await uplink.close()


@pytest.fixture
async def uplink(connect: Connect, broker: Broker) -> AsyncIterator[Uplink]:
    async with _started(connect(broker)) as one:
        yield one


@pytest.fixture
async def home(broker: Broker, uplink: Uplink) -> AsyncIterator[HomeClient]:
    async with home_client(broker, HOME) as one:
        yield one


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110  # the port gives no event for it, on purpose
            await asyncio.sleep(0.01)


async def _take(uplink: Uplink, count: int) -> list[Message]:
    found: list[Message] = []
    async with asyncio.timeout(WITHIN_S):
        while len(found) < count:
            found += await uplink.messages(count - len(found), 0.005)
    return found


async def test_a_message_comes_as_it_was_sent_and_the_answer_goes_back(uplink: Uplink, home: HomeClient) -> None:
    home.send(b"\x00payload", b"\xffcorrelation")
    (message,) = await _take(uplink, 1)
    assert message.topic == topics.readings(HOME)
    assert (message.payload, message.correlation, message.retained) == (b"\x00payload", b"\xffcorrelation", False)
    assert message.received_at.tzinfo is not None
    uplink.acknowledge([message])
    assert uplink.publish(topics.receipts(HOME), b"answer", b"\xffcorrelation")
    assert await home.receipt() == (b"answer", b"\xffcorrelation")


async def test_messages_come_in_order_and_in_groups(uplink: Uplink, home: HomeClient) -> None:
    sent = [str(number).encode() for number in range(500)]
    for payload in sent:
        home.send(payload)
    found: list[Message] = []
    groups = 0
    async with asyncio.timeout(WITHIN_S):
        while len(found) < len(sent):
            group = await uplink.messages(100, 0.005)
            assert 1 <= len(group) <= 100
            uplink.acknowledge(group)
            found += group
            groups += 1
    assert [message.payload for message in found] == sent
    assert groups < len(sent)


async def test_what_is_not_acknowledged_holds_the_broker_back(uplink: Uplink, home: HomeClient) -> None:
    for number in range(RECEIVE_MAXIMUM + 5):
        home.send(str(number).encode())
    first = await _take(uplink, RECEIVE_MAXIMUM)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(uplink.messages(1, 0), 0.3)
    uplink.acknowledge(first[:5])
    rest = await _take(uplink, 5)
    assert [message.payload for message in rest] == [str(RECEIVE_MAXIMUM + number).encode() for number in range(5)]


async def test_messages_nobody_has_to_acknowledge_are_not_lost_past_the_limit(uplink: Uplink, home: HomeClient) -> None:
    count = QUEUE_LIMIT + 300
    for number in range(count):
        home.send(str(number).encode(), qos=0)
    found = await _take(uplink, count)
    assert [message.payload for message in found] == [str(number).encode() for number in range(count)]
    uplink.acknowledge(found)  # nothing to say, and nothing happens


async def test_a_broker_that_comes_back_is_found_and_old_tokens_are_void(
    broker: Broker, uplink: Uplink, home: HomeClient
) -> None:
    home.send(b"before")
    old = await _take(uplink, 1)
    await broker.restart()
    await _until(lambda: uplink.connected)
    await home.connected_again()
    home.send(b"after")
    new = await _take(uplink, 1)
    while new[0].payload == b"before":  # the home's own client may have sent it again
        new = await _take(uplink, 1)
    uplink.acknowledge(old)  # were it taken for the new message, the broker would call it a protocol error
    uplink.acknowledge(new)
    home.send(b"more")
    assert (await _take(uplink, 1))[0].payload == b"more"
    assert uplink.connected


async def test_what_was_not_acknowledged_stays_for_the_next_connection_to_ask(connect: Connect, broker: Broker) -> None:
    """Sessions are clean on both sides: the broker forgets, the home's outbox does not, and the port has no memory."""
    async with home_client(broker, HOME) as home:
        async with _started(connect(broker)) as first:
            home.send(b"one")
            await _take(first, 1)
        async with _started(connect(broker)) as second:
            home.send(b"two")
            assert [message.payload for message in await _take(second, 1)] == [b"two"]


async def test_a_retained_status_says_so(connect: Connect, broker: Broker) -> None:
    async with home_client(broker, HOME) as home:
        sent = home.send(b"status", topic=topics.status(HOME), retain=True)
        await asyncio.to_thread(sent.wait_for_publish, WITHIN_S)
        async with _started(connect(broker)) as uplink:
            (message,) = await _take(uplink, 1)
            assert (message.topic, message.payload, message.retained) == (topics.status(HOME), b"status", True)


async def test_a_broker_that_is_not_there_yet_is_waited_for(connect: Connect, tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    await broker.start()
    await broker.kill()
    uplink = connect(broker)
    await uplink.start()
    try:
        assert not uplink.publish("x", b"", None)
        await broker.start()
        await _until(lambda: uplink.connected)
    finally:
        await uplink.close()
        await broker.kill()


async def test_a_broker_that_refuses_is_no_connection(connect: Connect, tmp_path: Path) -> None:
    async with running_broker(tmp_path, options=("allow_anonymous false",)) as broker:
        uplink = connect(broker)
        await uplink.start()
        await _until(lambda: "not authorised" in broker.log)
        assert not uplink.connected
        await uplink.close()


async def test_closing_while_connecting_leaves_nothing_behind(connect: Connect, broker: Broker) -> None:
    uplink = connect(broker)
    await uplink.start()
    await asyncio.sleep(0)
    await uplink.close()
    assert not uplink.connected
    await uplink.close()


async def test_over_tls_only_a_trusted_broker_is_spoken_to(tmp_path: Path) -> None:
    openssl = require_program("openssl")
    certificate, key = tmp_path / "broker.pem", tmp_path / "broker.key"
    made = await asyncio.create_subprocess_exec(
        openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate),
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await made.wait() == 0
    listener = (f"certfile {certificate}", f"keyfile {key}")
    async with running_broker(tmp_path / "broker", listener=listener) as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        async with _started(PahoUplink(BrokerAddress.parse(url, ca_file=certificate))) as uplink:
            large = b"x" * 200_000  # more than one TLS record
            assert uplink.publish(topics.readings(HOME), large, b"c")
            for number in range(50):
                uplink.publish(topics.readings(HOME), str(number).encode(), None)
            found = await _take(uplink, 51)
            assert [message.payload for message in found] == [large, *(str(number).encode() for number in range(50))]
            uplink.acknowledge(found)
        distrustful = PahoUplink(BrokerAddress.parse(url))
        await distrustful.start()
        await _until(lambda: "alert" in broker.log or "error" in broker.log.lower())
        assert not distrustful.connected
        await distrustful.close()
