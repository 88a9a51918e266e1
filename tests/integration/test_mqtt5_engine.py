"""What the mqtt5 engine does with brokers that no real one should be: each ends the connection, none the process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import mqtt5
import pytest
from structlog.testing import capture_logs

from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.uplink.mqtt5_engine import Mqtt5Uplink
from hearthline_backend.uplink.subscriptions import Hears, Subscriptions
from hearthline_protocol import topics

WITHIN_S = 20
READINGS = topics.readings("home-0001")
GRANTED = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
LET_IN = mqtt5.ConnAckPacket().write()
SUBSCRIBED = mqtt5.SubAckPacket(1, [GRANTED] * 4).write()


def _message(number: int | None, payload: bytes = b"x") -> bytes:
    qos = mqtt5.QoS.AT_MOST_ONCE if number is None else mqtt5.QoS.AT_LEAST_ONCE
    return mqtt5.PublishPacket(READINGS, payload, qos=qos, packet_id=number).write()


@dataclass
class _Script:
    """A broker that says what it is told, and keeps what it hears."""

    to_connect: bytes = LET_IN
    to_subscribe: bytes = SUBSCRIBED
    heard: list[Any] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        buffer = b""
        while data := await reader.read(65536):
            buffer += data
            while buffer:
                try:
                    packet, size = mqtt5.read(memoryview(buffer))
                except IndexError:
                    break
                buffer = buffer[size:]
                self.heard.append(packet)
                if isinstance(packet, mqtt5.ConnectPacket):
                    writer.write(self.to_connect)
                elif isinstance(packet, mqtt5.SubscribePacket):
                    writer.write(self.to_subscribe)
                elif isinstance(packet, mqtt5.DisconnectPacket):
                    writer.close()

    def of(self, kind: type) -> list[Any]:
        return [packet for packet in self.heard if isinstance(packet, kind)]


@asynccontextmanager
async def _connecting(script: _Script, **more: Any) -> AsyncIterator[Mqtt5Uplink]:
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    uplink = Mqtt5Uplink(BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1]), **more)
    await uplink.start()
    try:
        yield uplink
    finally:
        await uplink.close()
        server.close()
        for writer in script.writers:
            writer.close()


async def _until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110  # the port gives no event for it, on purpose
            await asyncio.sleep(0.01)


async def _reason(script: _Script, **more: Any) -> str:
    with capture_logs() as told:
        async with _connecting(script, **more):
            await _until(lambda: any(entry["event"] == "uplink_lost" for entry in told))
    return next(str(entry["reason"]) for entry in told if entry["event"] == "uplink_lost")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (_Script(b"HTTP/1.1 400 Bad Request\r\n" * 9), "not MQTT 5"),
        (_Script(b"\x20\x02\x00\x01"), "not MQTT 5"),  # how a broker of MQTT 3.1.1 refuses
        (_Script(mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD).write()),
         "compare mqtt_username and mqtt_password_file"),
        (_Script(mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION).write()),
         "use mosquitto 2.0.11 or newer"),
        (_Script(mqtt5.ConnAckPacket(max_qos=mqtt5.QoS.AT_MOST_ONCE).write()), "confirms nothing"),
        (_Script(mqtt5.ConnAckPacket(retain_available=False).write()), "retains no messages"),
        (_Script(mqtt5.ConnAckPacket(wildcard_subscription_available=False).write()), "no wildcard"),
        (_Script(LET_IN + LET_IN), "let us in twice"),
        (_Script(_message(1)), "before it let us in"),
        (_Script(to_subscribe=mqtt5.SubAckPacket(1, [GRANTED]).write()), "answered 1 of 4 subscriptions"),
        (_Script(to_subscribe=mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.NOT_AUTHORIZED] * 4).write()),
         f"refuses us {topics.ALL_READINGS}, {topics.ALL_STATUS}"),
        (_Script(to_subscribe=SUBSCRIBED + _message(7) + _message(7)), "one number to two messages"),
        (_Script(to_subscribe=SUBSCRIBED + mqtt5.PubRecPacket(9).write()), "PubRecPacket out of place"),
        (_Script(to_subscribe=SUBSCRIBED + b"\x30\xff\xff\xff\x7f"), "more than we said we take"),
        (_Script(to_subscribe=SUBSCRIBED + mqtt5.DisconnectPacket(
            reason_code=mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN).write()), "it is being stopped"),
    ],
)  # fmt: skip
async def test_a_broker_that_says_what_it_must_not_is_left_with_a_reason(script: _Script, reason: str) -> None:
    assert reason in await _reason(script)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the codec's panic is aloud
async def test_text_that_is_not_utf_8_ends_the_connection_and_not_the_process() -> None:
    script = _Script(to_subscribe=SUBSCRIBED + b"\x30\x05\x00\x02\xff\xfe\x00")
    assert "text that is not UTF-8" in await _reason(script)


async def test_a_broker_without_shared_subscriptions_is_no_place_for_one_of_many() -> None:
    script = _Script(mqtt5.ConnAckPacket(shared_subscription_available=False).write())
    workers = Subscriptions.of(Hears.READINGS, "a-secret-word")
    assert "has no shared subscriptions, which mqtt_share needs" in await _reason(script, subscriptions=workers)


async def test_the_name_of_the_group_is_not_told() -> None:
    script = _Script(to_subscribe=mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.NOT_AUTHORIZED]).write())
    reason = await _reason(script, subscriptions=Subscriptions.of(Hears.READINGS, "a-secret-word"))
    assert topics.ALL_READINGS in reason
    assert "a-secret-word" not in reason


async def test_after_a_bad_connection_comes_a_good_one() -> None:
    script = _Script(to_subscribe=SUBSCRIBED + b"\x00\x00")
    async with _connecting(script) as uplink:
        await _until(lambda: len(script.of(mqtt5.ConnectPacket)) > 1)
        script.to_subscribe = SUBSCRIBED + _message(3, b"good")
        async with asyncio.timeout(WITHIN_S):
            (message,) = await uplink.messages(1, 0)
        assert message.payload == b"good"
        (goodbye, *_) = script.of(mqtt5.DisconnectPacket)
        assert goodbye.reason_code == mqtt5.DisconnectReasonCode.MALFORMED_PACKET


async def test_without_remote_work_readings_still_flow() -> None:
    no = mqtt5.SubAckReasonCode.NOT_AUTHORIZED
    script = _Script(to_subscribe=mqtt5.SubAckPacket(1, [GRANTED, GRANTED, no, no]).write() + _message(1))
    with capture_logs() as told:
        async with _connecting(script) as uplink, asyncio.timeout(WITHIN_S):
            assert len(await uplink.messages(1, 0)) == 1
    assert [entry["topics"] for entry in told if entry["event"] == "remote_work_refused_by_broker"] == [
        [topics.ALL_REPORTED, topics.ALL_REPLIES]
    ]


async def test_how_it_introduces_itself_and_acknowledges() -> None:
    script = _Script(to_subscribe=SUBSCRIBED + b"".join(_message(number) for number in (5, 0xFFFF, 6)))
    async with _connecting(script, receive_maximum=17) as uplink:
        async with asyncio.timeout(WITHIN_S):
            messages = await uplink.messages(3, 1)
        uplink.acknowledge(messages[:2])
        await _until(lambda: len(script.of(mqtt5.PubAckPacket)) == 2)
        hello = script.of(mqtt5.ConnectPacket)[0]
        assert (hello.clean_start, hello.session_expiry_interval, hello.topic_alias_max) == (True, 0, 0)
        assert (hello.receive_max, hello.keep_alive) == (17, 20)
        assert [packet.packet_id for packet in script.of(mqtt5.PubAckPacket)] == [5, 0xFFFF]
        await uplink.close()
        await _until(lambda: script.of(mqtt5.DisconnectPacket))


async def test_a_silent_broker_is_left_and_a_talking_one_kept() -> None:
    script = _Script(mqtt5.ConnAckPacket(server_keep_alive=1).write())
    with capture_logs() as told:
        async with _connecting(script):
            await _until(lambda: len(script.of(mqtt5.ConnectPacket)) == 2)
    assert script.of(mqtt5.PingReqPacket)
    assert any("said nothing for" in str(entry.get("reason")) for entry in told)


async def test_an_answer_larger_than_the_broker_takes_is_refused_here() -> None:
    script = _Script(mqtt5.ConnAckPacket(max_packet_size=1000).write())
    async with _connecting(script) as uplink:
        await _until(lambda: uplink.connected)
        with capture_logs() as told:
            assert not uplink.publish(topics.receipts("home-0001"), b"x" * 1000, b"c")
            assert uplink.publish(topics.receipts("home-0001"), b"x" * 500, b"c")
        await _until(lambda: script.of(mqtt5.PublishPacket))
        assert [len(packet.payload) for packet in script.of(mqtt5.PublishPacket)] == [500]
        assert [entry["event"] for entry in told] == ["answer_larger_than_broker_takes"]


async def test_a_refused_configuration_is_told_and_makes_room_for_the_next() -> None:
    script = _Script(mqtt5.ConnAckPacket(receive_max=1).write())
    async with _connecting(script) as uplink:
        await _until(lambda: uplink.connected)
        assert uplink.publish(topics.config("home-0001"), b"1", None, retain=True)
        assert not uplink.publish(topics.config("home-0001"), b"2", None, retain=True)
        await _until(lambda: script.of(mqtt5.PublishPacket))
        number = script.of(mqtt5.PublishPacket)[0].packet_id
        refusal = mqtt5.PubAckPacket(number, reason_code=mqtt5.PubAckReasonCode.NOT_AUTHORIZED)
        with capture_logs() as told:
            script.writers[0].write(refusal.write())
            await _until(lambda: told)
        assert told[0]["event"] == "answer_refused_by_broker"
        assert uplink.publish(topics.config("home-0001"), b"3", None, retain=True)


async def test_what_earlier_connections_left_bounds_how_often_it_connects_again() -> None:
    """A broker that sends and breaks, again and again, while nobody can settle anything."""
    goodbye = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SERVER_BUSY).write()
    script = _Script(to_subscribe=SUBSCRIBED + b"".join(_message(number) for number in range(1, 9)) + goodbye)
    with capture_logs() as told:
        async with _connecting(script, receive_maximum=8) as uplink:
            await _until(lambda: any(entry["event"] == "uplink_waits_until_messages_are_settled" for entry in told))
            assert (uplink.waiting, len(script.of(mqtt5.ConnectPacket))) == (16, 2)
            await uplink.messages(8, 0)
            await _until(lambda: len(script.of(mqtt5.ConnectPacket)) == 3)
