"""Readings from a CSV file: grouped, sorted, converted; what cannot be read is told by its line."""

from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.domain.observation import Observation
from hearthline_backend.replay import unit_conversion
from hearthline_backend.replay.csv_readings import BadRow, CsvReadings, time_of
from hearthline_gateway import units
from hearthline_protocol.readings import Quality

HEAD = "time,kind,field,value,unit"
NOON = "2026-11-21T12:00:00Z"


def read(*lines: str, zone: str | None = None, head: str = HEAD) -> tuple[list[Observation], list[BadRow]]:
    found = CsvReadings.read([head, *lines], None if zone is None else ZoneInfo(zone))
    readings = list(found.readings())
    return readings, sorted(found.bad)


def value_of(reading: Observation, field: str) -> float | None:
    return reading.values[field].value


def test_rows_of_equal_time_and_kind_are_one_reading_wherever_they_stand() -> None:
    readings, bad = read(
        f"{NOON},blood_pressure,systolic,130,mm[Hg]",
        "2026-11-20T12:00:00Z,body_weight,weight,80,kg",
        "2026-11-21T13:00:00+01:00,blood_pressure,diastolic,80,mm[Hg]",
        f"{NOON},oxygen_saturation,spo2,97,%",
    )
    assert bad == []
    assert [(one.kind, sorted(one.values)) for one in readings] == [
        ("body_weight", ["weight"]),
        ("blood_pressure", ["diastolic", "systolic"]),
        ("oxygen_saturation", ["spo2"]),
    ]
    assert [one.effective_time for one in readings] == sorted(one.effective_time for one in readings)
    assert [time_of(one.reading_id) for one in readings] == [one.effective_time for one in readings]
    assert sorted(readings, key=lambda one: one.order) == readings


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        ("blood_pressure,systolic,16.0,kPa", "systolic", 120.0),
        ("body_weight,weight,183.00,[lb_av]", "weight", 83.007),
        ("body_weight,weight,183.00,lb", "weight", 83.007),
        ("body_temperature,temperature,98.6,[degF]", "temperature", 37.0),
        ("body_temperature,temperature,37.2,°C", "temperature", 37.2),
        ("glucose,glucose,6.7,mmol/L", "glucose", 120.7),
        ("blood_pressure,systolic, 120 , mmHg", "systolic", 120),
        ("blood_pressure,systolic,120,mm Hg", "systolic", 120),
        ("body_weight,weight,12.5,st", "weight", 79.379),
        ("body_weight,weight,183.00,lbs", "weight", 83.007),
        ("body_weight,weight,80,KG", "weight", 80),
        ("body_temperature,temperature,98.6,degF", "temperature", 37.0),
        ("body_temperature,temperature,37.2,Cel", "temperature", 37.2),
        ("glucose,glucose,120,mg/dl", "glucose", 120),
    ],
)
def test_units_are_converted_once_as_in_a_home(row: str, field: str, value: float) -> None:
    (reading,), bad = read(f"{NOON},{row}")
    assert (value_of(reading, field), bad) == (value, [])


@given(st.floats(0.1, 700))
def test_the_factors_are_the_gateways(number: float) -> None:
    pairs = (
        (unit_conversion.kilopascal_to_mmhg, units.kilopascal_to_mmhg),
        (unit_conversion.pound_to_kilogram, units.pound_to_kilogram),
        (unit_conversion.fahrenheit_to_celsius, units.fahrenheit_to_celsius),
        (unit_conversion.glucose_to_mg_per_dl, units.glucose_to_mg_per_dl),
    )
    for ours, theirs in pairs:
        assert ours(number) == theirs(number)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{NOON},mood,good,1,1", "no kind is named 'mood'"),
        (f"{NOON},glucose,sugar,100,mg/dL", "glucose has no field 'sugar'"),
        (f"{NOON},glucose,glucose,100,kg", "glucose is read in mg/dL or mmol/L, not in 'kg'"),
        (f"{NOON},glucose,glucose,100,", "not in ''"),
        (f"{NOON},body_weight,weight,80,oz", "weight is read in kg or lb or st, not in 'oz'"),
        (f'{NOON},glucose,glucose,"100,mg/dL', "a quote is not closed"),
        (f"{NOON},glucose,glucose,,mg/dL", "glucose is a number, not ''"),
        (f"{NOON},glucose,glucose,nan,mg/dL", "is a number"),
        (f"{NOON},glucose,glucose,inf,mg/dL", "is a number"),
        (f"{NOON},glucose,glucose,1_00,mg/dL", "is a number"),
        (f"{NOON},glucose,glucose,0,mg/dL", "lies between 1 and 2000 mg/dL, and 0 does not"),
        (f"{NOON},glucose,glucose,128,mmol/L", "lies between"),
        (f"{NOON},glucose,glucose,100", "as many columns as the first line has"),
        (f"{NOON},glucose,glucose,100,mg/dL,more", "as many columns as the first line has"),
        ("2026-11-21T12:00:00,glucose,glucose,100,mg/dL", "needs --patient-tz"),
        ("2026-11-21,glucose,glucose,100,mg/dL", "an ISO 8601 time"),
        ("21/11/2026 12:00,glucose,glucose,100,mg/dL", "an ISO 8601 time"),
        ("0001-01-01T00:00:00Z,glucose,glucose,100,mg/dL", "an ISO 8601 time"),
        ("9999-12-31T23:59:59-23:00,glucose,glucose,100,mg/dL", "an ISO 8601 time"),
        (",,,,", ""),
    ],
)
def test_a_bad_row_is_told_by_its_line_and_the_rest_goes_on(row: str, reason: str) -> None:
    good = f"{NOON},body_weight,weight,80,kg"
    readings, bad = read(good, row, "2026-11-22T12:00:00Z,body_weight,weight,81,kg")
    assert [value_of(one, "weight") for one in readings] == [80, 81]
    if not reason:
        assert bad == []  # an empty line, as spreadsheets leave them
        return
    (told,) = bad
    assert told.line == 3
    assert reason in told.reason


def test_times_without_offset_are_of_the_patients_zone() -> None:
    (summer, winter), _ = read(
        "2026-07-01T07:30:00,glucose,glucose,100,mg/dL",
        "2026-11-21 07:30,glucose,glucose,100,mg/dL",
        zone="Europe/Madrid",
    )
    assert summer.effective_time == datetime(2026, 7, 1, 5, 30, tzinfo=UTC)
    assert winter.effective_time == datetime(2026, 11, 21, 6, 30, tzinfo=UTC)


def test_the_same_number_twice_is_one_and_another_one_is_a_bad_row() -> None:
    row = f"{NOON},body_weight,weight,80,kg"
    (reading,), bad = read(row, row)
    assert (value_of(reading, "weight"), bad) == (80, [])
    (reading,), (told,) = read(row, f"{NOON},body_weight,weight,81,kg")
    assert value_of(reading, "weight") == 80
    assert told == BadRow(3, "another weight of the same time and kind stands in the file")


def test_beyond_what_the_meter_can_process_is_kept_as_that() -> None:
    (low, high), bad = read(
        f"{NOON},glucose,glucose,<20,mg/dL",
        "2026-11-21T13:00:00Z,glucose,glucose,> 600,mg/dL",
    )
    assert bad == []
    assert (low.quality, low.values["glucose"].comparator) == (Quality.BEYOND_LOW, "<")
    assert (high.quality, high.values["glucose"].comparator, value_of(high, "glucose")) == (
        Quality.BEYOND_HIGH,
        ">",
        600,
    )


def test_columns_are_found_by_their_names_and_need_none() -> None:
    (named,), _ = read(f"mg/dL,100,x,{NOON},glucose,glucose", head="unit,Value,note,time,field,kind")
    assert value_of(named, "glucose") == 100
    found = CsvReadings.read([f"{NOON},glucose,glucose,100,mg/dL"], None)
    assert [value_of(one, "glucose") for one in found.readings()] == [100]
    _, (short,) = read("mg/dL,100", head="unit,value,time,field,kind")
    assert "as many columns" in short.reason


def test_a_line_that_is_no_csv_is_told_too() -> None:
    _, (told,) = read(f'{NOON},glucose,glucose,"{"1" * 200_000}",mg/dL')
    assert told.line == 2


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_file_changes_nothing(chance: Random) -> None:
    rows = [
        f"2026-11-{day:02}T{hour:02}:00:00Z,{row}"
        for day in range(1, 6)
        for hour in (7, 19)
        for row in ("blood_pressure,systolic,120,mmHg", "blood_pressure,diastolic,80,mmHg", "body_weight,weight,80,kg")
    ]
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert read(*shuffled)[0] == read(*rows)[0]


def test_a_byte_order_mark_and_empty_lines_before_the_names_are_no_bad_rows() -> None:
    found = CsvReadings.read(
        ["\ufeff\r\n", ",,,,\r\n", HEAD + "\r\n", f'"{NOON}","glucose",glucose,100,mg/dL\r\n'], None
    )
    assert [value_of(one, "glucose") for one in found.readings()] == [100]
    assert found.bad == []


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # there twice: the first
        ("2026-03-29T02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # not there: by a clock not changed yet
    ],
)
def test_a_change_of_clocks_is_read_as_documented(written: str, utc: datetime) -> None:
    (reading,), bad = read(f"{written},glucose,glucose,100,mg/dL", zone="Europe/Stockholm")
    assert (reading.effective_time, bad) == (utc, [])
