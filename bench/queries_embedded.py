"""The embedded engine in the benchmark of queries."""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.queries_asked import Answers, Questions, ask
from bench.queries_population import Population
from hearthline_backend.storage.embedded import EmbeddedReadings

GROUP: Final = 2000
_COLD_SHARE: Final = 10
_PIECE_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EmbeddedFound:
    """``readings`` in a file of so many bytes, written in so many seconds in groups of :data:`GROUP`. ``cold`` are the
    answers when nothing of the file is in the machine's memory, ``answers`` those when all of it is."""

    answers: Answers
    cold: Answers
    readings: int
    file_bytes: int
    written_s: float
    write_cpu_us: float


async def measure(folder: Path, population: Population, asked: Questions) -> EmbeddedFound:
    """Write a file in the folder, close it, open it and ask; the file is gone at the end."""
    path = folder / "readings.sqlite3"
    count, began, cpu_s = 0, time.perf_counter(), 0.0
    store = await EmbeddedReadings.open(path)
    try:
        for group in population.groups(GROUP):
            before = time.process_time()
            count += len(await store.write(group))
            cpu_s += time.process_time() - before
    finally:
        await store.close()
    written_s = time.perf_counter() - began
    await asyncio.to_thread(_put_out_of_memory, path)
    cold = await _asked(path, asked.some(_COLD_SHARE))
    await asyncio.to_thread(_read_into_memory, path)
    answers = await _asked(path, asked)
    size = path.stat().st_size
    path.unlink()
    return EmbeddedFound(answers, cold, count, size, written_s, cpu_s / count * 1_000_000)


async def _asked(path: Path, asked: Questions) -> Answers:
    store = await EmbeddedReadings.open(path)
    try:
        return await ask(store, asked)
    finally:
        await store.close()


def _put_out_of_memory(path: Path) -> None:
    with path.open("rb") as file:
        os.fdatasync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read_into_memory(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(_PIECE_BYTES):
            pass
