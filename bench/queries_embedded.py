"""The embedded engine in the benchmark of queries."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.queries_asked import Answers, Questions, ask
from bench.queries_population import Population
from hearthline_backend.storage.embedded import EmbeddedReadings

GROUP: Final = 2000


@dataclass(frozen=True, slots=True)
class EmbeddedFound:
    """``readings`` in a file of so many bytes, written in so many seconds in groups of :data:`GROUP`."""

    answers: Answers
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
    store = await EmbeddedReadings.open(path)
    try:
        answers = await ask(store, asked)
    finally:
        await store.close()
    size = path.stat().st_size
    path.unlink()
    return EmbeddedFound(answers, count, size, written_s, cpu_s / count * 1_000_000)
