"""The part of the uplink port that every engine shares: stay connected, queue what comes, pass on what goes."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog

from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.uplink.backoff import delays
from hearthline_backend.uplink.intake import Intake
from hearthline_backend.uplink.port import Message

log = structlog.get_logger(__name__)

KEEPALIVE_S: Final = 20
CONNECT_WITHIN_S: Final = 4.0
READY_WITHIN_S: Final = 10.0
GOODBYE_S: Final = 1.0
"""So long a broker may take to close what we have said goodbye on."""
MAX_PACKET_BYTES: Final = 1024 * 1024
"""The largest message that is taken: what firmware-config/broker lets a gateway send. One that is larger than a batch
may be is still taken, to be answered and kept with its reason."""

Clock = Callable[[], datetime]


class LostError(Exception):
    """The connection could not be made or broke; the text is a reason for the log, with the next step."""


class Connection(Protocol):
    """One connection to a broker, from its beginning to its end."""

    @property
    def live(self) -> bool:
        """Subscribed, and not ended."""

    @property
    def held_back(self) -> bool:
        """Whether the broker may send nothing more before something is acknowledged."""

    async def open(self) -> None:
        """Connect and subscribe. Raises :class:`LostError`."""

    async def lasted(self) -> str:
        """Wait for the end; returns the reason."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Those of another connection are passed over."""

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool) -> bool:
        """False when the broker takes no more at this moment."""

    def resume(self) -> None:
        """Read the socket again, if reading stopped because the intake was full."""

    async def close(self) -> None:
        """Say goodbye if there is anybody to say it to. Never raises."""


class BrokerUplink:
    """The :class:`~hearthline_backend.uplink.port.Uplink` port over one connection after the other.

    A connection object lives as long as one connection, so that nothing of an old one can leak into the next. Each has
    a number of its own, which is the upper part of its messages' tokens.
    """

    def __init__(
        self,
        address: BrokerAddress,
        receive_maximum: int,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """``receive_maximum`` is how many messages may be under way to us without our acknowledgement; ``changed`` is
        called when the broker is reached and when it is lost."""
        self._address = address
        self._receive_maximum = receive_maximum
        self._clock = clock
        self._changed = changed
        # Twice as many: only what nobody has to acknowledge, or what an earlier connection left, can get there.
        self._intake = Intake(2 * receive_maximum, held_back=self._is_held_back, on_room=self._resume)
        self._connection: Connection | None = None
        self._connections = 0
        self._task: asyncio.Task[None] | None = None
        self._away_since: datetime | None = clock()
        self._away_reason: str | None = None

    def _connect(self, number: int) -> Connection:
        """The engine's own: a connection that has not begun yet."""
        raise NotImplementedError

    @property
    def connected(self) -> bool:
        """Whether messages can come at this moment."""
        return self._connection is not None and self._connection.live

    @property
    def away_since(self) -> datetime | None:
        """Since when the broker is not reached; None while it is."""
        return None if self.connected else self._away_since or self._clock()

    @property
    def away_reason(self) -> str | None:
        """Why the broker is not reached, with the next step; None while it is, and before the first try has ended."""
        return None if self.connected else self._away_reason

    @property
    def waiting(self) -> int:
        """Messages that have arrived and nobody has taken yet."""
        return len(self._intake)

    async def start(self) -> None:
        """Begin to connect, and keep connecting for as long as it takes; returns at once."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_connected(), name="uplink")

    async def messages(self, most: int, linger_s: float) -> Sequence[Message]:
        """Wait for a message, then take what else is there or comes within ``linger_s``, up to ``most``."""
        return await self._intake.take(most, linger_s)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these are settled; those of an earlier connection are passed over."""
        if self._connection is not None and self._connection.live:
            self._connection.acknowledge(messages)

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool = False) -> bool:
        """Hand one answer to the broker; False when there is no connection or it takes no more at this moment."""
        if self._connection is None or not self._connection.live:
            return False
        return self._connection.publish(topic, payload, correlation, retain=retain)

    async def close(self) -> None:
        """Leave the broker; what was not acknowledged goes back to it."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _keep_connected(self) -> None:
        rng = random.Random()  # noqa: S311  # jitter, not a secret
        waits = delays(rng)
        told: str | None = None  # the same reason again is not news
        while True:
            if self._intake.full:
                log.warning("uplink_waits_until_messages_are_settled", waiting=len(self._intake))
            # What earlier connections left is still to be settled: else each new one could add to it without end.
            await self._intake.room()
            self._connections += 1
            connection = self._connection = self._connect(self._connections)
            try:
                await connection.open()
                log.info("uplink_connected", host=self._address.host, port=self._address.port)
                waits, told = delays(rng), None
                self._is_away(away=False)
                reason = await connection.lasted()
            except LostError as lost:
                reason = str(lost)
            except Exception as error:  # a fault of ours must not leave a service that never connects again
                log.exception("uplink_failed")
                reason = type(error).__name__
            finally:
                self._connection = None
                await connection.close()
            self._is_away(away=True)
            if reason != told:
                log.warning("uplink_lost", reason=reason)
            told = self._away_reason = reason
            await asyncio.sleep(next(waits))

    def _is_held_back(self) -> bool:
        return self._connection is not None and self._connection.held_back

    def _resume(self) -> None:
        if self._connection is not None:
            self._connection.resume()

    def _is_away(self, *, away: bool) -> None:
        if away is (self._away_since is not None):
            return  # a try that failed is not news
        self._away_since = self._clock() if away else None
        self._changed()
