"""Proves the chain without a meter: a marked reading goes through this very outbox and uplink until its receipt.

It is decoded, normalised, kept and sent as any other, and carries ``synthetic``, by which the backend keeps it out of
every view, alert and figure, and erases it after 48 h. It borrows the address of a meter of this home where there is
one; its frame is not the meter's, so that the meter does not seem to have been heard.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from hearthline_gateway.clock import BOOT, NEVER_BEFORE, counted
from hearthline_gateway.control.messages import ProofStep
from hearthline_gateway.frame import Frame
from hearthline_gateway.normalize import normalize
from hearthline_gateway.outbox.rows import Pending
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.outbox.trace import Trace, trace
from hearthline_protocol.readings import Reading

NOBODY: Final = "00:00:00:00:00:00"
"""The sensor of the frame, and of the reading in a home without meters. No device may have this address."""
_TEMPERATURE: Final = bytes.fromhex("006E0100FF")
"""A Temperature Measurement (2A1C) of 36.6 Cel without a time stamp."""
_LOOK_EVERY_S: Final = 0.05


class ProofConnection(Protocol):
    """What a proof has to know of the uplink."""

    problem: str | None
    """Why there is no connection, with the next step; None while there is one."""

    @property
    def no_subscriber(self) -> int:
        """How often the broker said that nobody was there to read a batch."""

    @property
    def acknowledged(self) -> int:
        """How many batches the broker has acknowledged, whatever it said of them."""

    @property
    def unanswered(self) -> int:
        """How many batches of this connection the broker has not acknowledged yet."""

    @property
    def knocking(self) -> bool:
        """Whether the broker last said that nobody reads what is sent: then one batch at a time goes, with pauses."""

    def offer(self, rows: Sequence[Pending]) -> None:
        """Readings that were just committed."""


class Proof:
    """Sends marked readings. ``sensors`` are the meters of this home."""

    def __init__(
        self,
        outbox: Outbox,
        connection: ProofConnection,
        *,
        sensors: Callable[[], Sequence[str]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._outbox, self._connection, self._sensors, self._now = outbox, connection, sensors, now

    async def run(self, within_s: float) -> AsyncIterator[ProofStep]:
        """Each hop as the reading passes it; the last step is the hop where it stays, or the store."""
        clock = asyncio.get_running_loop().time
        began = clock()

        def step(hop: str, words: str, *, passed: bool = True) -> ProofStep:
            return ProofStep.model_validate(
                {"hop": hop, "passed": passed, "words": words, "seconds": round(clock() - began, 3)}
            )

        moment = self._now()
        if counted(moment):  # without the time the chain can be proved all the same, by any date that can be
            moment = NEVER_BEFORE + (moment - BOOT)
        frame, reading = marked_reading(moment, next(iter(self._sensors()), NOBODY))
        try:
            before = self._connection.acknowledged, self._connection.no_subscriber
            self._connection.offer(await self._outbox.keep(frame, (reading,)))
        except OutboxError as error:
            yield step("gateway", str(error), passed=False)
            return
        yield step("gateway", "A marked reading is kept in the outbox.")
        sent = False
        while (now := await asyncio.to_thread(trace, self._outbox.path, str(reading.id))) is not None:
            if now.attempts and not sent:
                sent = True
                yield step("internet", "The broker is reached, and the reading is sent.")
            if now.state != "pending":
                yield step("broker", "The broker passed it on, and the backend's answer back.")
                yield step("store", _answered(now), passed=now.state == "stored")
                return
            if clock() - began >= within_s:
                yield step(*self._stuck(sent, before, within_s), passed=False)
                return
            await asyncio.sleep(_LOOK_EVERY_S)
        yield step("gateway", "The reading is gone from the outbox: look at outbox.max_megabytes.", passed=False)

    def _stuck(self, sent: bool, before: tuple[int, int], within_s: float) -> tuple[str, str]:
        acknowledged, no_subscriber = before
        problem = self._connection.problem
        if problem is not None:
            return "internet", f"No connection to the broker: {problem}"
        if self._connection.acknowledged == acknowledged and (sent or self._connection.unanswered):
            return "broker", f"The broker does not answer within {within_s:.0f} s: look at its load and its log."
        if self._connection.no_subscriber > no_subscriber or self._connection.knocking:
            nobody = "Nobody at the broker reads what this gateway sends: does the backend run, at the same broker?"
            return "store", f"{nobody} The reading stays in the outbox and is sent again."
        if not sent:
            return "gateway", f"It was not sent within {within_s:.0f} s: other readings go first. Try again later."
        words = (
            f"No receipt within {within_s:.0f} s: does the backend run, and is it connected to the same broker? The "
            "reading stays in the outbox and is sent again."
        )
        return "store", words


def marked_reading(now: datetime, sensor: str) -> tuple[Frame, Reading]:
    """A reading that says it is none, and the frame it comes from."""
    frame = Frame(sensor=NOBODY, characteristic="2A1C", payload=_TEMPERATURE, received_time=now, first=True, alone=True)
    (reading,) = normalize(frame, zone=ZoneInfo("UTC"))
    return frame, reading.model_copy(update={"synthetic": True, "sensor": sensor, "live": True})


def _answered(found: Trace) -> str:
    if found.state == "stored":
        return "The backend's receipt says: stored."
    why = f" ({found.reason})" if found.reason else ""
    if found.state == "held":
        return f"The backend keeps it aside{why}: enrol this gateway and its meters there; it is then taken by itself."
    return f"The backend refused it{why}: look at the backend's quarantine."
