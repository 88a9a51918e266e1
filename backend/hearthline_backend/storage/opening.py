"""Opens the store of readings that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from hearthline_backend.settings import Settings, SettingsError, secret
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.influxdb.address import EXAMPLE
from hearthline_backend.storage.ports import ReadingStore, Records
from hearthline_backend.storage.records.engine import SqlRecords

Engine = Literal["embedded", "influxdb"]


def engine_of(settings: Settings) -> Engine:
    """Which engine the settings name."""
    return "embedded" if settings.influxdb is None else "influxdb"


async def open_readings(
    settings: Settings, records: Records, engine: Engine | None = None, *, forget_other_bucket: bool = False
) -> ReadingStore:
    """The store, created where it may be. ``records`` hold the register of an engine that has none of its own; they
    are at this release's schema, and stay the caller's. ``engine`` is for who needs another one than the settings name;
    ``forget_other_bucket`` lets go of what the register says of another bucket of InfluxDB's.

    Raises ``StoreUnavailableError`` or a ``HearthlineError`` that says what to do.
    """
    if (engine or engine_of(settings)) == "embedded":
        return await EmbeddedReadings.open(settings.readings_file)
    # Its client is a fifth of a start, and of no use to who has the other engine.
    from hearthline_backend.storage.influxdb.connection import InfluxConnection  # noqa: PLC0415
    from hearthline_backend.storage.influxdb.engine import InfluxReadings  # noqa: PLC0415

    address = settings.influxdb
    if address is None or settings.influxdb_token_file is None:
        raise SettingsError(
            f"readings_url has to be InfluxDB's, such as {EXAMPLE}, and influxdb_token_file the file with its token"
        )
    token = secret(settings.influxdb_token_file, "influxdb_token_file")
    try:
        connection = InfluxConnection.open(address, token, ca_file=settings.influxdb_ca_file)
    except OSError as error:  # a certificate that is none is one, too
        path = settings.influxdb_ca_file
        raise SettingsError(f"influxdb_ca_file: {path} cannot be used ({type(error).__name__}); check it") from None
    return await InfluxReadings.open(records, connection, forget_other_bucket=forget_other_bucket)


@asynccontextmanager
async def readings_of(settings: Settings) -> AsyncIterator[ReadingStore]:
    """The store for a command that needs nothing else of Records, which are at this release's schema."""
    async with _records_of(settings) as records, _opened(settings, records) as store:
        yield store


@asynccontextmanager
async def both(
    settings: Settings, source: Engine, target: Engine, *, forget_other_bucket: bool = False
) -> AsyncIterator[tuple[ReadingStore, ReadingStore]]:
    """Two engines at once, for a copy."""
    async with (
        _records_of(settings) as records,
        _opened(settings, records, source) as one,
        _opened(settings, records, target, forget_other_bucket=forget_other_bucket) as other,
    ):
        yield one, other


@asynccontextmanager
async def _records_of(settings: Settings) -> AsyncIterator[SqlRecords]:
    records = SqlRecords.open(settings.records_address)
    try:
        yield records
    finally:
        await records.close()


@asynccontextmanager
async def _opened(
    settings: Settings, records: Records, engine: Engine | None = None, *, forget_other_bucket: bool = False
) -> AsyncIterator[ReadingStore]:
    store = await open_readings(settings, records, engine, forget_other_bucket=forget_other_bucket)
    try:
        yield store
    finally:
        await store.close()
