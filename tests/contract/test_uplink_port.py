"""What every engine of the uplink port promises, on a real broker."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import mqtt5
import pytest
import uvloop
from structlog.testing import capture_logs

from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.uplink.broker_uplink import GOODBYE_S, BrokerUplink
from hearthline_backend.uplink.mqtt5_engine import Mqtt5Uplink
from hearthline_backend.uplink.paho_engine import PahoUplink
from hearthline_backend.uplink.port import Message
from hearthline_backend.uplink.subscriptions import Hears, Subscriptions
from hearthline_protocol import topics
from hearthline_protocol.messages import MAX_BATCH_BYTES
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.home_client import HomeClient, home_client
from tests.fixtures.real_parts import require_program

WITHIN_S = 20
HOME = "home-0001"
RECEIVE_MAXIMUM = 200
ENGINES: Final[Mapping[str, type[PahoUplink | Mqtt5Uplink]]] = {"paho": PahoUplink, "mqtt5": Mqtt5Uplink}


class Connect:
    """Makes an uplink of one engine to a broker."""

    def __init__(self, engine: str) -> None:
        self._engine = ENGINES[engine]

    def __call__(self, broker: Broker, *, subscriptions: Subscriptions | None = None) -> BrokerUplink:
        return self.to(BrokerAddress.parse(broker.url), subscriptions=subscriptions)

    def to(self, address: BrokerAddress, *, subscriptions: Subscriptions | None = None) -> BrokerUplink:
        return self._engine(address, subscriptions=subscriptions, receive_maximum=RECEIVE_MAXIMUM)


@pytest.fixture(params=ENGINES)
def connect(request: pytest.FixtureRequest) -> Connect:
    return Connect(request.param)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with running_broker(tmp_path) as one:
        yield one


@asynccontextmanager
async def _started(uplink: BrokerUplink) -> AsyncIterator[BrokerUplink]:
    await uplink.start()
    try:
        await _until(lambda: uplink.connected)
        yield uplink
    finally:
        await uplink.close()


class BusyBroker:
    """It sends more than anybody takes, and reads only when it is told to."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self.heard: list[Any] = []

    @property
    def address(self) -> BrokerAddress:
        return BrokerAddress("127.0.0.1", self._listening.getsockname()[1])

    async def serve(self, read_on: asyncio.Event) -> None:
        """One connection, until the other side has closed; it closes where somebody says goodbye."""
        loop, granted = asyncio.get_running_loop(), [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * 4
        connection, _ = await loop.sock_accept(self._listening)
        with self._listening, connection:
            for answer in (mqtt5.ConnAckPacket(), mqtt5.SubAckPacket(1, granted)):
                await loop.sock_recv(connection, 4096)
                await loop.sock_sendall(connection, answer.write())
            more = b"".join(self._message(number) for number in range(1, 3 * RECEIVE_MAXIMUM))
            sending = asyncio.create_task(loop.sock_sendall(connection, more))
            try:
                await read_on.wait()
                rest = b""
                while not self._said_goodbye(rest):
                    data = await loop.sock_recv(connection, 65536)
                    assert data, "it left without a goodbye"
                    rest += data
            finally:
                sending.cancel()

    def _message(self, number: int) -> bytes:
        topic = topics.readings(HOME)
        return mqtt5.PublishPacket(topic, b"x" * 4000, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=number).write()

    def _said_goodbye(self, heard: bytes) -> bool:
        self.heard.clear()
        at = 0
        while at < len(heard):
            try:
                packet, size = mqtt5.read(memoryview(heard)[at:])
            except IndexError:
                break
            at += size
            self.heard.append(packet)
        return bool(self.heard) and isinstance(self.heard[-1], mqtt5.DisconnectPacket)


@pytest.fixture
async def uplink(connect: Connect, broker: Broker) -> AsyncIterator[BrokerUplink]:
    async with _started(connect(broker)) as one:
        yield one


@pytest.fixture
async def home(broker: Broker, uplink: BrokerUplink) -> AsyncIterator[HomeClient]:
    async with home_client(broker, HOME) as one:
        yield one


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110  # the port gives no event for it, on purpose
            await asyncio.sleep(0.01)


async def _take(uplink: BrokerUplink, count: int) -> list[Message]:
    found: list[Message] = []
    async with asyncio.timeout(WITHIN_S):
        while len(found) < count:
            found += await uplink.messages(count - len(found), 0.005)
    return found


async def test_a_message_comes_as_it_was_sent_and_the_answer_goes_back(uplink: BrokerUplink, home: HomeClient) -> None:
    home.send(b"\x00payload", b"\xffcorrelation")
    (message,) = await _take(uplink, 1)
    assert message.topic == topics.readings(HOME)
    assert (message.payload, message.correlation, message.retained) == (b"\x00payload", b"\xffcorrelation", False)
    assert message.received_at.tzinfo is not None
    uplink.acknowledge([message])
    assert uplink.publish(topics.receipts(HOME), b"answer", b"\xffcorrelation")
    assert await home.receipt() == (b"answer", b"\xffcorrelation")


async def test_messages_come_in_order_and_in_groups(uplink: BrokerUplink, home: HomeClient) -> None:
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


async def test_what_is_not_acknowledged_holds_the_broker_back(uplink: BrokerUplink, home: HomeClient) -> None:
    for number in range(RECEIVE_MAXIMUM + 5):
        home.send(str(number).encode())
    first = await _take(uplink, RECEIVE_MAXIMUM)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(uplink.messages(1, 0), 0.3)
    uplink.acknowledge(first[:5])
    rest = await _take(uplink, 5)
    assert [message.payload for message in rest] == [str(RECEIVE_MAXIMUM + number).encode() for number in range(5)]


async def test_a_group_is_handed_over_when_it_is_whole_or_no_more_can_come(
    uplink: BrokerUplink, home: HomeClient
) -> None:
    long_s = 10 * WITHIN_S  # waiting it out would fail the test
    for number in range(3):
        home.send(str(number).encode())
    async with asyncio.timeout(WITHIN_S):
        whole = await uplink.messages(3, long_s)
        uplink.acknowledge(whole)
        assert len(whole) == 3
        for number in range(RECEIVE_MAXIMUM):
            home.send(str(number).encode())
        all_there_can_be = await uplink.messages(100_000, long_s)
    assert len(all_there_can_be) == RECEIVE_MAXIMUM


async def test_a_group_waits_no_longer_than_it_may(uplink: BrokerUplink, home: HomeClient) -> None:
    home.send(b"alone")
    async with asyncio.timeout(WITHIN_S):
        group = await uplink.messages(100, 0.05)
    assert [message.payload for message in group] == [b"alone"]


async def test_who_stops_waiting_loses_nothing(uplink: BrokerUplink, home: HomeClient) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(uplink.messages(10, 0), 0.05)
    home.send(b"first")
    waiting = asyncio.create_task(uplink.messages(10, 10 * WITHIN_S))
    await _until(lambda: uplink.waiting == 1)
    waiting.cancel()
    await asyncio.wait((waiting,))
    home.send(b"second")
    assert [message.payload for message in await _take(uplink, 2)] == [b"first", b"second"]


async def test_acknowledging_twice_is_once(uplink: BrokerUplink, home: HomeClient) -> None:
    home.send(b"one")
    taken = await _take(uplink, 1)
    uplink.acknowledge([*taken, *taken])
    uplink.acknowledge(taken)
    home.send(b"two")
    assert [message.payload for message in await _take(uplink, 1)] == [b"two"]
    assert uplink.connected


async def test_a_message_larger_than_a_batch_may_be_comes_too(uplink: BrokerUplink, home: HomeClient) -> None:
    large = b"x" * (3 * MAX_BATCH_BYTES)
    home.send(large)
    home.send(b"next")
    assert [message.payload for message in await _take(uplink, 2)] == [large, b"next"]


async def test_answers_to_a_broker_that_does_not_read_are_refused_not_piled_up(
    broker: Broker, uplink: BrokerUplink, home: HomeClient
) -> None:
    broker.pause()
    taken = 0
    while uplink.publish(topics.receipts(HOME), b"x" * 10_000, b"c"):
        taken += 1
        assert taken < 10_000, "it must refuse before it holds so much"
        if taken % 100 == 0:
            await asyncio.sleep(0)
    broker.resume()
    for _ in range(taken):
        await home.receipt()
    assert uplink.publish(topics.receipts(HOME), b"again", b"c")
    assert await home.receipt() == (b"again", b"c")


async def test_what_is_not_an_answer_is_confirmed_by_the_broker(uplink: BrokerUplink, broker: Broker) -> None:
    """More of them one after the other than may be unconfirmed at once: each confirmation makes room."""
    for number in range(3000):
        async with asyncio.timeout(WITHIN_S):
            while not uplink.publish(topics.config(HOME), str(number).encode(), None, retain=True):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    async with home_client(broker, HOME, hears=topics.config(HOME)) as home:
        while await home.receipt() != (b"2999", None):
            pass  # the broker was still taking them in


async def test_processes_of_one_group_share_out_the_readings(connect: Connect, broker: Broker) -> None:
    workers = Subscriptions.of(Hears.READINGS, "a-group")
    async with (
        _started(connect(broker, subscriptions=workers)) as first,
        _started(connect(broker, subscriptions=workers)) as second,
        _started(connect(broker, subscriptions=Subscriptions.of(Hears.HOMES, "a-group"))) as desk,
        home_client(broker, HOME) as home,
    ):
        sent = {str(number).encode() for number in range(100)}
        for payload in sent:
            home.send(payload)
        home.send(b"status", topic=topics.status(HOME))
        home.send(b"reply", topic=topics.command_replies(HOME))
        assert [message.payload for message in await _take(desk, 2)] == [b"status", b"reply"]
        await _until(lambda: first.waiting + second.waiting == len(sent))
        shares = [[message.payload for message in await _take(one, one.waiting)] for one in (first, second)]
        assert all(shares), "each of them has a share"
        assert {payload for share in shares for payload in share} == sent


async def test_messages_nobody_has_to_acknowledge_are_not_lost_past_the_limit(
    uplink: BrokerUplink, home: HomeClient
) -> None:
    count = 2 * RECEIVE_MAXIMUM + 300
    for number in range(count):
        home.send(str(number).encode(), qos=0)
    found = await _take(uplink, count)
    assert [message.payload for message in found] == [str(number).encode() for number in range(count)]
    uplink.acknowledge(found)  # nothing to say, and nothing happens


async def test_a_broker_that_comes_back_is_found_and_old_tokens_are_void(
    broker: Broker, uplink: BrokerUplink, home: HomeClient
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


async def test_who_closes_waits_until_the_broker_has_read_what_was_said(connect: Connect) -> None:
    """With something unread in it a closed socket would reset the connection, whatever the broker had to read still."""
    broker, read_on = BusyBroker(), asyncio.Event()
    serving = asyncio.create_task(broker.serve(read_on))
    async with _started(connect.to(broker.address)) as uplink:
        await _until(lambda: uplink.waiting >= RECEIVE_MAXIMUM)
        messages = await _take(uplink, 50)
        uplink.acknowledge(messages)
        closing = asyncio.create_task(uplink.close())
        await asyncio.wait([closing], timeout=GOODBYE_S / 5)
        assert not closing.done(), "the broker has not read a word yet"
        read_on.set()
        async with asyncio.timeout(WITHIN_S):
            await serving
            await closing
    acknowledged = [one.packet_id for one in broker.heard if isinstance(one, mqtt5.PubAckPacket)]
    assert acknowledged == list(range(1, 51))


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
        with capture_logs() as told:
            await uplink.start()
            await _until(lambda: any(entry["event"] == "uplink_lost" for entry in told))
        assert "not authorised" in broker.log
        assert not uplink.connected
        await uplink.close()
    (lost,) = [entry for entry in told if entry["event"] == "uplink_lost"]
    assert "compare mqtt_username and mqtt_password_file with the broker's accounts" in lost["reason"]


async def test_closing_while_connecting_leaves_nothing_behind(connect: Connect, broker: Broker) -> None:
    uplink = connect(broker)
    await uplink.start()
    await asyncio.sleep(0)
    await uplink.close()
    assert not uplink.connected
    await uplink.close()


async def test_over_tls_only_a_trusted_broker_is_spoken_to(connect: Connect, tmp_path: Path) -> None:
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
        async with _started(connect.to(BrokerAddress.parse(url, ca_file=certificate))) as uplink:
            large = b"x" * 200_000  # more than one TLS record
            assert uplink.publish(topics.readings(HOME), large, b"c")
            for number in range(50):
                uplink.publish(topics.readings(HOME), str(number).encode(), None)
            found = await _take(uplink, 51)
            assert [message.payload for message in found] == [large, *(str(number).encode() for number in range(50))]
            uplink.acknowledge(found)
        distrustful = connect.to(BrokerAddress.parse(url))
        await distrustful.start()
        await _until(lambda: "alert" in broker.log or "error" in broker.log.lower())
        assert not distrustful.connected
        await distrustful.close()


def test_a_service_on_uvloop_hears_and_answers_too(connect: Connect, tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_there_and_back(connect, tmp_path))


async def _there_and_back(connect: Connect, folder: Path) -> None:
    async with (
        running_broker(folder) as broker,
        _started(connect(broker)) as uplink,
        home_client(broker, HOME) as home,
    ):
        sent = [str(number).encode() * 1000 for number in range(2 * RECEIVE_MAXIMUM)]
        for payload in sent:
            home.send(payload, b"c")
        for payload in sent:
            (message,) = await _take(uplink, 1)
            assert message.payload == payload
            uplink.acknowledge([message])
            assert uplink.publish(topics.receipts(HOME), payload, message.correlation)
        assert [await home.receipt() for _ in sent] == [(payload, b"c") for payload in sent]
