"""What every engine of the readings port promises of buckets: what counts, and where days and weeks of a zone begin."""

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthline_backend.storage.ports import Bucket, PatientReading, ReadingStore, Summary, Width
from hearthline_protocol.readings import Quality
from tests.contract.reading_stores import FAR, LONG_AGO
from tests.fixtures.readings import PATIENT, of_patient, pressure, value
from tests.fixtures.records import NOW

MADRID = ZoneInfo("Europe/Madrid")
ZONES = ("UTC", "Europe/Madrid", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Havana")
KIND = "blood_pressure"


async def _buckets(store: ReadingStore, width: Width, zone: tzinfo = UTC, patient: UUID = PATIENT) -> list[Bucket]:
    return await store.buckets(patient, KIND, LONG_AGO, FAR, width, zone)


def _at(moment: datetime, systolic: float = 120, patient: UUID = PATIENT, **other: Any) -> PatientReading:
    return of_patient(pressure(systolic, effective_time=moment, **other), patient)


def _counts(found: Sequence[Bucket]) -> list[tuple[datetime, int]]:
    return [(one.start, one.fields["systolic"].count) for one in found]


async def test_a_bucket_says_least_mean_most_and_how_many_of_each_field(store: ReadingStore) -> None:
    await store.write(
        [_at(NOW + timedelta(minutes=number), systolic) for number, systolic in enumerate((130, 120, 155))]
    )
    (found,) = await _buckets(store, Width.DAY)
    assert found.start == datetime(2026, 11, 22, tzinfo=UTC)
    assert found.fields["systolic"] == Summary(120, 135, 155, 3)
    assert found.fields["diastolic"] == Summary(82, 82, 82, 3)
    assert set(found.fields) == {"systolic", "diastolic", "pulse"}


@pytest.mark.parametrize(
    "uncounted",
    [
        {"quality": Quality.FAILED, "values": {}},
        {"quality": Quality.NOT_PATIENT},
        {"quality": Quality.BEYOND_HIGH, "values": {"systolic": value(300, "mm[Hg]", ">")}},
        {"quality": Quality.BEYOND_LOW, "values": {"systolic": value(None, "mm[Hg]", "<")}},
        {"synthetic": True},
        {"kind": "heart_rate", "values": {"systolic": value(70, "/min")}},
    ],
)
async def test_only_numbers_that_were_measured_count(store: ReadingStore, uncounted: dict[str, Any]) -> None:
    counted = _at(NOW, 140, quality=Quality.QUESTIONABLE)
    alone = NOW + timedelta(days=40)
    await store.write([counted, _at(NOW, **uncounted), _at(alone, **uncounted), _at(NOW, 200, UUID(int=2))])
    (found,) = await _buckets(store, Width.DAY)
    assert found.fields["systolic"] == Summary(140, 140, 140, 1)


async def test_a_field_beyond_what_the_meter_can_process_does_not_hide_the_others(store: ReadingStore) -> None:
    values = {"systolic": value(300, "mm[Hg]", ">"), "diastolic": value(110, "mm[Hg]")}
    await store.write([_at(NOW, quality=Quality.BEYOND_HIGH, values=values)])
    (found,) = await _buckets(store, Width.HOUR)
    assert found.fields == {"diastolic": Summary(110, 110, 110, 1)}


@pytest.mark.parametrize(
    ("day", "begins", "hours"),
    [
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
    ],
)
async def test_a_day_is_as_long_as_the_zone_makes_it(
    store: ReadingStore, day: date, begins: datetime, hours: int
) -> None:
    await store.write([_at(begins + timedelta(hours=number)) for number in range(-24, 49)])
    before, found, *_ = _counts(await _buckets(store, Width.DAY, MADRID))
    assert before == (begins - timedelta(days=1), 24)
    assert found == (begins, hours)
    assert begins.astimezone(MADRID) == datetime.combine(day, time(), MADRID)


async def test_a_week_begins_on_monday_in_the_zone_and_may_be_an_hour_longer(store: ReadingStore) -> None:
    monday = datetime(2026, 10, 18, 22, tzinfo=UTC)
    await store.write([_at(monday + timedelta(hours=number)) for number in range(-1, 7 * 24 + 2)])
    assert _counts(await _buckets(store, Width.WEEK, MADRID)) == [
        (monday - timedelta(days=7), 1),
        (monday, 7 * 24 + 1),
        (monday + timedelta(days=7, hours=1), 1),
    ]


async def test_an_hour_is_one_of_utc_and_the_hour_that_comes_twice_is_two(store: ReadingStore) -> None:
    begins = datetime(2026, 10, 25, tzinfo=UTC)
    await store.write([_at(begins + timedelta(minutes=number)) for number in range(0, 180, 20)])
    expected = [(begins + timedelta(hours=number), 3) for number in range(3)]
    assert _counts(await _buckets(store, Width.HOUR, MADRID)) == expected
    assert _counts(await _buckets(store, Width.HOUR, ZoneInfo("Asia/Kolkata"))) == expected


async def test_a_day_whose_midnight_the_clock_skipped_begins_where_it_went_on(store: ReadingStore) -> None:
    skipped = datetime(2026, 3, 8, 5, tzinfo=UTC)  # in Havana 00:00 became 01:00
    await store.write([_at(skipped + timedelta(minutes=number)) for number in (-1, 0, 30)])
    found = _counts(await _buckets(store, Width.DAY, ZoneInfo("America/Havana")))
    assert found == [(skipped - timedelta(days=1), 1), (skipped, 2)]


async def test_the_first_and_the_last_bucket_hold_what_lies_between(store: ReadingStore) -> None:
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    await store.write([_at(midnight + timedelta(hours=number)) for number in range(96)])
    start, end = midnight + timedelta(hours=20), midnight + timedelta(hours=75)
    found = await store.buckets(PATIENT, KIND, start, end, Width.DAY, UTC)
    assert _counts(found) == [(midnight + timedelta(days=day), count) for day, count in enumerate((4, 24, 24, 3))]
    assert await store.buckets(PATIENT, KIND, end, start, Width.DAY, UTC) == []


_numbers = st.floats(1, 300).map(lambda number: round(number, 1))
_moments = st.integers(0, 400 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
_measured = st.tuples(_moments, _numbers, st.sampled_from([Quality.VALID, Quality.QUESTIONABLE, Quality.NOT_PATIENT]))
_person = itertools.count(1000)


def _recomputed(rows: Sequence[PatientReading], width: Width, zone: tzinfo) -> dict[datetime, list[float]]:
    found: dict[datetime, list[float]] = {}
    for one in rows:
        if not one.reading.quality.judged:
            continue
        number = one.reading.values["systolic"].value
        assert number is not None
        day = one.effective_time.astimezone(zone).date()
        if width is Width.HOUR:
            start = datetime.combine(one.effective_time.date(), time(one.effective_time.hour), UTC)
        else:
            day -= timedelta(days=day.weekday() if width is Width.WEEK else 0)
            start = datetime.combine(day, time(), zone).astimezone(UTC)
        found.setdefault(start, []).append(number)
    return found


@given(
    measured=st.lists(_measured, max_size=40), width=st.sampled_from(Width), zone=st.sampled_from(ZONES).map(ZoneInfo)
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_buckets_are_what_the_window_gives_when_it_is_summed_by_hand(
    store: ReadingStore, measured: list[tuple[datetime, float, Quality]], width: Width, zone: ZoneInfo
) -> None:
    patient = UUID(int=next(_person))
    await store.write([_at(moment, number, patient, quality=quality) for moment, number, quality in measured])
    found = await _buckets(store, width, zone, patient)
    expected = _recomputed(await store.window(patient, KIND, LONG_AGO, FAR), width, zone)
    assert [one.start for one in found] == sorted(expected)
    for one in found:
        numbers, summary = expected[one.start], one.fields["systolic"]
        assert (summary.minimum, summary.maximum, summary.count) == (min(numbers), max(numbers), len(numbers))
        assert summary.mean == pytest.approx(sum(numbers) / len(numbers))
