"""The check's own ear on the broker: what was published, seen by neither the gateway nor the backend."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from hearthline_protocol.topics import ROOT, status
from hearthline_simulator.demo.broker import BrokerAccess

_KEEPALIVE_S: Final = 30
_RETRY_S: Final = 1
_POLL_S: Final = 0.02
DEFAULT_PORT: Final = 1883


@dataclass(frozen=True, slots=True)
class Heard:
    """One message. ``ids`` are the readings it speaks of; empty for what is no batch and no receipt."""

    at: datetime
    topic: str
    batch: str
    ids: frozenset[UUID]
    payload: bytes


class Subscriber:
    """Everything under our topics, from the moment it connects; connects again by itself after a broker's death."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard: list[Heard] = []
        self.connected = asyncio.Event()

    def attend(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let paho's thread hand everything over to ``loop``."""

        def on_connect(client: Client, *_: object) -> None:
            client.subscribe(f"{ROOT}/#", qos=1)

        def on_subscribe(*_: object) -> None:
            loop.call_soon_threadsafe(self.connected.set)

        def on_disconnect(*_: object) -> None:
            loop.call_soon_threadsafe(self.connected.clear)

        def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
            loop.call_soon_threadsafe(self.heard.append, _heard(message))

        self.client.on_connect, self.client.on_subscribe = on_connect, on_subscribe
        self.client.on_disconnect, self.client.on_message = on_disconnect, on_message

    async def online(self, gateway: str) -> None:
        """Returns when this gateway has said that it is connected."""
        while not self._said_online(gateway):  # noqa: ASYNC110  # a list is all that is needed of paho's thread
            await asyncio.sleep(_POLL_S)  # paho's thread fills the list

    def _said_online(self, gateway: str) -> bool:
        return any(one.topic == status(gateway) and _says_online(one.payload) for one in self.heard)

    def published(self, reading: UUID) -> Heard | None:
        """The first batch that held this reading."""
        return next((one for one in self.heard if one.topic.endswith("/readings") and reading in one.ids), None)


@asynccontextmanager
async def subscribed(broker: BrokerAccess) -> AsyncIterator[Subscriber]:
    """A subscriber, not yet connected when the block begins: wait for :attr:`Subscriber.connected`."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    subscriber = Subscriber(client)
    parts = urlsplit(broker.url)
    if broker.username is not None:
        client.username_pw_set(broker.username, _password(broker))
    if parts.scheme == "mqtts":
        client.tls_set()
    client.reconnect_delay_set(_RETRY_S, _RETRY_S)
    subscriber.attend(asyncio.get_running_loop())
    client.connect_async(parts.hostname or "127.0.0.1", parts.port or DEFAULT_PORT, _KEEPALIVE_S)
    client.loop_start()
    try:
        yield subscriber
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


def _password(broker: BrokerAccess) -> str | None:
    return None if broker.password_file is None else broker.password_file.read_text().splitlines()[0]


def _heard(message: MQTTMessage) -> Heard:
    payload = bytes(message.payload)
    correlation = getattr(message.properties, "CorrelationData", b"")
    batch = bytes(correlation).decode(errors="replace")
    return Heard(datetime.now(UTC), message.topic, batch, _ids(payload), payload)


def _says_online(payload: bytes) -> bool:
    try:
        content: Any = json.loads(payload)
        return bool(content["state"] == "online")
    except (ValueError, TypeError, KeyError):
        return False


def _ids(payload: bytes) -> frozenset[UUID]:
    try:
        content: Any = json.loads(payload)
        return frozenset(UUID(one["id"]) for one in content["readings"])
    except (ValueError, TypeError, KeyError):
        return frozenset()  # a status, or something that is not ours: heard all the same
