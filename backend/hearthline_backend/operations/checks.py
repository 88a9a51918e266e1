"""What a process needs for its work, asked of the parts themselves."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.operations.readiness import Probe, Trouble
from hearthline_backend.storage.operating_figures import schema_revision
from hearthline_backend.storage.ports import ReadingStore, Records, StoreUnavailableError

STUCK_AFTER: Final = timedelta(seconds=30)
"""A message that is in hand for longer says that ingest does not get on."""
ROUND_WITHIN_S: Final = 30.0
"""What is due is gone through every second; past this something holds it up."""
_NOBODY: Final = UUID(int=0)

MARKED_EVERY: Final = timedelta(seconds=30)
"""Who takes readings says so this often."""
TAKEN_WITHIN: Final = 3 * MARKED_EVERY

Clock = Callable[[], datetime]


def records_answer(records: Records, newest: str) -> Probe:
    """Records can be read, and their schema is ``newest``."""

    async def probe() -> Trouble | None:
        try:
            async with records.read() as unit:
                found = await schema_revision(unit)
        except StoreUnavailableError:
            return Trouble(
                "the database of records does not answer: see whether it runs and whether records_url is right"
            )
        if found != newest:
            return Trouble(
                f"the records are at schema {found or 'none'}, this release needs {newest}: run `hearthline migrate`"
            )
        return None

    return probe


def readings_answer(readings: ReadingStore, clock: Clock) -> Probe:
    """The store of readings can be asked. Nobody's readings of a second: it has to look, and finds nothing."""

    async def probe() -> Trouble | None:
        now = clock()
        try:
            await readings.window(_NOBODY, "heart_rate", now - timedelta(seconds=1), now)
        except StoreUnavailableError:
            return Trouble(
                "the store of readings does not answer: see whether it runs and whether readings_url is right"
            )
        return None

    return probe


def broker_connected(away_since: Callable[[], datetime | None]) -> Probe:
    """The broker is reached and has agreed to what we subscribed to."""

    async def probe() -> Trouble | None:
        since = away_since()
        if since is None:
            return None
        return Trouble("the broker is not reached: see whether it runs, mqtt_url, and its access list", since)

    return probe


def readings_taken(records: Records, clock: Clock) -> Probe:
    """Somebody takes what homes send: this process, or another one. Not asked before they have had time to begin."""
    began = clock()

    async def probe() -> Trouble | None:
        now = clock()
        if now - began < TAKEN_WITHIN + MARKED_EVERY:
            return None
        try:
            async with records.read() as unit:
                last = await unit.silence.taken_at()
        except StoreUnavailableError:
            return None  # another check says so
        if last is not None and now - last <= TAKEN_WITHIN:
            return None
        return Trouble("nobody takes readings: see whether the processes that do run and reach the broker", last)

    return probe


def ingest_moves(
    oldest_in_hand: Callable[[], datetime | None], delayed_since: Callable[[], datetime | None], clock: Clock
) -> Probe:
    """What was taken from the broker becomes durable."""

    async def probe() -> Trouble | None:
        delayed, oldest = delayed_since(), oldest_in_hand()
        if delayed is not None:
            return Trouble("a store takes nothing: the checks of readings and records, and the log, say which", delayed)
        if oldest is not None and clock() - oldest > STUCK_AFTER:
            return Trouble(
                f"a message is in hand for over {STUCK_AFTER.seconds} s: the log says what holds it up", oldest
            )
        return None

    return probe


def due_ticks(round_age_s: Callable[[], float]) -> Probe:
    """Calls and tasks that fall due are looked for."""

    async def probe() -> Trouble | None:
        if round_age_s() <= ROUND_WITHIN_S:
            return None
        return Trouble(f"what is due was not gone through for over {ROUND_WITHIN_S:.0f} s: see whether records answer")

    return probe


def not_stopping(stopping: Callable[[], bool]) -> Probe:
    """The process has not been told to end."""

    async def probe() -> Trouble | None:
        await asyncio.sleep(0)
        return Trouble("this process is ending: ask another one") if stopping() else None

    return probe
