"""The uplink as ingest sees it: counted, followed by batch in the log, and shut for the end.

Ingest asks for more only when it has settled what it took. So, once the gate is shut and everything handed out is
acknowledged, nothing is half done. What the engine still holds was never handed out: it is not acknowledged, and comes
again.
"""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

import structlog

from hearthline_backend.ingest.parcel import batch_text
from hearthline_backend.uplink.port import Message, Uplink
from hearthline_protocol import topics

log = structlog.get_logger(__name__)

_RECEIPTS: Final = f"/{topics.receipts('-').rsplit('/', 1)[1]}"


class GateInstruments(Protocol):
    """Told what passes; never waits and never fails."""

    def received(self, messages: int) -> None:
        """Ingest took messages."""

    def acknowledged(self, messages: int, lag_s: float) -> None:
        """Messages are settled, the oldest of them so long after it came."""

    def receipts(self, *, sent: int, not_sent: int) -> None:
        """So many times a home was answered, or could not be."""


class Gate:
    """The :class:`~hearthline_backend.uplink.port.Uplink` port around an engine of it."""

    def __init__(self, uplink: Uplink, instruments: GateInstruments, clock: Callable[[], datetime]) -> None:
        self._uplink = uplink
        self._instruments = instruments
        self._clock = clock
        self._groups = itertools.count(1)
        self._handed_out: deque[tuple[datetime, int]] = deque()
        self._in_hand = 0
        self._receipts: list[bool] = []
        self._following = False
        self._asking = 0
        self._shut = False
        self._settled = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether messages can come at this moment."""
        return self._uplink.connected

    @property
    def in_hand(self) -> int:
        """Messages that ingest took and has not acknowledged."""
        return self._in_hand

    @property
    def oldest_in_hand(self) -> datetime | None:
        """When the oldest of them came; None where there is none."""
        return self._handed_out[0][0] if self._handed_out else None

    @property
    def shut(self) -> bool:
        """Whether nothing more is handed out."""
        return self._shut

    async def start(self) -> None:
        """Begin to connect."""
        await self._uplink.start()

    async def messages(self, most: int, linger_s: float) -> Sequence[Message]:
        """What came, as the engine gives it; waits for ever once the gate is shut."""
        self._asking += 1
        try:
            self._look()
            found = () if self._shut else await self._uplink.messages(most, linger_s)
            if self.shut:  # it may have been while we waited: what came is left unacknowledged, and comes again
                await asyncio.Event().wait()
        finally:
            self._asking -= 1
        self._hand_out(found)
        return found

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these are settled."""
        self._uplink.acknowledge(messages)
        if not messages:
            return
        lag = self._clock() - messages[0].received_at
        self._instruments.acknowledged(len(messages), max(0.0, lag.total_seconds()))
        if self._following:
            for message in messages:
                log.debug("batch_acknowledged", **_named(message))
        self._take_back(len(messages))
        self._look()

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool = False) -> bool:
        """Hand one answer to the engine."""
        sent = self._uplink.publish(topic, payload, correlation, retain=retain)
        if topic.endswith(_RECEIPTS):
            if not self._receipts:  # thousands may be sent in one turn of the loop
                asyncio.get_running_loop().call_soon(self._count_receipts)
            self._receipts.append(sent)
            if self._following:
                gateway = topics.gateway_of(topic)
                log.debug("receipt_handed_over", batch=batch_text(correlation), gateway=gateway, sent=sent)
        return sent

    async def close(self) -> None:
        """Leave the broker."""
        await self._uplink.close()

    async def drain(self) -> None:
        """Hand out no more, and wait until everything handed out is settled and acknowledged."""
        self._shut = True
        self._look()
        await self._settled.wait()

    def _count_receipts(self) -> None:
        sent = self._receipts.count(True)
        self._instruments.receipts(sent=sent, not_sent=len(self._receipts) - sent)
        self._receipts.clear()

    def _hand_out(self, found: Sequence[Message]) -> None:
        if not found:
            return
        structlog.contextvars.bind_contextvars(group=next(self._groups))
        self._in_hand += len(found)
        self._handed_out.append((found[0].received_at, len(found)))
        self._instruments.received(len(found))
        self._following = log.is_enabled_for(logging.DEBUG)  # naming every batch costs more than taking it
        if self._following:
            for message in found:
                log.debug("batch_received", bytes=len(message.payload), **_named(message))

    def _take_back(self, count: int) -> None:
        self._in_hand -= count
        while count and self._handed_out:
            came, open_ = self._handed_out.popleft()
            if open_ > count:
                self._handed_out.appendleft((came, open_ - count))
            count -= min(count, open_)

    def _look(self) -> None:
        if self._shut and self._asking and not self._in_hand:
            self._settled.set()


def _named(message: Message) -> dict[str, str | None]:
    return {"batch": batch_text(message.correlation), "gateway": topics.gateway_of(message.topic)}
