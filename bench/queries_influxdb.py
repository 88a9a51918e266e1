"""InfluxDB in the benchmark of queries: our engine, and beside it bare Flux over the same data.

The bare queries ask InfluxDB alone, without our engine, for what answers the same question, and read the answer's text
without taking it apart: what remains is what InfluxDB and the wire cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import aiohttp

from bench.queries_asked import ZONE, Answers, Questions, ask, timed
from bench.queries_population import END, FIVE_YEARS, KIND, RECENT, Population
from bench.rounds import BenchError
from hearthline_backend.storage.influxdb.address import InfluxAddress
from hearthline_backend.storage.influxdb.connection import InfluxConnection
from hearthline_backend.storage.influxdb.engine import InfluxReadings
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.records.engine import SqlRecords
from tests.fixtures.influxd import ORGANISATION, TOKEN, InfluxBucket, running_influxd

GROUP: Final = 500


@dataclass(frozen=True, slots=True)
class InfluxFound:
    """``bare`` are the answers to bare Flux, to the same questions."""

    answers: Answers
    bare: Answers
    readings: int
    disk_bytes: int


async def measure(folder: Path, population: Population, asked: Questions) -> InfluxFound:
    """Start a server of one's own, fill it and ask. Raises what :func:`tests.fixtures.influxd.influxd` does where there
    is none."""
    with running_influxd() as server:
        url = f"sqlite+aiosqlite:///{folder / 'records.sqlite3'}"
        await migrate(url)
        records = SqlRecords.open(url)
        bucket = server.make_bucket()
        try:
            store = await InfluxReadings.open(records, InfluxConnection.open(InfluxAddress.parse(bucket.url), TOKEN))
            try:
                count = 0
                for group in population.groups(GROUP):
                    count += len(await store.write(group))
                answers = await ask(store, asked)
                bare = await _ask_bare(bucket, asked)
            finally:
                await store.close()
        finally:
            await records.close()
        server.stop()  # it writes what it holds in memory
        size = sum(file.stat().st_size for file in (server.directory / "engine").rglob("*") if file.is_file())
        return InfluxFound(answers, bare, count, size)


async def _ask_bare(bucket: InfluxBucket, asked: Questions) -> Answers:
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/vnd.flux"}
    url = f"http://127.0.0.1:{bucket.server.port}/api/v2/query?org={ORGANISATION}"
    async with aiohttp.ClientSession(headers=headers) as session:

        async def bare(flux: str) -> int:
            async with session.post(url, data=flux) as answer:
                text = await answer.text()
                if answer.status != 200:
                    raise BenchError(f"bare Flux was answered {answer.status}")
            return len(text.splitlines()) - 1

        async def patient_90d(patient: UUID) -> int:
            return await bare(_of(bucket, patient, 'r._field == "kept"', RECENT))

        async def five_years_by_day(patient: UUID) -> int:
            return await bare(_summed(_of(bucket, patient, 'r._field != "kept"', FIVE_YEARS)))

        async def ward_latest(ward: Sequence[UUID]) -> int:
            return await bare(_last(bucket, ward))

        return Answers(
            {
                "patient_90d": await timed(patient_90d, asked.patients),
                "five_years_by_day": await timed(five_years_by_day, asked.long),
                "ward_latest": await timed(ward_latest, asked.wards),
            }
        )


def _of(bucket: InfluxBucket, patient: UUID, fields: str, back: timedelta) -> str:
    start, stop = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (END - back, END))
    return (
        f'from(bucket: "{bucket.name}") |> range(start: {start}, stop: {stop})'
        f' |> filter(fn: (r) => r.patient == "{patient}" and r.kind == "{KIND}" and {fields})'
    )


def _summed(data: str) -> str:
    """The same four figures by day that a bucket has."""
    zone = f'import "timezone"\noption location = timezone.location(name: "{ZONE.key}")\n'
    each = "\n".join(
        f'data |> aggregateWindow(every: 1d, fn: {name}, createEmpty: false) |> yield(name: "{name}")'
        for name in ("min", "mean", "max", "count")
    )
    return f"{zone}data = {data}\n{each}"


def _last(bucket: InfluxBucket, ward: Sequence[UUID]) -> str:
    anybody = "|".join(str(one) for one in ward)
    return (
        f'from(bucket: "{bucket.name}") |> range(start: 0)'
        f' |> filter(fn: (r) => r._field == "kept" and r.patient =~ /^({anybody})$/) |> last()'
    )
