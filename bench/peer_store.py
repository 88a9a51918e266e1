"""The InfluxDB 2 that every peer writes to: killed, started again, and asked what it holds."""

import asyncio
import csv
import io
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from bench.usage import usage_of
from tests.fixtures.influxd import ORGANISATION, TOKEN, InfluxServer, running_influxd

_ASK: Final = aiohttp.ClientTimeout(total=120)
_HEADERS: Final = {"Authorization": f"Token {TOKEN}"}


class PeerStore:
    """One server. Use :func:`peer_store`."""

    def __init__(self, server: InfluxServer, session: aiohttp.ClientSession) -> None:
        self._server = server
        self._session = session

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def cpu_s(self) -> float:
        """What it has used since its last start, in seconds of a processor."""
        return usage_of(self._server.pid).cpu_s

    async def kill(self) -> None:
        """As a crash does."""
        await asyncio.to_thread(self._server.stop, signal.SIGKILL)

    async def start(self) -> None:
        """Again, with what is there; returns when it answers."""
        await asyncio.to_thread(self._server.start)

    async def new_bucket(self) -> str:
        """An empty one that keeps everything; its name."""
        return (await asyncio.to_thread(self._server.make_bucket)).name

    async def taken(self) -> float:
        """A number that grows with whatever is written since its start. Costs next to nothing."""
        async with self._session.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("storage_writer_ok_points_sum"))

    async def stored(self, bucket: str, field: str) -> int:
        """How many points of a bucket have this field."""
        flux = (
            f'from(bucket: "{bucket}") |> range(start: 0, stop: 2100-01-01T00:00:00Z) '
            f'|> filter(fn: (r) => r._field == "{field}") |> count() |> group() |> sum()'
        )
        body = {"query": flux, "dialect": {"header": True, "annotations": []}}
        url = f"{self.url}/api/v2/query?org={ORGANISATION}"
        async with self._session.post(url, json=body, headers=_HEADERS) as answer:
            answer.raise_for_status()
            rows = list(csv.DictReader(io.StringIO((await answer.text()).strip())))
        return int(rows[0]["_value"]) if rows else 0


@asynccontextmanager
async def peer_store() -> AsyncIterator[PeerStore]:
    """Started and set up, in a folder of its own; gone with the block."""
    with running_influxd() as server:
        async with aiohttp.ClientSession(timeout=_ASK) as session:
            yield PeerStore(server, session)
