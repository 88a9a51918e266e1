from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Flag, Reading, TimeQuality
from hearthline_simulator.ward.history import history, since
from hearthline_simulator.ward.live_home import SOON, kept_in_cuff, much_later
from hearthline_simulator.ward.meters import meters_of, sfloat
from hearthline_simulator.ward.profiles import ASTRID, WARD, Pattern, Profile, Scene, Trouble
from hearthline_simulator.ward.readings import CLOCK_OFF_BY, Sent
from hearthline_simulator.ward.rhythm import OFFLINE_NOW, SILENT_FOR, ZONE, measured_slots
from hearthline_simulator.ward.stories import stories

NOW = datetime(2026, 11, 23, 2, 12, tzinfo=UTC)
EVERYBODY = (ASTRID, *WARD)
MOMENTS = st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2028, 12, 31)).map(  # noqa: DTZ001  # next line
    lambda face: face.replace(tzinfo=UTC)
)


def of_pattern(pattern: Pattern) -> Profile:
    return next(profile for profile in WARD if profile.pattern is pattern)


def of_scene(scene: Scene) -> Profile:
    return next(profile for profile in WARD if profile.scene is scene)


def pressures(past: list[Sent]) -> Iterator[Reading]:
    return (one.reading for one in past if one.reading.kind == "blood_pressure")


def systolic(reading: Reading) -> float:
    value = reading.values["systolic"].value
    assert value is not None
    return value


def test_24_patients_with_names_and_homes_of_their_own() -> None:
    assert len(WARD) == 24
    assert len({profile.given_name for profile in EVERYBODY}) == 25
    assert len({profile.home for profile in EVERYBODY}) == 25
    assert all(1938 <= profile.birth_year <= 1965 for profile in EVERYBODY)
    assert all(len(profile.family_initial) == 2 for profile in EVERYBODY)


def test_every_pattern_scene_and_trouble_is_there() -> None:
    assert {profile.pattern for profile in WARD} == set(Pattern)
    assert {profile.scene for profile in WARD} == set(Scene)
    assert {profile.trouble for profile in WARD} == set(Trouble)


def test_no_two_meters_share_an_address() -> None:
    addresses = [one.address for profile in EVERYBODY for one in meters_of(profile)]
    assert len(set(addresses)) == len(addresses)


def test_same_moment_same_history() -> None:
    assert history(ASTRID, NOW) == history(ASTRID, NOW)


def test_a_day_looks_the_same_whenever_the_demo_is_started() -> None:
    calm = of_pattern(Pattern.IRREGULAR)
    later = {one.reading.id: one.reading.values for one in history(calm, NOW + timedelta(days=1))}
    old = [one.reading for one in history(calm, NOW) if NOW - one.reading.effective_time > timedelta(days=8)]
    known = [reading for reading in old if reading.id in later]
    assert len(known) > 0.95 * len(old)
    assert all(later[reading.id] == reading.values for reading in known)


@pytest.mark.parametrize("profile", EVERYBODY, ids=lambda profile: profile.given_name)
def test_every_reading_is_one_that_the_backend_takes(profile: Profile) -> None:
    past = history(profile, NOW)
    assert len({one.reading.id for one in past}) == len(past)
    assert [one.arrived for one in past] == sorted(one.arrived for one in past)
    addresses = {one.address for one in meters_of(profile)}
    for one in past:
        reading = one.reading
        assert reading.sensor in addresses
        assert reading.effective_time < reading.received_time < one.arrived < NOW
        fields = KINDS[reading.kind].fields
        for name, value in reading.values.items():
            low, high = fields[name].possible
            assert value.unit == fields[name].unit
            assert value.value is not None
            assert low <= value.value <= high
        assert Reading.model_validate_json(reading.model_dump_json()) == reading


@settings(max_examples=6, deadline=None)
@given(now=MOMENTS)
def test_at_any_hour_the_faithful_are_up_to_date(now: datetime) -> None:
    for profile in (of_scene(Scene.GREEN), ASTRID):
        newest = max(one.reading.effective_time for one in history(profile, now))
        assert now - newest < timedelta(hours=16)


@settings(max_examples=6, deadline=None)
@given(now=MOMENTS)
def test_only_a_story_is_ever_red(now: datetime) -> None:
    for profile in WARD[3:6]:
        told = {at for story in stories(profile, now) for at, _ in story.measured}
        assert all(systolic(one) < 180 for one in pressures(history(profile, now)) if one.effective_time not in told)


def test_the_new_ones_have_few_days() -> None:
    past = history(of_pattern(Pattern.NEW), NOW)
    assert NOW - min(one.reading.effective_time for one in past) < timedelta(days=6)


def test_the_deteriorating_one_gets_worse() -> None:
    readings = list(pressures(history(of_pattern(Pattern.DETERIORATING), NOW)))
    before = [systolic(one) for one in readings if NOW - one.effective_time > timedelta(days=45)]
    lately = [systolic(one) for one in readings if NOW - one.effective_time < timedelta(days=12)]
    assert sum(lately) / len(lately) > sum(before) / len(before) + 4


def test_the_non_adherent_one_has_whole_days_without() -> None:
    days = {one.effective_time.astimezone(ZONE).date() for one in pressures(history(of_scene(Scene.SILENT), NOW))}
    ordered = sorted(days)
    assert max((after - before).days for before, after in pairwise(ordered)) > 3


def test_the_silent_one_was_silent() -> None:
    newest = max(one.reading.effective_time for one in history(of_scene(Scene.SILENT), NOW))
    assert NOW - newest > SILENT_FOR


def test_a_home_without_internet_delivers_nothing_and_later_everything() -> None:
    offline = history(of_scene(Scene.OFFLINE), NOW)
    assert all(NOW - one.arrived > OFFLINE_NOW for one in offline)
    late = [one for one in offline if one.arrived - one.reading.received_time > timedelta(hours=1)]
    assert late
    assert not any(one.reading.live for one in late)


def test_the_late_red_arrives_with_what_is_newer() -> None:
    past = history(of_scene(Scene.LATE_RED), NOW)
    red = next(one for one in past if one.reading.kind == "blood_pressure" and systolic(one.reading) >= 180)
    assert red.arrived - red.reading.effective_time > timedelta(hours=12)
    assert any(one.reading.effective_time > red.reading.effective_time for one in past if one.arrived == red.arrived)


def test_an_irregular_pulse_is_a_flag_now_and_then() -> None:
    readings = list(pressures(history(of_pattern(Pattern.IRREGULAR), NOW)))
    flagged = [one for one in readings if Flag.IRREGULAR_PULSE in one.flags]
    assert 0.05 < len(flagged) / len(readings) < 0.3


def test_a_wrong_clock_shows_in_the_stamp_and_not_in_the_time() -> None:
    profile = next(one for one in WARD if one.trouble is Trouble.CLOCK_OFF)
    reading = next(pressures(history(profile, NOW)))
    assert reading.device_time is not None
    zone = reading.effective_time.astimezone(ZONE).utcoffset()
    assert zone is not None
    assert reading.device_time.minus(reading.effective_time) == zone + CLOCK_OFF_BY
    assert reading.time_quality is TimeQuality.CORRECTED


def test_summer_and_winter_time_both_stand_in_the_history() -> None:
    offsets = {one.clock_offset_s for one in pressures(history(ASTRID, NOW))}
    assert offsets == {3600.0, 7200.0}


def test_astrid_was_red_twice_before() -> None:
    past = list(pressures(history(ASTRID, NOW)))
    assert sorted(systolic(one) for one in past if systolic(one) >= 180) == [181, 182]


@settings(max_examples=8, deadline=None)
@given(now=MOMENTS)
def test_the_cuff_keeps_two_calm_measurements_that_the_history_leaves_out(now: datetime) -> None:
    memory = kept_in_cuff(now)
    assert len(memory) == 2
    assert all(kept.shown.systolic < 160 and kept.shown.diastolic < 100 for kept in memory)
    assert all(record["minutes_ago"] > 40 for record in (kept.record(now) for kept in memory))
    written = history(ASTRID, now, until=memory[0].at)
    assert not {one.reading.effective_time for one in written} & {kept.at for kept in memory}
    assert [at for _, at in measured_slots(ASTRID, now)][-1] - memory[0].at < timedelta(days=2)


def test_life_goes_on_after_the_start() -> None:
    known = {one.reading.id for one in history(WARD[0], NOW)}
    new = since(WARD[0], NOW, NOW, NOW + timedelta(days=1))
    assert {one.reading.kind for one in new} >= {"blood_pressure", "body_weight"}
    assert not known & {one.reading.id for one in new}
    assert since(of_scene(Scene.OFFLINE), NOW, NOW, NOW + timedelta(days=1)) == []


def test_what_astrid_measures_later_comes_in_order_and_with_five_minutes_of_rest() -> None:
    later = [*SOON, *(much_later(number) for number in range(6))]
    assert [one.after for one in later] == sorted(one.after for one in later)
    assert next(one.after for one in later if one.device == "cuff") >= timedelta(minutes=5)
    assert {one.device for one in later} == {"cuff", "oximeter", "scale", "thermometer"}


def test_sfloat_as_the_standard_writes_it() -> None:
    assert sfloat(36.6, 1) == bytes.fromhex("6ef1")
    assert sfloat(120) == bytes.fromhex("7800")
