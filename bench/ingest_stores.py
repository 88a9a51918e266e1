"""The stores that the ingest benchmark runs on: the embedded ones in a folder, or InfluxDB and PostgreSQL as servers of
their own, with what an installation sets for them."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.ingest_limits import write_only
from bench.ingest_patients import write_homes
from hearthline_backend.settings import READINGS_FILE, RECORDS_FILE
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.influxdb.address import InfluxAddress
from hearthline_backend.storage.influxdb.connection import InfluxConnection
from hearthline_backend.storage.influxdb.engine import InfluxReadings
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.engine import SqlRecords
from tests.fixtures.influxd import TOKEN, running_influxd
from tests.fixtures.postgresql import empty_database, running_postgresql


@dataclass(frozen=True, slots=True)
class Stores:
    """``settings`` by their names without the prefix; ``servers`` are process ids."""

    name: str
    settings: Mapping[str, str]
    records_url: str
    servers: Sequence[int] = ()

    async def write_limit(self, folder: Path, rows: Sequence[PatientReading]) -> float:
        """Readings a second that the store of readings takes with nothing else to do."""
        if self.name == "embedded":
            embedded = await EmbeddedReadings.open(folder / "limit.sqlite3")
            try:
                return await write_only(embedded, rows)
            finally:
                await embedded.close()
        records = SqlRecords.open(self.records_url)
        connection = InfluxConnection.open(InfluxAddress.parse(self.settings["READINGS_URL"]), TOKEN)
        influx = await InfluxReadings.open(records, connection)
        try:
            return await write_only(influx, rows)
        finally:
            await influx.close()
            await records.close()


async def homes_file(folder: Path) -> Path:
    """A file of Records with every home, to be copied."""
    file = folder / "homes.sqlite3"
    await write_homes(f"sqlite+aiosqlite:///{file}")
    return file


@asynccontextmanager
async def embedded_stores(folder: Path, written: Path) -> AsyncIterator[Stores]:
    """Two SQLite files in ``folder``; the homes are those of ``written``, a file of Records."""
    data = folder / "data"
    await asyncio.to_thread(data.mkdir, parents=True)
    await asyncio.to_thread(shutil.copyfile, written, data / RECORDS_FILE)
    url = f"sqlite+aiosqlite:///{data / RECORDS_FILE}"
    readings = f"embedded://{data / READINGS_FILE}"
    yield Stores("embedded", {"DATA_DIR": str(data), "READINGS_URL": readings}, url)


@asynccontextmanager
async def server_stores(folder: Path) -> AsyncIterator[Stores]:
    """An InfluxDB 2 and a PostgreSQL, both as durable as they come, the homes written."""
    data, token = folder / "data", folder / "influxdb-token"
    await asyncio.to_thread(data.mkdir, parents=True)
    await asyncio.to_thread(token.write_text, TOKEN)
    with running_influxd() as influx, running_postgresql(options=("shared_buffers=128MB",)) as postgres:
        bucket = influx.make_bucket()
        async with empty_database(postgres) as url:
            await write_homes(url)
            settings = {
                "DATA_DIR": str(data),
                "READINGS_URL": bucket.url,
                "INFLUXDB_TOKEN_FILE": str(token),
                "RECORDS_URL": url,
            }
            yield Stores("influxdb", settings, url, (influx.pid, postgres.pid))
