"""Rows a second into the outbox, each awaited until it is on the disk, beside SQLite without anything around it.

Both sides write the same bytes into the same folder in the same run, with a write-ahead log and full sync: alone, one
row a commit; together, 50 rows a commit. The outbox's 50 come from 50 sensors that talk at once.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from bench.frames import FRAMES
from hearthline_gateway.frame import Frame
from hearthline_gateway.normalize import normalize
from hearthline_gateway.outbox.store import Outbox
from hearthline_protocol.readings import Reading

TOGETHER: Final = 50
_START: Final = datetime(2026, 11, 22, 7, 4, 30, tzinfo=UTC)
_SYNCS: Final = 100
_BLOCK: Final = b"\0" * 4096

Kept = tuple[Frame, tuple[Reading, ...]]


@dataclass(frozen=True, slots=True)
class OutboxSpeed:
    """Rows a second, of the outbox and of bare SQLite, ``alone`` and ``together``. ``sync_ms`` is the median time that
    one fdatasync of 4 kB takes on this disk."""

    alone: float
    alone_sqlite: float
    together: float
    together_sqlite: float
    sync_ms: float


async def measure(folder: Path, rows: int) -> OutboxSpeed:
    """``rows`` for each of the four figures, a multiple of :data:`TOGETHER`."""
    sync_ms = await asyncio.to_thread(_sync_ms, folder / "sync")
    alone_sqlite = await asyncio.to_thread(_sqlite, folder / "alone.sqlite3", _kept(rows), 1)
    together_sqlite = await asyncio.to_thread(_sqlite, folder / "together.sqlite3", _kept(rows), TOGETHER)
    async with Outbox(folder / "outbox-alone.sqlite3") as outbox:
        alone = await _alone(outbox, _kept(rows))
    async with Outbox(folder / "outbox-together.sqlite3") as outbox:
        together = await _together(outbox, _kept(rows))
    return OutboxSpeed(alone, alone_sqlite, together, together_sqlite, sync_ms)


def _kept(count: int) -> Sequence[Kept]:
    """Blood pressures of 50 cuffs, each its own."""
    made: list[Kept] = []
    for number in range(count):
        sensor = f"F0:F1:00:00:18:{number % TOGETHER:02X}"
        received = _START + timedelta(seconds=number)
        payload = bytearray(FRAMES["2A35"])
        payload[1:3] = (100 + number % 100).to_bytes(2, "little")
        payload[11] = number // TOGETHER % 60  # minutes and
        payload[10] = number // TOGETHER // 60  # hours of the meter's stamp
        frame = Frame(sensor, "2A35", bytes(payload), received, "generic-blood-pressure", first=True, alone=True)
        made.append((frame, normalize(frame, zone=ZoneInfo("UTC"))))
    return made


async def _alone(outbox: Outbox, kept: Sequence[Kept]) -> float:
    began = time.perf_counter()
    for frame, readings in kept:
        await outbox.keep(frame, readings)
    return len(kept) / (time.perf_counter() - began)


async def _together(outbox: Outbox, kept: Sequence[Kept]) -> float:
    async def sensor(number: int) -> None:
        for frame, readings in kept[number::TOGETHER]:
            await outbox.keep(frame, readings)

    began = time.perf_counter()
    await asyncio.gather(*(sensor(number) for number in range(TOGETHER)))
    return len(kept) / (time.perf_counter() - began)


def _sqlite(path: Path, kept: Sequence[Kept], a_commit: int) -> float:
    rows = [(str(one.id), frame.payload, one.model_dump_json()) for frame, readings in kept for one in readings]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE readings (id TEXT PRIMARY KEY, payload BLOB NOT NULL, reading TEXT NOT NULL)")
        began = time.perf_counter()
        for start in range(0, len(rows), a_commit):
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO readings VALUES (?, ?, ?)", rows[start : start + a_commit])
            db.execute("COMMIT")
        return len(rows) / (time.perf_counter() - began)


def _sync_ms(path: Path) -> float:
    took: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(_BLOCK)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return sorted(took)[_SYNCS // 2] * 1000
