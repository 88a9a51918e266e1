"""The engines of the readings port. Whoever writes one adds it here; every file of the contract suite runs on it then.

A program that an engine needs is looked for in its ``open``, so that its absence skips that engine's tests out loud.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest

from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.embedded_tail import Tail
from hearthline_backend.storage.memory import MemoryReadings
from hearthline_backend.storage.ports import PatientReading, ReadingStore, Span
from tests.fixtures.influxd import INFLUXD_PATIENCE, influx_readings
from tests.fixtures.readings import PATIENT
from tests.fixtures.records import Engine as RecordsEngine
from tests.fixtures.records import temporary_records

LONG_AGO: Final = datetime(1970, 1, 2, tzinfo=UTC)
FAR: Final = datetime(2100, 1, 1, tzinfo=UTC)

OpenStore = Callable[[Path], AbstractAsyncContextManager[ReadingStore]]
"""Opens an empty store of the engine, its own in everything, for the time of the block. The folder is the test's; what
an engine keeps elsewhere it clears away at the end."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine of the port. ``name`` is what the tests are called by."""

    name: str
    open: OpenStore
    marks: tuple[pytest.MarkDecorator, ...] = ()


def _embedded(tail: Callable[[], Tail]) -> OpenStore:
    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[ReadingStore]:
        store = await EmbeddedReadings.open(folder / f"{uuid4()}.sqlite3", tail())
        try:
            yield store
        finally:
            await store.close()

    return opened


@asynccontextmanager
async def _memory(_folder: Path) -> AsyncIterator[ReadingStore]:
    store = MemoryReadings()
    yield store
    await store.close()


def _influxdb(records_engine: RecordsEngine) -> OpenStore:
    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[ReadingStore]:
        async with temporary_records(folder / str(uuid4()), records_engine) as records, influx_readings(records) as one:
            yield one

    return opened


ENGINES: Final[tuple[Engine, ...]] = (
    Engine("embedded", _embedded(Tail)),
    Engine("embedded-filled-in-at-once", _embedded(lambda: Tail(rows_a_patient=1, fewest=1, most=1))),
    Engine("memory", _memory),
    Engine("influxdb-sqlite", _influxdb("sqlite"), (INFLUXD_PATIENCE,)),
    Engine("influxdb-postgresql", _influxdb("postgresql"), (INFLUXD_PATIENCE,)),
)


async def whole_series(
    store: ReadingStore, patient: UUID = PATIENT, kind: str = "blood_pressure"
) -> list[PatientReading]:
    """Everything that the store shows of one patient and kind, asked for alone and among others."""
    others = [Span(patient, "peak_flow", LONG_AGO, FAR), Span(patient, kind, LONG_AGO, FAR)]
    alone = await store.window(patient, kind, LONG_AGO, FAR)
    nothing, together = await store.windows(others)
    assert nothing == []
    if together != alone:  # right only where somebody is writing meanwhile: then it lies between two looks
        assert _within(alone, together)
        assert _within(together, await store.window(patient, kind, LONG_AGO, FAR))
    return alone


def _within(part: list[PatientReading], whole: list[PatientReading]) -> bool:
    """Whether a part lies in the whole, in the same order."""
    ids = {one.id for one in part}
    return [one for one in whole if one.id in ids] == part
