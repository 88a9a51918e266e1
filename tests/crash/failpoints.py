"""Where a backend can be made to die: proxies around its ports, in the tests' own wiring. The product knows none.

A process has one failpoint: the step's name and which passing of it is the last thing that the process does.
"""

import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from hearthline_backend.alerting.channels import Channel, Message
from hearthline_backend.ingest.judging import Judging, Verdict
from hearthline_backend.storage.ports import PatientReading, ReadingStore, Records
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.uplink.port import Message as Publish
from hearthline_backend.uplink.port import Uplink

INGEST_STEPS: Final = (
    "message taken",
    "readings before",
    "readings written",
    "records begun",
    "judged in the transaction",
    "records before commit",
    "records committed",
    "acknowledge before",
    "acknowledged",
    "receipt before",
    "receipt sent",
)
"""From a message to its receipt, in order."""
PLACE_STEPS: Final = (
    "places begun",
    "places before commit",
    "places committed",
)
"""Where InfluxDB's engine claims the places of readings in Records, before it writes their points."""
CALL_STEPS: Final = (
    "call claimed",
    "call before",
    "call sent",
    "call before commit",
    "call committed",
)
"""From a due notification to its end."""
SILENCE_STEPS: Final = (
    "silence begun",
    "silence before commit",
    "silence committed",
)
"""Of each of the jobs that look for what did not come."""


class Failpoint:
    """Kills this process, as the kernel would, at the ``passing``-th time that ``step`` is passed."""

    def __init__(self, step: str, passing: int) -> None:
        if step and step not in (*INGEST_STEPS, *PLACE_STEPS, *CALL_STEPS, *SILENCE_STEPS):
            raise ValueError(f"there is no step {step!r}")
        self._step = step
        self._left = passing

    def passed(self, step: str) -> None:
        """Tell that the process has come to here."""
        if step == self._step:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class _Proxy:
    """Hands on whatever it does not look at."""

    def __init__(self, inner: Any, failpoint: Failpoint) -> None:
        self._inner = inner
        self._failpoint = failpoint

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Uplink(_Proxy):
    async def messages(self, most: int, linger_s: float) -> Sequence[Publish]:
        found: Sequence[Publish] = await self._inner.messages(most, linger_s)
        self._failpoint.passed("message taken")
        return found

    def acknowledge(self, messages: Sequence[Publish]) -> None:
        self._failpoint.passed("acknowledge before")
        self._inner.acknowledge(messages)
        self._failpoint.passed("acknowledged")

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool = False) -> bool:
        self._failpoint.passed("receipt before")
        said: bool = self._inner.publish(topic, payload, correlation, retain=retain)
        self._failpoint.passed("receipt sent")
        return said


class _Readings(_Proxy):
    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        self._failpoint.passed("readings before")
        new: frozenset[UUID] = await self._inner.write(rows)
        self._failpoint.passed("readings written")
        return new


class _Records(_Proxy):
    """``begun``, ``ending`` and ``committed`` are the names of its steps."""

    def __init__(self, inner: Any, failpoint: Failpoint, begun: str, ending: str, committed: str) -> None:
        super().__init__(inner, failpoint)
        self._begun, self._ending, self._committed = begun, ending, committed

    @property
    def quiet(self) -> Any:
        """The short way, which is one transaction of its own."""
        inner = self._inner.quiet
        return None if inner is None else _Quiet(inner, self._failpoint, self._begun, self._committed)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Unit]:
        async with self._inner.begin() as unit:
            self._failpoint.passed(self._begun)
            yield unit
            self._failpoint.passed(self._ending)
        self._failpoint.passed(self._committed)


class _Quiet(_Proxy):
    def __init__(self, inner: Any, failpoint: Failpoint, begun: str, committed: str) -> None:
        super().__init__(inner, failpoint)
        self._begun, self._committed = begun, committed

    async def add(self, *arguments: Any) -> Any:
        self._failpoint.passed(self._begun)
        left_out = await self._inner.add(*arguments)
        self._failpoint.passed(self._committed)
        return left_out


class _DeliveryRecords(_Proxy):
    """Delivery has one sort of transaction: it writes how calls ended, and claims the next ones."""

    def begin(self) -> AbstractAsyncContextManager[Unit]:
        return self._turn()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Unit]:
        async with self._inner.begin() as unit:
            calls = _Calls(unit.calls)
            unit.calls = calls  # the unit keeps it in place of its own
            yield unit
            if calls.ended:
                self._failpoint.passed("call before commit")
        if calls.ended:
            self._failpoint.passed("call committed")
        if calls.claimed:
            self._failpoint.passed("call claimed")


class _Calls:
    """Notes what a transaction of delivery did."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.claimed = False
        self.ended = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def claim(self, *arguments: Any) -> Any:
        claims = await self._inner.claim(*arguments)
        self.claimed = self.claimed or bool(claims)
        return claims

    async def end_attempt(self, *arguments: Any) -> None:
        self.ended = True
        await self._inner.end_attempt(*arguments)


class _Judge(_Proxy):
    async def judge(self, unit: Unit, readings: Sequence[PatientReading], now: datetime) -> Verdict:
        verdict: Verdict = await self._inner.judge(unit, readings, now)
        self._failpoint.passed("judged in the transaction")
        return verdict


class _Channel(_Proxy):
    async def send(self, message: Message) -> None:
        self._failpoint.passed("call before")
        await self._inner.send(message)
        self._failpoint.passed("call sent")


def failing_uplink(inner: Uplink, failpoint: Failpoint) -> Uplink:
    """Dies where messages are taken, acknowledged and answered."""
    return cast("Uplink", _Uplink(inner, failpoint))


def failing_readings(inner: ReadingStore, failpoint: Failpoint) -> ReadingStore:
    """Dies where readings are written."""
    return cast("ReadingStore", _Readings(inner, failpoint))


def failing_records(inner: Records, failpoint: Failpoint) -> Records:
    """Dies in the transaction of ingest."""
    steps = ("records begun", "records before commit", "records committed")
    return cast("Records", _Records(inner, failpoint, *steps))


def failing_places(inner: Records, failpoint: Failpoint) -> Records:
    """Dies in the transactions of the store of readings."""
    return cast("Records", _Records(inner, failpoint, *PLACE_STEPS))


def failing_silence(inner: Records, failpoint: Failpoint) -> Records:
    """Dies in the transaction of a job that looks for what did not come."""
    return cast("Records", _Records(inner, failpoint, *SILENCE_STEPS))


def failing_calls(inner: Records, failpoint: Failpoint) -> Records:
    """Dies in the transaction of delivery."""
    return cast("Records", _DeliveryRecords(inner, failpoint))


def failing_judge(inner: Judging, failpoint: Failpoint) -> Judging:
    """Dies when everything was judged and nothing committed."""
    return cast("Judging", _Judge(inner, failpoint))


def failing_channel(inner: Channel, failpoint: Failpoint) -> Channel:
    """Dies where a call goes out."""
    return cast("Channel", _Channel(inner, failpoint))
