"""What the InfluxDB engine promises beyond the contract: names are only names, collisions, outages, many processes."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from hearthline_backend.storage.influxdb import connection as wire
from hearthline_backend.storage.influxdb import points
from hearthline_backend.storage.influxdb.address import InfluxAddress
from hearthline_backend.storage.influxdb.bucket import BucketError
from hearthline_backend.storage.influxdb.connection import InfluxConnection, RefusedError
from hearthline_backend.storage.influxdb.engine import InfluxReadings
from hearthline_backend.storage.memory import MemoryReadings
from hearthline_backend.storage.ports import Bucket, PatientReading, Place, Records, StoreUnavailableError, Width
from hearthline_backend.storage.schema import reading_claims
from hearthline_protocol.readings import Quality
from tests.fixtures.influxd import (
    INFLUXD_PATIENCE,
    ORGANISATION,
    TOKEN,
    empty_bucket,
    influx_readings,
    running_influxd,
    shared_influxd,
)
from tests.fixtures.readings import PATIENT, of_patient, pressure, value
from tests.fixtures.records import NOW, Engine, temporary_records

pytestmark = INFLUXD_PATIENCE

BEGIN, END = NOW - timedelta(days=400), NOW + timedelta(days=1)
HOSTILE = (
    '") |> drop()',
    "a,b=c d",
    "\\",
    'x\\"',
    "line\nbreak",
    "time",
    "kept",
    "_measurement",
    "%",
    "ü 血圧",
    "",
    "{{1}}",
)


@pytest.fixture
async def records(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Records]:
    async with temporary_records(tmp_path, records_engine) as opened:
        yield opened


@pytest.fixture
async def store(records: Records) -> AsyncIterator[InfluxReadings]:
    async with influx_readings(records) as opened:
        yield opened


async def _shown(store: InfluxReadings | MemoryReadings, kind: str = "blood_pressure") -> list[PatientReading]:
    return await store.window(PATIENT, kind, BEGIN, END)


# --- names are only names -----------------------------------------------------------------------------------------


async def test_a_name_is_only_a_name_whatever_is_written_in_it(store: InfluxReadings) -> None:
    rows = {}
    for number, kind in enumerate(HOSTILE):
        values = {name or "empty": value(float(place), "1") for place, name in enumerate(HOSTILE)}
        reading = pressure(kind=kind, values=values, flags=HOSTILE, effective_time=NOW + timedelta(seconds=number))
        rows[kind] = of_patient(reading)
    assert len(await store.write(list(rows.values()))) == len(HOSTILE)
    for kind, row in rows.items():
        assert await _shown(store, kind) == [row]
        (week,) = await store.buckets(PATIENT, kind, BEGIN, END, Width.WEEK, UTC)
        assert {name: sums.mean for name, sums in week.fields.items()} == {
            name or "empty": float(place) for place, name in enumerate(HOSTILE)
        }
    assert await store.latest([PATIENT]) == {PATIENT: rows}
    assert await store.everything(PATIENT) == list(rows.values())
    moved = Place(UUID(int=2), NOW)
    assert await store.move({rows['") |> drop()'].id: moved}) == {rows['") |> drop()'].id}
    assert await _shown(store, '") |> drop()') == []
    assert [len(await _shown(store, kind)) for kind in HOSTILE[1:]] == [1] * (len(HOSTILE) - 1)


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60))
@example('"\\\n\r\t,= #')
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_comes_back_as_it_was(store: InfluxReadings, text: str) -> None:
    row = PatientReading(uuid4(), text, pressure(flags=(text,), kind=text), NOW)
    await store.write([row])
    assert await store.get(row.id) == row
    assert await store.window(row.patient_id, text, BEGIN, END) == [row]


async def test_a_long_body_with_line_breaks_means_the_same_afterwards(store: InfluxReadings) -> None:
    reading = pressure(flags=("long " * 20_000,))
    body = reading.model_dump_json(indent=2).replace("  ", "\t").replace("\n", "\r\n")
    row = PatientReading.kept(PATIENT, "home-0001", body.encode(), NOW)
    assert b"\n" in row.body
    await store.write([row])
    found = await store.get(reading.id)
    assert found is not None
    assert found == row
    assert found.body.split() == row.body.split()


# --- places -------------------------------------------------------------------------------------------------------


async def test_readings_of_one_moment_all_survive_however_their_ids_fall(store: InfluxReadings) -> None:
    same = [UUID(int=number * 4**12 * 1000) for number in range(1, 6)]  # the same digits, the same lanes for long
    rows = [of_patient(pressure(100 + number, id=one)) for number, one in enumerate([*same, uuid4(), uuid4()])]
    for part in (rows[:1], rows[1:4], rows[2:]):
        await store.write(part)
    rows.sort(key=lambda row: row.id)
    assert await _shown(store) == rows
    assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"] == rows[-1]
    assert await store.get_many([row.id for row in rows]) == {row.id: row for row in rows}
    (hour,) = await store.buckets(PATIENT, "blood_pressure", BEGIN, END, Width.HOUR, UTC)
    assert hour.fields["systolic"].count == len(rows)


async def test_a_thousand_readings_of_one_moment(store: InfluxReadings) -> None:
    rows = [of_patient(pressure(quality=Quality.QUESTIONABLE)) for _ in range(1500)]
    assert len(await store.write(rows)) == len(rows)
    assert {row.id for row in await _shown(store)} == {row.id for row in rows}
    assert await store.write(rows) == frozenset()


async def test_a_reading_moved_there_and_back_many_times_is_there_once(store: InfluxReadings) -> None:
    row, beside = of_patient(pressure()), of_patient(pressure())
    await store.write([row, beside])
    away = Place(UUID(int=2), row.effective_time)
    home = Place(PATIENT, row.effective_time)
    for _ in range(4):
        assert await store.move({row.id: away}) == {row.id}
        assert await _shown(store) == [beside]
        assert await store.move({row.id: home, uuid4(): home}) == {row.id}
        assert await _shown(store) == sorted([row, beside], key=lambda one: one.id)
    assert await store.erase(PATIENT) == 2
    assert await store.patients() == []


async def test_times_that_influxdb_does_not_know_are_kept_all_the_same(store: InfluxReadings) -> None:
    times = [datetime(1, 1, 1, tzinfo=UTC), datetime(1600, 5, 1, tzinfo=UTC), NOW, datetime(9999, 12, 31, tzinfo=UTC)]
    rows = [of_patient(pressure(effective_time=time)) for time in times]
    await store.write(rows)
    assert await store.everything(PATIENT) == rows
    assert await store.window(PATIENT, "blood_pressure", times[0], times[3]) == rows[:3]
    assert await store.window(PATIENT, "blood_pressure", times[1], datetime.max.replace(tzinfo=UTC)) == rows[1:]
    years = await store.buckets(PATIENT, "blood_pressure", times[0], times[3], Width.DAY, UTC)
    assert [day.start.year for day in years] == [1, 1600, 2026]
    assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"] == rows[3]


# --- charts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Europe/Stockholm"), ZoneInfo("Asia/Kolkata")], ids=str)
async def test_what_influxdb_sums_up_is_what_we_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: tzinfo
) -> None:
    monkeypatch.setattr(points, "MOST_NUMBERS", 50)  # as a series of millions would be
    rows, memory = _year(), MemoryReadings()
    async with temporary_records(tmp_path) as records, influx_readings(records) as store:
        for one in (store, memory):
            await one.write(rows)
        await _sums_are_equal(store, memory, zone, BEGIN, END)
        await _sums_are_equal(store, memory, zone, rows[3].effective_time, rows[-3].effective_time)
        gone = {row.id: Place(UUID(int=2), row.effective_time) for row in rows[10:400:99]}
        dated = {row.id: Place(PATIENT, row.effective_time + timedelta(hours=30)) for row in rows[20:400:99]}
        aside = {row.id: Place(PATIENT, row.effective_time, aside=True) for row in rows[30:400:99]}
        for one in (store, memory):
            await one.move(gone | dated | aside)
        await _sums_are_equal(store, memory, zone, BEGIN, END)


async def _sums_are_equal(
    store: InfluxReadings, memory: MemoryReadings, zone: tzinfo, start: datetime, end: datetime
) -> None:
    for width in Width:
        asked = (PATIENT, "blood_pressure", start, end, width, zone)
        assert _rounded(await store.buckets(*asked)) == _rounded(await memory.buckets(*asked))


def _year() -> list[PatientReading]:
    dice = random.Random(20261122)
    found = []
    for _ in range(400):
        time = NOW - timedelta(seconds=dice.randrange(365 * 86400), microseconds=dice.randrange(1_000_000))
        found.append(of_patient(pressure(dice.randint(100, 190), dice.randint(50, 110), effective_time=time)))
    same_moment = [of_patient(pressure(effective_time=found[0].effective_time)) for _ in range(5)]
    return sorted([*found, *same_moment], key=lambda row: row.effective_time)


def _rounded(buckets: list[Bucket]) -> list[Any]:
    return [
        (one.start, {name: (s.minimum, round(s.mean, 9), s.maximum, s.count) for name, s in one.fields.items()})
        for one in buckets
    ]


# --- many processes, and outages ----------------------------------------------------------------------------------


async def test_stores_that_write_the_same_at_the_same_time_keep_it_once(records: Records) -> None:
    async with (
        empty_bucket() as bucket,
        influx_readings(records, bucket) as one,
        influx_readings(records, bucket) as two,
    ):
        rows = [of_patient(pressure(effective_time=NOW - timedelta(minutes=number // 3))) for number in range(300)]
        parts = [rows[start : start + 60] for start in range(0, 241, 20)]
        await asyncio.gather(*(store.write(part) for part in parts for store in (one, two)))
        assert await _shown(one) == sorted(rows, key=lambda row: (row.effective_time, row.id))
        assert await one.write(rows) == await two.write(rows) == frozenset()
        assert await one.erase(PATIENT) == 300
        assert await _shown(two) == []


async def test_stores_that_move_the_same_at_the_same_time_leave_it_at_one_place(records: Records) -> None:
    async with (
        empty_bucket() as bucket,
        influx_readings(records, bucket) as one,
        influx_readings(records, bucket) as two,
    ):
        row = of_patient(pressure())
        await one.write([row])
        places = [Place(UUID(int=number), NOW) for number in range(2, 6)]
        moves = (store.move({row.id: place}) for place in places for store in (one, two))
        done = await asyncio.gather(*moves, return_exceptions=True)
        assert all(isinstance(end, StoreUnavailableError) or end == frozenset({row.id}) for end in done)
        seen = [found for patient in range(1, 7) for found in await two.everything(UUID(int=patient))]
        windows = [
            found
            for patient in range(1, 7)
            for found in await two.window(UUID(int=patient), "blood_pressure", BEGIN, END)
        ]
        assert seen == windows
        assert [found.id for found in seen] == [row.id]


async def test_a_reading_that_is_moved_while_others_look_is_never_lost_and_never_twice(records: Records) -> None:
    async with (
        empty_bucket() as bucket,
        influx_readings(records, bucket) as one,
        influx_readings(records, bucket) as two,
    ):
        row = of_patient(pressure())
        await one.write([row])
        moving = asyncio.create_task(_to_and_fro(one, row))
        looks = 0
        while not moving.done():
            assert [found.id for found in await _shown(two)] == [row.id]
            assert (await two.latest([PATIENT]))[PATIENT]["blood_pressure"].id == row.id
            assert (await two.get_many([row.id])).keys() == {row.id}
            looks += 1
        await moving
        assert looks > 3


async def _to_and_fro(store: InfluxReadings, row: PatientReading) -> None:
    for number in range(12):
        await store.move({row.id: Place(PATIENT, row.effective_time - timedelta(days=number % 3))})


async def test_a_store_that_is_away_says_so_without_the_token_and_recovers(records: Records) -> None:
    with running_influxd() as server:
        async with empty_bucket(server) as bucket, influx_readings(records, bucket) as store:
            before, during = of_patient(pressure()), of_patient(pressure(effective_time=NOW))
            await store.write([before])
            server.stop()
            for _ in range(3):
                with pytest.raises(StoreUnavailableError, match="cannot be reached") as told:
                    await store.write([during])
                assert TOKEN not in str(told.value)
            with pytest.raises(StoreUnavailableError):
                await _shown(store)
            server.start()
            assert await store.write([before, during]) == {during.id}
            assert await _shown(store) == [before, during]
            await _is_tidy(records, store)


async def _is_tidy(records: Records, store: InfluxReadings) -> None:
    """Of an outage no claim is left open for ever."""
    await store._writing.close()
    async with records.read() as unit:
        assert await unit.connection.scalar(select(func.count()).select_from(reading_claims)) == 0


async def test_a_store_that_does_not_answer_is_given_up(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "WRITE_WITHIN_S", 0.5)
    monkeypatch.setattr(wire, "QUERY_WITHIN_S", 0.5)
    with running_influxd() as server:
        async with empty_bucket(server) as bucket, influx_readings(records, bucket) as store:
            row = of_patient(pressure())
            server.pause()
            with pytest.raises(StoreUnavailableError, match="did not answer within"):
                await store.write([row])
            with pytest.raises(StoreUnavailableError, match="did not answer within"):
                await _shown(store)
            server.resume()
            monkeypatch.undo()
            assert await store.write([row]) in ({row.id}, frozenset())  # it may have taken it, and told nobody
            assert await _shown(store) == [row]


async def test_what_was_acknowledged_is_there_after_the_server_was_killed(records: Records) -> None:
    with running_influxd() as server:
        async with empty_bucket(server) as bucket, influx_readings(records, bucket) as store:
            rows = [of_patient(pressure(effective_time=NOW - timedelta(seconds=number))) for number in range(50)]
            await store.write(rows)
            server.stop(signal.SIGKILL)
            server.start()
            assert len(await _shown(store)) == 50
            assert await store.write(rows) == frozenset()


# --- the bucket ---------------------------------------------------------------------------------------------------


async def _open(records: Records, name: str, token: str = TOKEN, organisation: str = ORGANISATION) -> InfluxReadings:
    address = InfluxAddress(f"http://127.0.0.1:{shared_influxd().port}", organisation, name)
    return await InfluxReadings.open(records, InfluxConnection.open(address, token))


async def test_a_missing_bucket_is_made_and_forgets_nothing(records: Records) -> None:
    server, name = shared_influxd(), f"made-{uuid4().hex[:8]}"
    store = await _open(records, name)
    await store.write([of_patient(pressure(effective_time=datetime(2000, 1, 1, tzinfo=UTC)))])
    await store.close()
    (bucket,) = server.ask("GET", f"/api/v2/buckets?name={name}")["buckets"]
    assert [(rule["everySeconds"], rule["shardGroupDurationSeconds"]) for rule in bucket["retentionRules"]] == [
        (0, 52 * 7 * 86400)
    ]
    server.ask("DELETE", f"/api/v2/buckets/{bucket['id']}")


async def test_a_token_for_the_bucket_alone_is_enough(records: Records) -> None:
    server = shared_influxd()
    bucket = server.make_bucket()
    (found,) = server.ask("GET", f"/api/v2/buckets?name={bucket.name}")["buckets"]
    assert found["retentionRules"][0]["shardGroupDurationSeconds"] < 52 * 7 * 86400
    organisation = server.organisation_id
    allowed = [
        {"action": action, "resource": {"type": "buckets", "id": found["id"], "orgID": organisation}}
        for action in ("read", "write")
    ]
    token = server.ask("POST", "/api/v2/authorizations", {"orgID": organisation, "permissions": allowed})["token"]
    store = await _open(records, bucket.name, token)
    row = of_patient(pressure())
    assert await store.write([row]) == {row.id}
    assert await store.move({row.id: Place(UUID(int=2), NOW)}) == {row.id}
    assert len(await store.everything(UUID(int=2))) == 1
    assert await store.erase(UUID(int=2)) == 1
    await store.close()
    (found,) = server.ask("GET", f"/api/v2/buckets?name={bucket.name}")["buckets"]
    assert found["retentionRules"][0]["shardGroupDurationSeconds"] == 52 * 7 * 86400
    server.remove_bucket(bucket)


class _Refusing(InfluxConnection):
    async def patch(self, path: str, body: Any) -> str:
        raise RefusedError(403, self.address.base, "")


async def test_a_bucket_in_short_shards_works_and_what_to_run_is_told(records: Records) -> None:
    async with empty_bucket() as bucket:
        with structlog.testing.capture_logs() as said:
            connection = _Refusing.open(InfluxAddress.parse(bucket.url), TOKEN)
            store = await InfluxReadings.open(records, connection)
        (warning,) = said
        assert "--shard-group-duration 364d" in warning["message"]
        row = of_patient(pressure())
        assert await store.write([row]) == {row.id}
        await store.close()


async def test_a_bucket_that_forgets_is_refused_and_the_next_step_named(records: Records) -> None:
    bucket = shared_influxd().make_bucket(every_seconds=86400)
    with pytest.raises(BucketError, match="--retention 0"):
        await _open(records, bucket.name)
    shared_influxd().remove_bucket(bucket)


@pytest.mark.parametrize(
    ("token", "organisation", "said"),
    [("not-the-token", ORGANISATION, "influxdb_token_file"), (TOKEN, "nobody", "readings_url")],
)
async def test_a_wrong_token_or_organisation_is_told_by_its_setting(
    records: Records, token: str, organisation: str, said: str
) -> None:
    with pytest.raises((StoreUnavailableError, BucketError), match=said) as told:
        await _open(records, "any", token, organisation)
    assert token not in str(told.value)
