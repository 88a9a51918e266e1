"""What travels beside readings, receipts and the status: configuration, commands and the replies to them."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from hearthline_gateway.uplink.broker_errors import LinkError
from hearthline_gateway.uplink.link import Acknowledged, Link, Received

log = structlog.get_logger(__name__)

_MOST_LETTERS: Final = 500
"""Replies that wait for a connection; past it the oldest are let go, since their commands have long expired."""

Reader = Callable[[bytes, bool], None]
"""Takes the payload and whether the broker had kept it (retained). Returns at once."""


@dataclass(slots=True)
class _Letter:
    topic: str
    payload: bytes
    mid: int | None = None
    """Its number at the broker; None while it waits."""


class Mail:
    """Handed to the uplink, which alone holds the connection. Letters wait for it and go once; notices are retained,
    and go again at every connect, so that a broker that forgot everything knows them again."""

    def __init__(self) -> None:
        self._readers: dict[str, Reader] = {}
        self._letters: deque[_Letter] = deque()
        self._notices: dict[str, bytes] = {}
        self._due: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._all_gone = asyncio.Event()
        self._all_gone.set()

    def read(self, topic: str, reader: Reader) -> None:
        """Have what arrives on a topic read. Call before the uplink runs."""
        self._readers[topic] = reader

    def send(self, topic: str, payload: bytes) -> None:
        """Send a letter as soon as there is a connection."""
        if len(self._letters) >= _MOST_LETTERS:
            log.warning("letter_let_go", topic=self._letters.popleft().topic)
        self._letters.append(_Letter(topic, payload))
        self._all_gone.clear()
        self._wake.set()

    def post(self, topic: str, payload: bytes) -> None:
        """Publish a notice in the place of the earlier one on its topic."""
        if self._notices.get(topic) != payload:
            self._notices[topic] = payload
            self._due[topic] = None
            self._wake.set()

    async def all_gone(self, within_s: float) -> bool:
        """Wait until the broker has every letter; False when it has not in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._all_gone.wait()
        except TimeoutError:
            return False
        return True

    async def open(self, link: Link) -> None:
        """A new connection: subscribe, and begin again with what the last one may not have delivered. A topic that the
        broker does not let us read is named in the log and does not stop the readings."""
        for topic in self._readers:
            try:
                await link.subscribe(topic)
            except LinkError as error:
                if not link.usable:
                    raise
                log.warning("remote_work_not_possible", topic=topic, reason=str(error))
        for letter in self._letters:
            letter.mid = None
        self._due = dict.fromkeys(self._notices)
        self._wake.set()

    async def deliver(self, link: Link) -> None:
        """Send what there is to send, until the connection ends."""
        while True:
            self._wake.clear()
            for topic in list(self._due):
                link.publish(topic, self._notices[topic], retain=True)
                self._due.pop(topic)
            for letter in self._letters:
                if letter.mid is None:
                    letter.mid = link.publish(letter.topic, letter.payload)
            await self._wake.wait()

    def acknowledged(self, event: Acknowledged) -> None:
        """The broker has a message; whether anybody reads it is not our business."""
        for letter in self._letters:
            if letter.mid == event.mid:
                self._letters.remove(letter)
                break
        if not self._letters:
            self._all_gone.set()

    def received(self, event: Received) -> bool:
        """Have a message read; False where it is for nobody here."""
        reader = self._readers.get(event.topic)
        if reader is not None:
            reader(event.payload, event.retained)
        return reader is not None
