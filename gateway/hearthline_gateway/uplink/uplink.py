"""The way from the outbox to the backend: sends, waits for receipts, sends again, and says how the gateway is."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Final
from uuid import uuid4

import structlog
from pydantic import ValidationError

from hearthline_gateway.outbox.rows import Applied, Pending, Sendable
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.outbox.trouble import OutboxFullError
from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_gateway.uplink.broker_errors import LinkError
from hearthline_gateway.uplink.link import Acknowledged, Link
from hearthline_gateway.uplink.mail import Mail
from hearthline_gateway.uplink.schedule import Schedule, Timing, Turn
from hearthline_protocol import topics
from hearthline_protocol.messages import MAX_BATCH_BYTES, SCHEMA, GatewayStatus, Receipt

log = structlog.get_logger(__name__)

_OUTBOX_RETRY_S: Final = 5.0
_STEADY_S: Final = 5.0
"""A connection that lived this long was a good one: the next try after it is quick again."""
_STATUS_EVERY_S: Final = 60.0
_STATUS_SPACING_S: Final = 1.0
_PACKET_OVERHEAD: Final = 512
"""Bytes of a publish beside its payload: header, topic, properties. Counted generously."""
_NO_SUBSCRIBER: Final = 0x10
_random = SystemRandom()


def _jitter() -> float:
    """Wide, so that the homes of a region that lost their broker at one moment do not come back at one moment."""
    return _random.uniform(0.5, 1.5)


@dataclass(slots=True)
class UplinkCounts:
    """What happened since the start."""

    connections: int = 0
    batches: int = 0
    readings: int = 0
    acknowledged: int = 0
    """PUBACKs for batches, whatever they said."""
    no_subscriber: int = 0
    refused: int = 0
    receipts: int = 0
    unknown_ids: int = 0
    bad_receipts: int = 0


class Uplink:
    """Keeps one connection to the broker and empties the outbox through it. :meth:`run` ends only when cancelled."""

    def __init__(
        self,
        gateway: str,
        address: BrokerAddress,
        outbox: Outbox,
        status: Callable[[], Awaitable[GatewayStatus]],
        *,
        mail: Mail | None = None,
        answered: Callable[[Applied], None] = lambda _: None,
        timing: Timing | None = None,
        batch_readings: int = 50,
        jitter: Callable[[], float] = _jitter,
    ) -> None:
        """``status`` composes what is published on the status topic; ``mail`` is what else travels; ``answered`` is
        told what a receipt did; ``batch_readings`` is the most a batch holds."""
        self._gateway = gateway
        self._address = address
        self._outbox = outbox
        self._status = status
        self._mail = mail if mail is not None else Mail()
        self._answered = answered
        self._jitter = jitter
        self._timing = timing or Timing()
        self._schedule = Schedule(self._timing, batch_readings=batch_readings, jitter=jitter)
        self._mids: dict[int, str] = {}
        self._wake = asyncio.Event()
        self._status_due = asyncio.Event()
        self.connected = asyncio.Event()
        self.problem: str | None = "not connected yet"
        """Why there is no connection, with the next step; None while there is one."""
        self.counts = UplinkCounts()

    def offer(self, rows: Sequence[Pending]) -> None:
        """Readings that were just committed: they are sent at once while there is a connection."""
        self._schedule.offer(rows)
        self._wake.set()
        self._status_due.set()

    @property
    def no_subscriber(self) -> int:
        """How often the broker said that nobody was there to read a batch."""
        return self.counts.no_subscriber

    @property
    def acknowledged(self) -> int:
        """How many batches the broker has acknowledged, whatever it said of them."""
        return self.counts.acknowledged

    @property
    def unanswered(self) -> int:
        """How many batches of this connection the broker has not acknowledged yet."""
        return len(self._mids)

    @property
    def knocking(self) -> bool:
        """Whether the broker last said that nobody reads what is sent: then one batch at a time goes, with pauses."""
        return self._schedule.knocking

    def status_changed(self) -> None:
        """Something worth a new status happened."""
        self._status_due.set()

    async def run(self) -> None:
        """Connect, work, and connect again, for ever."""
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._connection()
            except (LinkError, OutboxError) as error:
                steady = asyncio.get_running_loop().time() - began >= _STEADY_S
                failures = 0 if steady and self.connected.is_set() else failures
                reason = self.problem = str(error)
            self.connected.clear()
            wait = min(self._timing.reconnect_first * 2**failures, self._timing.reconnect_max) * self._jitter()
            failures = min(failures + 1, 16)
            log.warning("uplink_down", reason=reason, retry_in_s=round(wait, 1))
            await asyncio.sleep(wait)

    async def _connection(self) -> None:
        link = await Link.open(
            self._address,
            client_id=self._gateway,
            will_topic=topics.status(self._gateway),
            will=GatewayStatus(state="offline").model_dump_json().encode(),
        )
        try:
            await link.subscribe(topics.receipts(self._gateway))
            await self._mail.open(link)
            self._mids.clear()
            self._schedule.restart(())
            taken_up = await self._take_up()
            self.counts.connections += 1
            self.connected.set()
            self.problem = None
            log.info("uplink_connected", broker=self._address.place)
            await _until_one_fails(
                self._listen(link), self._send(link, taken_up=taken_up), self._report(link), self._mail.deliver(link)
            )
        except asyncio.CancelledError:
            await self._say_offline(link)
            raise
        finally:
            await link.close()

    async def _say_offline(self, link: Link) -> None:
        try:
            status = (await self._status()).model_copy(update={"state": "offline"})
            mid = link.publish(topics.status(self._gateway), status.model_dump_json().encode(), retain=True)
            async with asyncio.timeout(1):
                await self._acknowledgement_of(link, mid)
        except (LinkError, OutboxError, TimeoutError) as error:
            log.warning("offline_status_not_sent", reason=str(error) or "no answer in time")

    async def _acknowledgement_of(self, link: Link, mid: int) -> None:
        while True:
            event = await link.next_event()
            if isinstance(event, Acknowledged) and event.mid == mid:
                return

    async def _report(self, link: Link) -> None:
        while True:
            self._status_due.clear()
            status = await self._status()
            link.publish(topics.status(self._gateway), status.model_dump_json().encode(), retain=True)
            await asyncio.sleep(_STATUS_SPACING_S)
            try:
                async with asyncio.timeout(_STATUS_EVERY_S - _STATUS_SPACING_S):
                    await self._status_due.wait()
            except TimeoutError:
                continue

    async def _send(self, link: Link, *, taken_up: bool) -> None:
        loop = asyncio.get_running_loop()
        while not taken_up:
            await asyncio.sleep(_OUTBOX_RETRY_S)
            taken_up = await self._take_up()
        while True:
            self._wake.clear()
            while (turn := self._schedule.turn(loop.time())) is not None:
                try:
                    await self._publish(link, turn)
                except OutboxError as error:
                    self._schedule.put_back(turn.seqs)
                    log.warning("outbox_not_read", reason=str(error))
                    await asyncio.sleep(_OUTBOX_RETRY_S)
            now = loop.time()
            change = self._schedule.next_change(now)
            try:
                async with asyncio.timeout_at(change):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _take_up(self) -> bool:
        """Everything without a receipt goes again. False where the outbox cannot be read now: that does not cost the
        connection, over which the status says why."""
        try:
            self._schedule.offer(await self._outbox.pending())
        except OutboxError as error:
            log.warning("outbox_not_read", reason=str(error))
            return False
        return True

    async def _publish(self, link: Link, turn: Turn) -> None:
        rows = await self._outbox.load(turn.seqs)
        self._schedule.settled(set(turn.seqs) - {row.seq for row in rows})
        fitting = self._fitting(link, rows)
        rest = rows[len(fitting) :]
        if not fitting:
            for row in rest[:1]:
                self._too_large(row)
            rest = rest[1:]
        self._schedule.put_back(row.seq for row in rest)
        if not fitting:
            return
        batch = str(uuid4())
        seqs = [row.seq for row in fitting]
        try:
            await self._outbox.sent(batch, seqs)
        except OutboxFullError as error:  # what is stored goes out all the same
            log.warning("batch_not_noted", batch=batch, reason=str(error))
        self._schedule.sent(batch, turn, seqs, asyncio.get_running_loop().time())
        payload = _payload(fitting)
        self._mids[link.publish(topics.readings(self._gateway), payload, correlation=batch.encode())] = batch
        self.counts.batches += 1
        self.counts.readings += len(fitting)
        log.debug("batch_sent", batch=batch, readings=len(fitting), bytes=len(payload), lane=turn.lane.value)

    def _fitting(self, link: Link, rows: Sequence[Sendable]) -> Sequence[Sendable]:
        limit = min(MAX_BATCH_BYTES, (link.max_packet_bytes or MAX_BATCH_BYTES) - _PACKET_OVERHEAD)
        size = len(_payload(()))
        for number, row in enumerate(rows):
            size += len(row.reading.encode()) + 1
            if size > limit or row.schema != rows[0].schema:  # an older backend holds a batch of a newer schema whole
                return rows[:number]
        return rows

    def _too_large(self, row: Sendable) -> None:
        self._schedule.postpone(row.seq, asyncio.get_running_loop().time())
        log.error(
            "reading_larger_than_broker_takes",
            reading=row.id,
            bytes=len(row.reading.encode()),
            next_step="raise max_packet_size in the broker's configuration; the reading is kept and tried again",
        )

    async def _listen(self, link: Link) -> None:
        while True:
            event = await link.next_event()
            if isinstance(event, Acknowledged):
                self._acknowledged(event)
            elif not self._mail.received(event):
                await self._receipt(event.payload)

    def _acknowledged(self, event: Acknowledged) -> None:
        batch = self._mids.pop(event.mid, None)
        if batch is None:
            self._mail.acknowledged(event)  # or a status
            return
        self.counts.acknowledged += 1
        if event.code == 0:
            self._schedule.accepted()
            self._wake.set()
            return
        if event.code == _NO_SUBSCRIBER:
            self.counts.no_subscriber += 1
        else:
            self.counts.refused += 1
        wait = self._schedule.refused(batch, asyncio.get_running_loop().time())
        log.warning("batch_not_accepted", batch=batch, reason=event.name, code=event.code, retry_in_s=round(wait, 1))
        self._wake.set()

    async def _receipt(self, payload: bytes) -> None:
        try:
            receipt = Receipt.model_validate_json(payload)
        except ValidationError as error:
            self.counts.bad_receipts += 1
            log.warning("receipt_unreadable", bytes=len(payload), problems=error.error_count(), schema=SCHEMA)
            return
        self.counts.receipts += 1
        try:
            applied = await self._outbox.answered(receipt)
        except OutboxError as error:
            log.warning("receipt_not_noted", batch=receipt.batch, reason=str(error), next_step="it is asked for again")
            return
        self.counts.unknown_ids += applied.unknown
        self._answered(applied)
        self._schedule.settled(applied.settled)
        if applied.split:
            self._schedule.split(receipt.batch, applied.split)
        self._schedule.heard_receipt(asyncio.get_running_loop().time())
        self._wake.set()
        self._status_due.set()
        _log_receipt(receipt)


async def _until_one_fails(*work: Coroutine[None, None, None]) -> None:
    """Run all of it together and raise the first error. Not a task group: in Python 3.11 one that fails while it is
    being cancelled forgets the cancellation, and the gateway would not end."""
    tasks = [asyncio.create_task(part) for part in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _payload(rows: Sequence[Sendable]) -> bytes:
    """A ``ReadingsBatch`` put together from the texts that the outbox keeps; it names the oldest schema that says it
    all."""
    head = json.dumps({"schema": max((row.schema for row in rows), default=SCHEMA)}, separators=(",", ":"))[:-1]
    return f'{head},"readings":[{",".join(row.reading for row in rows)}]}}'.encode()


def _log_receipt(receipt: Receipt) -> None:
    counts: dict[str, int] = {}
    for entry in receipt.readings:
        counts[entry.status.value] = counts.get(entry.status.value, 0) + 1
    reasons = sorted({entry.reason for entry in receipt.readings if entry.reason} | {receipt.reason or ""} - {""})
    whole = receipt.status.value if receipt.status is not None else None
    if reasons or whole:
        log.warning("receipt", batch=receipt.batch, whole_batch=whole, reasons=reasons, **counts)
    else:
        log.info("receipt", batch=receipt.batch, **counts)
