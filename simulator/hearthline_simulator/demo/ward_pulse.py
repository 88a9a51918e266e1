"""Keeps the ward alive while the demo runs: its homes say every minute that they are there, and its patients go on
measuring at their hours. One client on the broker speaks for all of them; Astrid's home alone is the whole chain."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Final
from uuid import uuid4

from paho.mqtt.client import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hearthline_protocol import topics
from hearthline_protocol.messages import MAX_BATCH_READINGS, ReadingsBatch
from hearthline_protocol.readings import Reading
from hearthline_simulator.ward.history import since
from hearthline_simulator.ward.homes import gateway_status
from hearthline_simulator.ward.profiles import Profile, Trouble
from hearthline_simulator.ward.readings import Sent

EVERY_S: Final = 60.0


class WardPulse:
    """``pasts`` are the histories as they were written at ``start``; they grow as the patients measure."""

    def __init__(self, client: Client, pasts: Mapping[Profile, list[Sent]], start: datetime) -> None:
        self._client, self._start, self._last = client, start, start
        self._pasts = {profile: list(past) for profile, past in pasts.items()}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.beat(datetime.now(UTC))

    def beat(self, now: datetime) -> None:
        """Send what has become due since the last beat."""
        for profile, past in self._pasts.items():
            if profile.trouble is Trouble.OFFLINE:
                continue
            new = since(profile, self._start, self._last, now)
            past.extend(new)
            self._send(profile, [one.reading for one in new])
            status = gateway_status(profile, past, now).model_copy(update={"sent_time": now})
            self._client.publish(topics.status(profile.gateway), status.model_dump_json(), qos=1, retain=True)
        self._last = now

    def _send(self, profile: Profile, readings: list[Reading]) -> None:
        waiting = iter(readings)
        while group := tuple(islice(waiting, MAX_BATCH_READINGS)):
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
            properties.CorrelationData = str(uuid4()).encode()
            payload = ReadingsBatch(readings=group).model_dump_json()
            self._client.publish(topics.readings(profile.gateway), payload, qos=1, properties=properties)
