"""The pairs of stores that a crash test runs on: what one machine has, and what production has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.influxdb.address import InfluxAddress
from hearthline_backend.storage.influxdb.connection import InfluxConnection
from hearthline_backend.storage.influxdb.engine import InfluxReadings
from hearthline_backend.storage.ports import ReadingStore, Records
from tests.fixtures.influxd import TOKEN, empty_bucket
from tests.fixtures.records import migrated_records

Pair = Literal["embedded", "production"]
"""SQLite and SQLite, or InfluxDB and PostgreSQL."""
_EMBEDDED: Final = "embedded:///"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of the two stores, for as many processes as want to open them."""

    readings: str
    records: str


@asynccontextmanager
async def stores(pair: Pair, folder: Path) -> AsyncIterator[Addresses]:
    """Both stores, empty; gone at the end."""
    if pair == "production":
        async with empty_bucket() as bucket, migrated_records(folder, "postgresql") as records:
            yield Addresses(bucket.url, records)
        return
    async with migrated_records(folder, "sqlite") as records:
        yield Addresses(f"{_EMBEDDED}{folder / 'readings.sqlite3'}", records)


@asynccontextmanager
async def open_readings(address: str, records: Records) -> AsyncIterator[ReadingStore]:
    """The store of readings at an address; ``records`` are where InfluxDB's engine keeps its register."""
    store: EmbeddedReadings | InfluxReadings
    if address.startswith(_EMBEDDED):
        store = await EmbeddedReadings.open(Path("/") / address.removeprefix(_EMBEDDED))
    else:
        store = await InfluxReadings.open(records, InfluxConnection.open(InfluxAddress.parse(address), TOKEN))
    try:
        yield store
    finally:
        await store.close()
