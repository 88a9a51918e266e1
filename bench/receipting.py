"""A backend's side of the contract and nothing more: every batch is answered at once, everything in it stored."""

import asyncio
import json
from typing import Any, Self
from uuid import UUID

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from hearthline_protocol import topics
from hearthline_protocol.messages import Receipt, ReceiptEntry, ReceiptStatus


class ReceiptingBackend:
    """Connected within ``async with``. ``ids`` are the readings that came, ``statuses`` counts the status messages."""

    def __init__(self, port: int) -> None:
        self.ids: set[str] = set()
        self.statuses = 0
        self._port = port
        self._subscribed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self._port)
        self._client.loop_start()
        async with asyncio.timeout(10):
            await self._subscribed.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _on_connect(self, *_: Any) -> None:
        self._client.subscribe([(topics.ALL_READINGS, 1), (topics.ALL_STATUS, 1)])

    def _on_subscribe(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._subscribed.set)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        gateway = topics.gateway_of(message.topic)
        if gateway is None or message.topic == topics.status(gateway):
            self.statuses += 1
            return
        ids = [reading["id"] for reading in json.loads(message.payload)["readings"]]
        entries = tuple(ReceiptEntry(id=UUID(one), status=ReceiptStatus.STORED) for one in ids)
        batch: bytes = getattr(message.properties, "CorrelationData")  # noqa: B009 - paho sets it by name
        receipt = Receipt(batch=batch.decode(), readings=entries)
        self._client.publish(topics.receipts(gateway), receipt.model_dump_json().encode(), qos=1)
        self.ids.update(ids)
