"""What bounds ingest, measured in the same run: the broker alone, receiving alone, writing alone, one commit alone."""

import asyncio
import json
import shutil
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from bench.ingest_patients import patient_id
from bench.ingest_readings import Load, gateway, patient_of, payloads
from bench.ingest_stand import LoadError, Numbers, Stand
from bench.usage import processor_s
from hearthline_backend.quick_reading import quick_reading
from hearthline_backend.storage.ports import PatientReading, ReadingStore
from hearthline_protocol import topics

CONSUMED_WITHIN_S: Final = 300.0
WRITE_GROUP: Final = 1000
_ROW_BYTES: Final = 800


@dataclass(frozen=True, slots=True)
class Consumed:
    """Messages a second from the first publish to the last one consumed, and processor microseconds of the consumer and
    the broker for each."""

    per_s: float
    consumer_us: float
    broker_us: float


async def mosquitto_sub(folder: Path, numbers: Numbers, messages: int, batch: int) -> Consumed | None:
    """``mosquitto_sub -q 1 >file``; None where it is not installed."""
    program = shutil.which("mosquitto_sub")
    if program is None:
        return None
    async with Stand(folder) as stand:
        output = folder / "mosquitto_sub.out"
        words = [program, "-h", "127.0.0.1", "-p", str(stand.port), "-V", "mqttv5", "-q", "1"]
        words += ["-t", topics.ALL_READINGS, "-C", str(messages + 1)]  # one more: what found out that it listens
        child = await stand.start_program("mosquitto_sub", words, output)
        ended = asyncio.create_task(_when_ended(child.process))
        measured = await stand.publish(numbers.load(messages, batch), receipted=False)
        async with asyncio.timeout(CONSUMED_WITHIN_S):
            last, consumer_s = await ended
        output.unlink()
    wall = last - measured.report.began
    return Consumed(messages / wall, consumer_s / messages * 1e6, measured.broker_cpu_s / messages * 1e6)


async def _when_ended(process: asyncio.subprocess.Process) -> tuple[float, float]:
    # Its processor time stays readable only while it lives: the last look before its end is what counts.
    spent = 0.0
    waiting = asyncio.ensure_future(process.wait())
    while not waiting.done():
        with suppress(psutil.NoSuchProcess):
            spent = processor_s(process.pid) or spent
        await asyncio.wait((waiting,), timeout=0.01)
    await waiting
    return time.monotonic(), spent


async def receive_only(folder: Path, numbers: Numbers, messages: int, batch: int, engine: str) -> Consumed:
    """The engine of the uplink, acknowledging and nothing else."""
    async with Stand(folder) as stand:
        output = folder / "receiver.out"
        words = (sys.executable, "-m", "bench.ingest_receiver", str(stand.port), engine, str(messages))
        child = await stand.start_program("receiver", words, output)
        measured = await stand.publish(numbers.load(messages, batch), receipted=False)
        async with asyncio.timeout(CONSUMED_WITHIN_S):
            if await child.process.wait():
                raise LoadError(f"the receiver failed:\n{child.tail()}")
        lines = [json.loads(line) for line in output.read_text().splitlines() if line.startswith("[")]
        output.unlink()
    (_, cpu_before), (last, cpu_after) = lines
    wall = last - measured.report.began
    return Consumed(messages / wall, (cpu_after - cpu_before) / messages * 1e6, measured.broker_cpu_s / messages * 1e6)


def rows_of(load: Load) -> list[PatientReading]:
    """The readings of a load as the store takes them."""
    now = datetime.now(UTC)
    rows: list[PatientReading] = []
    for home, payload in payloads(load):
        for one in json.loads(payload)["readings"]:
            body = json.dumps(one, separators=(",", ":")).encode()
            content = quick_reading(body)
            if content is None:
                raise LoadError("the quick model does not take the benchmark's own readings")
            patient = patient_id(patient_of(one["sensor"]))
            rows.append(PatientReading.quick(patient, gateway(home), body, now, content))
    return rows


async def write_only(store: ReadingStore, rows: Sequence[PatientReading]) -> float:
    """Readings a second that the store takes in groups of ``WRITE_GROUP``, durable."""
    began = time.perf_counter()
    for at in range(0, len(rows), WRITE_GROUP):
        await store.write(rows[at : at + WRITE_GROUP])
    return len(rows) / (time.perf_counter() - began)


def bare_commits_ms(file: Path, group: int, commits: int) -> list[float]:
    """How long each commit of ``group`` rows takes in bare SQLite with the same promise: write-ahead log, full sync."""
    found: list[float] = []
    with sqlite3.connect(file, isolation_level=None) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE bare (number INTEGER PRIMARY KEY, body BLOB)")
        for commit in range(commits):
            rows = [(commit * group + one, b"x" * _ROW_BYTES) for one in range(group)]
            began = time.perf_counter()
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO bare VALUES (?, ?)", rows)
            database.execute("COMMIT")
            found.append((time.perf_counter() - began) * 1000)
    database.close()
    return found
