"""Frames of the simulated meters against bytes worked out by hand from the profiles, without the gateway's decoder."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from hearthline_protocol.device_time import DeviceTime
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.events import MeterEvent, MeterHappening
from hearthline_simulator.meters.numbers import float32, sfloat
from hearthline_simulator.meters.profiles import PROFILES, make_meter
from hearthline_simulator.meters.pulse_oximeter import OximeterRecord
from hearthline_simulator.meters.spec import MeterSpec
from hearthline_simulator.meters.thermometer import TemperatureRecord
from hearthline_simulator.meters.wall_clock import WallClock, current_time, date_time, read_clock
from hearthline_simulator.meters.weight_scale import WeightRecord
from hearthline_simulator.radio import Radio

AT = DeviceTime(2026, 11, 22, 7, 4, 0)
STAMP = "ea070b16070400"


@pytest.mark.parametrize(
    ("number", "decimals", "expected"),
    [
        (120, 0, "7800"),
        (2.0, 1, "14f0"),
        (-1234, 0, "2e0b"),
        (98.5, 1, "d9f3"),
        (float("nan"), 0, "ff07"),
        (float("inf"), 0, "fe07"),
        (float("-inf"), 0, "0208"),
    ],
)
def test_sfloat(number: float, decimals: int, expected: str) -> None:
    assert sfloat(number, decimals).hex() == expected


@pytest.mark.parametrize(
    ("number", "decimals", "expected"),
    [(36.4, 1, "6c0100ff"), (2.0, 1, "140000ff"), (-1234, 0, "2efbff00"), (float("nan"), 1, "ffff7f00")],
)
def test_float32(number: float, decimals: int, expected: str) -> None:
    assert float32(number, decimals).hex() == expected


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        sfloat(4000)
    with pytest.raises(ValueError, match="does not fit"):
        float32(1e7)


@pytest.mark.parametrize(
    ("profile", "record", "expected"),
    [
        ("blood_pressure", PressureRecord(systolic=118, diastolic=84, mean=96, at=AT), f"12760054006000{STAMP}0000"),
        (
            "blood_pressure",
            PressureRecord(systolic=186, diastolic=112, pulse=95, user=1, status=4, at=AT),
            f"1eba0070008900{STAMP}5f00010400",
        ),
        ("pulse_oximeter", OximeterRecord(spo2=97, pulse=66, at=AT), f"0161004200{STAMP}"),
        ("weight_scale", WeightRecord(weight=81.2, at=AT), f"02703f{STAMP}"),
        ("weight_scale", WeightRecord(weight=None, at=AT), f"02ffff{STAMP}"),
        ("weight_scale", WeightRecord(weight=80, user=2, height=1.8, at=AT), f"0e803e{STAMP}02f7000807"),
        ("thermometer", TemperatureRecord(temperature=36.6, at=AT), f"066e0100ff{STAMP}02"),
        ("thermometer", TemperatureRecord(temperature=98.6, unit="[degF]", at=AT), f"07da0300ff{STAMP}02"),
    ],
)
async def test_what_each_profile_sends(profile: str, record: object, expected: str) -> None:
    meter = make_meter(Radio(), MeterSpec("m", profile, "F0:F1:00:00:00:01"), lambda _: None, home_zone=UTC)
    assert [kept.payload.hex() for kept in meter._frames(record)] == [expected]


async def test_a_record_with_a_wrong_key_is_refused_by_name() -> None:
    meter = make_meter(Radio(), MeterSpec("m", "weight_scale", "F0:F1:00:00:00:01"), lambda _: None, home_zone=UTC)
    with pytest.raises(ValidationError, match="wieght"):
        await meter.measure_values({"wieght": 80})


async def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="known profiles: blood_pressure"):
        make_meter(Radio(), MeterSpec("m", "radar", "F0:F1:00:00:00:01"), lambda _: None, home_zone=UTC)
    assert set(PROFILES) == {"blood_pressure", "pulse_oximeter", "weight_scale", "thermometer"}


def test_a_clock_runs_as_wrong_as_it_was_made_until_it_is_set() -> None:
    clock = WallClock(timedelta(minutes=61))
    assert clock.face().minus(datetime.now(UTC)).total_seconds() == pytest.approx(3660, abs=2)
    clock.set(DeviceTime.of(datetime.now(UTC)))
    assert clock.face().minus(datetime.now(UTC)).total_seconds() == pytest.approx(0, abs=2)
    assert clock.face(minutes_ago=5).minus(datetime.now(UTC)).total_seconds() == pytest.approx(-300, abs=2)
    with pytest.raises(ValueError, match="cannot be set"):
        clock.set(DeviceTime(0, 0, 0, 0, 0, 0))


def test_a_lost_clock_shows_year_0_until_it_is_set() -> None:
    clock = WallClock(timedelta(), lost=True)
    assert str(clock.face()) == "0000-00-00T00:00:00"
    clock.set(AT)
    assert str(clock.face())[:16] == "2026-11-22T07:04"


def test_clocks_on_the_air() -> None:
    assert date_time(AT).hex() == STAMP
    assert current_time(AT).hex() == f"{STAMP}070000", "a Sunday is day 7"
    assert read_clock(date_time(AT)) == read_clock(current_time(AT)) == AT
    with pytest.raises(ValueError, match="not 8"):
        read_clock(bytes(8))


def test_an_event_as_json() -> None:
    at = datetime(2026, 11, 22, 7, 4, 0, 123456, tzinfo=UTC)
    assert MeterEvent(MeterHappening.CONNECTED, "cuff", at).as_json() == {
        "event": "connected",
        "meter": "cuff",
        "at": "2026-11-22T07:04:00.123Z",
    }
