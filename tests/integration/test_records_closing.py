"""Records close when nobody reads any more: whoever still holds a connection gives it back first."""

import asyncio
import gc
import warnings
from pathlib import Path

from hearthline_backend.storage.records.engine import SqlRecords
from tests.fixtures.records import records_url


async def test_a_reader_that_ends_while_records_close_leaves_no_connection_open(tmp_path: Path) -> None:
    records = SqlRecords.open(records_url(tmp_path / "records.sqlite3"))
    reading, go = asyncio.Event(), asyncio.Event()

    async def read() -> None:
        async with records.read() as unit:
            await unit.connection.exec_driver_sql("SELECT 1")
            reading.set()
            await go.wait()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        reader = asyncio.create_task(read())
        await reading.wait()
        closing = asyncio.create_task(records.close())
        await asyncio.sleep(0)
        go.set()
        await reader
        await closing
        del reader, closing
        gc.collect()
    assert [str(one.message) for one in caught if "aiosqlite" in str(one.message)] == []
