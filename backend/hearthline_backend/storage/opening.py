"""Opens the store of readings that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hearthline_backend.settings import Settings, SettingsError, secret
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.influxdb.connection import InfluxConnection
from hearthline_backend.storage.influxdb.engine import InfluxReadings
from hearthline_backend.storage.ports import ReadingStore, Records
from hearthline_backend.storage.records.engine import SqlRecords


async def open_readings(settings: Settings, records: Records) -> ReadingStore:
    """The store, created where it may be. ``records`` hold the register of an engine that has none of its own; they
    are at this release's schema, and stay the caller's.

    Raises ``StoreUnavailableError`` or a ``HearthlineError`` that says what to do.
    """
    address = settings.influxdb
    if address is None:
        return await EmbeddedReadings.open(settings.readings_file)
    if settings.influxdb_token_file is None:
        raise SettingsError("influxdb_token_file is needed where readings_url is InfluxDB's")
    token = secret(settings.influxdb_token_file, "influxdb_token_file")
    try:
        connection = InfluxConnection.open(address, token, ca_file=settings.influxdb_ca_file)
    except OSError as error:  # a certificate that is none is one, too
        path = settings.influxdb_ca_file
        raise SettingsError(f"influxdb_ca_file: {path} cannot be used ({type(error).__name__}); check it") from None
    return await InfluxReadings.open(records, connection)


@asynccontextmanager
async def readings_of(settings: Settings) -> AsyncIterator[ReadingStore]:
    """The store for a command that needs nothing else of Records, which are at this release's schema."""
    records = SqlRecords.open(settings.records_address)
    try:
        store = await open_readings(settings, records)
        try:
            yield store
        finally:
            await store.close()
    finally:
        await records.close()
