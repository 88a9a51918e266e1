"""The one worker between uplink and stores: takes a group, settles it, acknowledges, answers, tells the screens.

Nothing is acknowledged before it is durable. While a store is down the group in hand is tried again and nothing more is
taken, so that the broker, and behind it every home, waits. A group that fails for a reason nobody foresaw is settled
message by message, and the one to blame is held in quarantine whole.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar, TypeVarTuple, Unpack

import structlog

from hearthline_backend.events import Event, EventBus
from hearthline_backend.ingest.gateway_status import keep_statuses
from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.ingest.parcel import Parcel, in_groups, in_parts
from hearthline_backend.ingest.refusal import Reason, Refused
from hearthline_backend.ingest.settlement import Settled, Settlement
from hearthline_backend.remote.answers import is_answer, keep_answers
from hearthline_backend.storage.ports import Records, StoreBusyError, StoreUnavailableError
from hearthline_backend.storage.records.quarantine import Refusal
from hearthline_backend.uplink.backoff import delays
from hearthline_backend.uplink.port import Message, Uplink
from hearthline_protocol import topics

log = structlog.get_logger(__name__)
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

GROUP_MESSAGES: Final = 2000
GROUP_READINGS: Final = 6000
GROUP_BYTES: Final = 2 * 1024 * 1024
"""Large batches make large groups, which cost less a reading; taking one apart holds the event loop, for some 50 ms."""
GATHER_S: Final = 0.01
"""How long what comes waits at most for the group before it. Two at once take longer each, so that at half of what it
can do a worker is quickest with one after the other; with all it can do, it needs the second one (both measured)."""
HELD_A_ROUND: Final = 200
BATCHES_LOGGED: Final = 8
SLOW_AFTER_S: Final = 3.0
"""A step that takes longer is an outage, whatever comes of it."""
IN_THE_WAY: Final = 4
"""So many times in a row a step may meet somebody else in the database before that counts as an outage."""
_READINGS, _STATUS, _ANSWER, _STRAY = "readings", "status", "answer", "stray"
MOST_SENDERS: Final = 100_000
"""Topics whose gateway is remembered."""


class Ingest:
    """Runs until it is cancelled. ``on_commit`` is called after every transaction that may have made something due."""

    def __init__(
        self,
        uplink: Uplink,
        records: Records,
        settlement: Settlement,
        events: EventBus,
        health: StoreHealth,
        clock: Callable[[], datetime],
        on_commit: Callable[[], None] = lambda: None,
        send_configuration: Callable[[str], Awaitable[None]] | None = None,
        greet: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """``send_configuration`` is called with a gateway that has not heard of its newest wanted configuration,
        ``greet`` with one that reports the configuration it has, as each does when it connects."""
        self._uplink = uplink
        self._records = records
        self._settlement = settlement
        self._events = events
        self._health = health
        self._clock = clock
        self._on_commit = on_commit
        self._send_configuration = send_configuration
        self._greet = greet
        self._senders: dict[str, tuple[str, str]] = {}

    async def run(self) -> None:
        """Take and settle, for ever. Two groups are under way at most: while one is judged, the next one's readings are
        taken apart and written. They are acknowledged in order.

        A group begins at once where nothing is under way. What comes meanwhile is gathered into the next one, which
        begins when that is settled, or after ``GATHER_S``."""
        async with asyncio.TaskGroup() as group:
            before: asyncio.Task[None] | None = None
            while True:
                messages = await self._uplink.messages(GROUP_MESSAGES, 0.0)
                for part in in_parts(messages, GROUP_BYTES):
                    task = group.create_task(self.take(part, before))
                    if before is not None:
                        await before  # with a third one under way nothing is quicker (measured)
                    before = task
                if before is not None:
                    await asyncio.wait({before}, timeout=GATHER_S)

    async def take(self, messages: Sequence[Message], after: asyncio.Task[None] | None = None) -> None:
        """Settle, acknowledge and answer messages, however long a store stays away meanwhile. What is acknowledged is
        so only when ``after`` is done."""
        statuses: list[tuple[str, Message]] = []
        parcels: list[Parcel] = []
        answers: list[tuple[str, Message]] = []
        strays: list[Message] = []
        for message in messages:
            gateway, what = self._sender_of(message.topic)
            if what is _READINGS:
                parcels.append(Parcel.arrived(gateway, message))
            elif what is _STATUS:
                statuses.append((gateway, message))
            elif what is _ANSWER:
                answers.append((gateway, message))
            else:
                strays.append(message)
        if after is not None and (statuses or answers or strays):
            await after
        if statuses or strays:
            await self._until_stored(self._keep_apart, statuses, strays)
        if answers:
            await self._until_stored(self._keep_answers, answers)
        for group in in_groups(parcels, GROUP_READINGS):
            settled = await self._until_stored(self._settled, group)
            if after is not None:
                await after
            self._uplink.acknowledge([parcel.message for parcel in group if parcel.message is not None])
            self._tell(settled, group)

    def _sender_of(self, topic: str) -> tuple[str, str]:
        """The gateway and what kind of message it is, remembered by topic."""
        found = self._senders.get(topic)
        if found is None:
            if len(self._senders) >= MOST_SENDERS:
                self._senders.clear()
            found = self._senders[topic] = _sender(topic)
        return found

    async def retry_held(self) -> int:
        """Try again what waits in quarantine: call it at the start, now and then, and when a gateway, a meter or an
        assignment was added. Returns how many rows were released."""
        released = 0
        last = 0
        while True:
            async with self._records.read() as unit:
                rows = await unit.quarantine.held(after=last, limit=HELD_A_ROUND)
            if not rows:
                return released
            last = rows[-1].id
            now = self._clock()
            parcels = [Parcel.waiting(row, row.payload, now) for row in rows if row.payload is not None]
            for group in in_groups(parcels, GROUP_READINGS):
                settled = await self._settled(group)
                self._tell(settled, group)
                released += sum(1 for parcel in group if parcel.stored)

    async def retry(self, number: int) -> bool:
        """Try one row of quarantine again, now: a person has just spoken of it. Whether something of it was stored.

        Raises ``StoreUnavailableError``; then it is tried again with everything else that is held."""
        async with self._records.read() as unit:
            row = await unit.quarantine.get(number)
        if row is None or row.payload is None or row.status != "held":
            return False
        parcel = Parcel.waiting(row, row.payload, self._clock())
        self._tell(await self._settled([parcel]), [parcel])
        return bool(parcel.stored)

    async def _until_stored(self, work: Callable[[Unpack[Ts]], Awaitable[T]], *arguments: *Ts) -> T:
        waits = delays()
        in_the_way = 0
        while True:
            # A store that hangs is away too, long before its own time-out says so: the screens must not wait for that.
            slow = asyncio.get_running_loop().call_later(SLOW_AFTER_S, self._is_slow)
            try:
                done = await work(*arguments)
            except StoreUnavailableError as error:
                wait = next(waits)
                in_the_way += isinstance(error, StoreBusyError)
                if isinstance(error, StoreBusyError) and in_the_way < IN_THE_WAY:
                    log.info("store_busy", reason=str(error), next_try_s=round(wait, 2))
                elif self._health.lost():
                    log.warning("store_unavailable", reason=str(error), next_try_s=round(wait, 2))
                await asyncio.sleep(wait)
            else:
                if self._health.back():
                    log.info("store_back")
                return done
            finally:
                slow.cancel()

    def _is_slow(self) -> None:
        if self._health.lost():
            log.warning("store_does_not_answer", after_s=SLOW_AFTER_S)

    async def _settled(self, group: list[Parcel]) -> Settled:
        try:
            return await self._settlement.settle(group)
        except StoreUnavailableError:
            raise
        except Exception:  # whatever one message does to us, the others are settled
            log.exception("group_not_processed", parcels=len(group))
        if len(group) == 1:
            return await self._set_aside(group[0])
        together = Settled()
        for parcel in group:
            alone = await self._settled([parcel])
            together.answers += alone.answers
            together.measured = [*together.measured, *alone.measured]
            together.alerts = [*together.alerts, *alone.alerts]
            together.stored += alone.stored
            together.judged += alone.judged
            together.refused += alone.refused
            together.ruled = together.ruled or alone.ruled
        return together

    async def _set_aside(self, parcel: Parcel) -> Settled:
        """Hold whole what made the worker fail; what of it is stored already is judged when it is retried."""
        if parcel.kept is not None:
            parcel.stored.clear()
            return Settled()
        ids = tuple(reading.id for reading in parcel.content.readings)
        message = "the backend failed on this message; it is kept and tried again, and its log says why"
        parcel.refuse_whole(Refused(Reason.NOT_PROCESSED, message, parcel.payload, ids, whole=True))
        return await self._settlement.settle([parcel])

    async def _keep_apart(self, statuses: Sequence[tuple[str, Message]], strays: Sequence[Message]) -> None:
        now = self._clock()
        changed: list[Event] = []
        try:
            async with self._records.begin() as unit:
                changed = await keep_statuses(unit, statuses, now)
                for message in strays:
                    await unit.quarantine.put(_stray(message))
        except StoreUnavailableError:
            raise
        except Exception:  # a status is said again within minutes: one that defeats us must not stop the readings
            log.exception("status_not_processed", messages=len(statuses) + len(strays))
        self._uplink.acknowledge([*(message for _, message in statuses), *strays])
        for event in changed:
            self._events.publish(event)

    async def _keep_answers(self, answers: Sequence[tuple[str, Message]]) -> None:
        changed: list[Event] = []
        behind: set[str] = set()
        try:
            async with self._records.begin() as unit:
                changed, behind = await keep_answers(unit, answers, self._clock())
        except StoreUnavailableError:
            raise
        except Exception:  # as with a status: a technician asks again, a reading must not wait for it
            log.exception("answers_not_processed", messages=len(answers))
        self._uplink.acknowledge([message for _, message in answers])
        for event in changed:
            self._events.publish(event)
        if self._send_configuration is not None:
            for gateway in sorted(behind):
                await self._until_stored(self._send_configuration, gateway)
        if self._greet is not None:
            for gateway in {name: None for name, message in answers if _is_report(name, message)}:
                await self._until_stored(self._greet, gateway)

    def _tell(self, settled: Settled, group: Sequence[Parcel]) -> None:
        for answer in settled.answers:
            if not self._uplink.publish(topics.receipts(answer.gateway), answer.payload, answer.correlation):
                log.info("receipt_not_sent", gateway=answer.gateway)  # the home asks again by sending again
        for event in settled.events(self._clock(), readings=self._events.listened("reading")):
            self._events.publish(event)
        if settled.ruled:
            self._on_commit()
        if settled.answers:
            batches = [parcel.batch for parcel in group[:BATCHES_LOGGED]]
            log.info("settled", stored=settled.stored, judged=settled.judged, refused=settled.refused, batches=batches)


def _sender(topic: str) -> tuple[str, str]:
    gateway = topics.gateway_of(topic)
    if gateway is None:
        return "", _STRAY
    if topic == topics.status(gateway):
        return gateway, _STATUS
    return gateway, _ANSWER if is_answer(topic, gateway) else _READINGS


def _is_report(gateway: str, message: Message) -> bool:
    """A configuration that the gateway itself reports now, not one that the broker had kept."""
    return message.topic == topics.config_reported(gateway) and not message.retained


def _stray(message: Message) -> Refusal:
    name = message.topic.split("/")[2][:63] if message.topic.count("/") >= 2 else ""
    return Refusal(
        gateway=name,
        status="rejected",
        reason=Reason.BAD_TOPIC.value,
        message="a gateway's name has 2 to 63 of a-z, 0-9 and hyphens, and begins with a letter or digit",
        payload=message.payload[:1024],
        received_at=message.received_at,
    )
