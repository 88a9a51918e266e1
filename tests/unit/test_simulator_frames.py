"""Frames of the simulated meters against bytes worked out by hand from the profiles, without the gateway's decoder."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from hearthline_protocol.device_time import DeviceTime
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.body_composition import CompositionRecord
from hearthline_simulator.meters.events import MeterEvent, MeterHappening
from hearthline_simulator.meters.glucose import GlucoseRecord
from hearthline_simulator.meters.heart_rate import HeartRateRecord, HeartRateSample
from hearthline_simulator.meters.numbers import float32, sfloat
from hearthline_simulator.meters.profiles import PROFILES, make_meter
from hearthline_simulator.meters.pulse_oximeter import OximeterRecord
from hearthline_simulator.meters.record_server import Answer, Ask, Numbered, RefusedError, counted, ended, select
from hearthline_simulator.meters.spec import MeterSpec
from hearthline_simulator.meters.thermometer import TemperatureRecord
from hearthline_simulator.meters.wall_clock import WallClock, current_time, date_time, read_clock
from hearthline_simulator.meters.weight_scale import WeightRecord
from hearthline_simulator.meters.xiaomi_scale import AdvertisedRecord, XiaomiCompositionScale, XiaomiScale
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
        ("glucose", GlucoseRecord(glucose=95, at=AT), f"020100{STAMP}5fb011"),
        ("glucose", GlucoseRecord(glucose=5.6, unit="mmol/L", control=True, at=AT), f"060100{STAMP}38c04a"),
        (
            "glucose",
            GlucoseRecord(glucose=float("-inf"), status=0x40, time_offset=-60, at=AT),
            f"0b0100{STAMP}c4ff0208114000",
        ),
        ("heart_rate", HeartRateRecord(samples=(HeartRateSample(rate=72, intervals=(1.0,)),)), "16480004"),
        ("heart_rate", HeartRateRecord(samples=(HeartRateSample(rate=300, energy=9, contact=False),)), "0d2c010900"),
        ("body_composition", CompositionRecord(weight=70, at=AT), f"02b036{STAMP}"),
        ("body_composition", CompositionRecord(weight=80, user=2, height=1.8, at=AT), f"0e803e{STAMP}02f7000807"),
        ("thermometer", TemperatureRecord(temperature=98.6, unit="[degF]", at=AT), f"07da0300ff{STAMP}02"),
    ],
)
async def test_what_each_profile_sends(profile: str, record: object, expected: str) -> None:
    meter = make_meter(Radio(), MeterSpec("m", profile, "F0:F1:00:00:00:01"), lambda _: None, home_zone=UTC)
    assert [kept.payload.hex() for kept in meter._frames(record)] == [expected]


async def test_a_context_and_a_composition_are_frames_of_their_own() -> None:
    meter = make_meter(Radio(), MeterSpec("m", "glucose", "F0:F1:00:00:00:01"), lambda _: None, home_zone=UTC)
    frames = meter._frames(GlucoseRecord(glucose=95, meal="fasting", carbohydrate=45, at=AT))
    assert [kept.payload.hex() for kept in frames] == [f"120100{STAMP}5fb011", "030100012dd003"]
    scale = make_meter(Radio(), MeterSpec("m", "body_composition", "F0:F1:00:00:00:01"), lambda _: None, home_zone=UTC)
    record = CompositionRecord(weight=80, user=2, fat=24.1, muscle=38.2, water=40, impedance=500, at=AT)
    assert [kept.payload.hex() for kept in scale._frames(record)] == [
        f"06803e{STAMP}02",
        f"1607f100{STAMP}027e01401f8813803e",
    ]


async def test_the_states_of_a_weighing_that_is_only_advertised() -> None:
    first = XiaomiScale(Radio(), MeterSpec("m", "xiaomi_scale", "F0:F1:00:00:00:01"), lambda _: None, home_zone=UTC)
    assert [state.hex() for state in first.states(AdvertisedRecord(weight=81.2, at=AT))] == [
        f"00483f{STAMP}",
        f"20703f{STAMP}",
        f"a0703f{STAMP}",
    ]
    second = XiaomiCompositionScale(
        Radio(), MeterSpec("m", "xiaomi_composition_scale", "F0:F1:00:00:00:01"), lambda _: None, home_zone=UTC
    )
    record = AdvertisedRecord(weight=179, unit="[lb_av]", impedance=500, at=AT)
    assert [state.hex() for state in second.states(record)] == [
        f"0100{STAMP}0000c445",
        f"0120{STAMP}0000ec45",
        f"0122{STAMP}f401ec45",
        f"01a2{STAMP}f401ec45",
    ]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("0101", [3, 4, 7]),
        ("01030104 00", [4, 7]),
        ("0102010400", [3, 4]),
        ("010401040006 00", [4]),
        ("0105", [3]),
        ("0106", [7]),
        ("01030204 00", Answer.OPERAND_NOT_SUPPORTED),
        ("010301", Answer.INVALID_OPERAND),
        ("0100", Answer.INVALID_OPERATOR),
    ],
)
def test_which_records_a_request_means(request_: str, expected: list[int] | Answer) -> None:
    records = [Numbered(number, b"") for number in (3, 4, 7)]
    if isinstance(expected, Answer):
        with pytest.raises(RefusedError, match=expected.name):
            select(records, bytes.fromhex(request_), filters=True)
    else:
        assert [record.sequence for record in select(records, bytes.fromhex(request_), filters=True)] == expected


def test_records_are_counted_and_ended_as_the_profile_says() -> None:
    assert counted(259).hex() == "05000301"
    assert ended(Ask.REPORT, Answer.NO_RECORDS_FOUND).hex() == "06000106"


async def test_a_record_with_a_wrong_key_is_refused_by_name() -> None:
    meter = make_meter(Radio(), MeterSpec("m", "weight_scale", "F0:F1:00:00:00:01"), lambda _: None, home_zone=UTC)
    with pytest.raises(ValidationError, match="wieght"):
        await meter.measure_values({"wieght": 80})


async def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="known profiles: blood_pressure"):
        make_meter(Radio(), MeterSpec("m", "radar", "F0:F1:00:00:00:01"), lambda _: None, home_zone=UTC)
    assert set(PROFILES) == {
        "blood_pressure",
        "pulse_oximeter",
        "weight_scale",
        "thermometer",
        "glucose",
        "heart_rate",
        "body_composition",
        "xiaomi_scale",
        "xiaomi_composition_scale",
    }


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
