"""``python -m bench.outbox_wear [--quick] [--json]``: what a reading costs a memory card, in bytes and in syncs.

The gateway's own outbox on this machine's disk, without radio and broker: each reading is kept, noted as sent, and
receipted. Bytes are the kernel's count of what this process had written to the disk (``/proc/self/io``), syncs are the
outbox's commits that waited for the disk and, for each time SQLite carried its journal over into the file, three more.
A missed aim is said, and is no failure.
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from bench.percentile import percentile
from bench.rows import Row, as_json, as_table
from hearthline_gateway.frame import Frame, MeterClock
from hearthline_gateway.normalize import normalize
from hearthline_gateway.outbox.store import Outbox
from hearthline_protocol.messages import Receipt, ReceiptEntry, ReceiptStatus

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "wear.md"
_HEAD: Final = """# Wear of the memory card

<!-- Written by `python -m bench.outbox_wear --write`. -->

A memory card dies of writes, and a sync costs it tens of milliseconds. So the outbox syncs a promise (this reading is
kept) and nothing else: which batch a reading travels in and what a receipt said is committed without a sync. A power
cut may take such a note; the reading is then sent once more, which changes nothing at the backend.

"""
_TAIL: Final = """
*Live* is a single reading, kept, sent and receipted; *ten meters* talk within 20 ms of one another, as they do where
many hang on one gateway. Work that waits while the disk is busy is committed together in any case. `outbox.linger_ms`
lets a commit wait longer for company: it saves syncs only where meters talk at once, and makes each reading that much
later, so it is 0 unless set. A home of 20 readings a day writes the figure of a year above; cards are sold for
thousands of times as much.
"""
_READINGS: Final = 2000
_READINGS_QUICK: Final = 300
_AT_ONCE: Final = 10
"""Meters that talk within the same few milliseconds."""
_APART_S: Final = 0.002
_SYNCS_A_CHECKPOINT: Final = 3
"""The journal, the file, and the journal's new head (SQLite, "Write-Ahead Logging", synchronous=FULL)."""
_A_DAY: Final = 20
"""Readings of a home with two people who measure a lot."""
_HEARD: Final = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
_ZONE: Final = ZoneInfo("Europe/Madrid")


@dataclass(frozen=True, slots=True)
class Wear:
    """Of one way of working: per reading, and the seconds until each was durable."""

    kilobytes: float
    syncs: float
    waits: Sequence[float]


def _frame(number: int) -> Frame:
    """A cuff's, each number another measurement."""
    moment = _HEARD + timedelta(minutes=number)
    face = moment.year.to_bytes(2, "little") + bytes((moment.month, moment.day, moment.hour, moment.minute, 0))
    payload = b"\x02" + b"".join(value.to_bytes(2, "little") for value in (120 + number % 60, 80, 93)) + face
    sensor = f"A4:C1:38:01:02:{number % _AT_ONCE:02X}"
    return Frame(sensor, "2A35", payload, moment, "generic-blood-pressure", MeterClock(timedelta(0), moment))


async def _one(outbox: Outbox, number: int, *, receipt: bool, after_s: float) -> float:
    """Keep a reading, and have it sent and receipted; returns the seconds until it was durable."""
    frame = _frame(number)
    readings = normalize(frame, zone=_ZONE)
    if after_s:
        await asyncio.sleep(after_s)
    began = time.perf_counter()
    added = await outbox.keep(frame, readings)
    waited = time.perf_counter() - began
    if receipt:
        batch = str(UUID(int=number))
        await outbox.sent(batch, [row.seq for row in added])
        stored = tuple(ReceiptEntry(id=reading.id, status=ReceiptStatus.STORED) for reading in readings)
        await outbox.answered(Receipt(batch=batch, readings=stored))
    return waited


async def measure(folder: Path, count: int, *, at_once: int, linger_ms: float = 0.0, receipt: bool = True) -> Wear:
    """``count`` readings, ``at_once`` of them at a time."""
    path = folder / "outbox.sqlite3"
    waits: list[float] = []
    async with Outbox(path, linger_s=linger_ms / 1000) as outbox:
        written = _written()
        for begin in range(0, count, at_once):
            waits += await asyncio.gather(
                *(_one(outbox, begin + meter, receipt=receipt, after_s=meter * _APART_S) for meter in range(at_once))
            )
        syncs = outbox.synced_commits + _SYNCS_A_CHECKPOINT * _checkpoints(path)
        kilobytes = (_written() - written) / 1000
    return Wear(kilobytes / len(waits), syncs / len(waits), waits)


def _written() -> int:
    """Bytes this process has had written to a disk."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def _checkpoints(path: Path) -> int:
    """How often the journal began anew: its head counts them."""
    return int.from_bytes(path.with_name(f"{path.name}-wal").read_bytes()[12:16])


async def _in_own_folder(count: int, **options: float | bool) -> Wear:
    with tempfile.TemporaryDirectory(prefix="hearthline-wear-") as name:
        return await measure(Path(name), count, **options)  # type: ignore[arg-type] # the options of measure, by name


async def run(count: int) -> tuple[Row, ...]:
    """Every figure."""
    live = await _in_own_folder(count, at_once=1)
    kept = await _in_own_folder(count, at_once=1, receipt=False)
    rows = [
        Row("live_syncs_per_reading", live.syncs, "", aim=1.2),
        Row("live_kb_written_per_reading", live.kilobytes, "kB", aim=150.0),
        Row("kept_only_kb_written_per_reading", kept.kilobytes, "kB"),
        Row("live_durable_p50_ms", percentile(live.waits, 50) * 1000, "ms"),
        Row("home_mb_written_per_year", live.kilobytes * _A_DAY * 365 / 1000, "MB", aim=2000.0),
    ]
    for linger_ms in (0, 5, 20):
        many = await _in_own_folder(count, at_once=_AT_ONCE, linger_ms=linger_ms)
        name = f"ten_meters_linger_{linger_ms}"
        rows += [
            Row(f"{name}_syncs_per_reading", many.syncs, ""),
            Row(f"{name}_kb_written_per_reading", many.kilobytes, "kB"),
            Row(f"{name}_durable_p50_ms", percentile(many.waits, 50) * 1000, "ms"),
        ]
    return tuple(rows)


def page(rows: Sequence[Row], count: int) -> str:
    """docs/reference/wear.md."""
    machine = f"{datetime.now(UTC):%Y-%m-%d}, {count:,} readings each way, SQLite {sqlite3.sqlite_version}"
    lines = "".join(f"| {row.name} | {row.value:.4g} {row.unit} |\n" for row in rows)
    return f"{_HEAD}{machine}:\n\n| figure | value |\n| --- | --- |\n{lines}{_TAIL}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.outbox_wear", description="What a reading costs a card.")
    parser.add_argument("--quick", action="store_true", help=f"{_READINGS_QUICK} readings instead of {_READINGS}")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--write", action="store_true", help="write docs/reference/wear.md as well")
    options = parser.parse_args(arguments)
    count = _READINGS_QUICK if options.quick else _READINGS
    rows = asyncio.run(run(count))
    if options.write:
        PAGE.write_text(page(rows, count), encoding="utf-8")
    print(as_json(rows) if options.json else as_table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
