"""Each hop broken in turn gives its own finding; what looks the same from here is listed, and sent to whom it may
concern."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.domain.home_faults import DEFAULT_LIMITS, faults, limits_of, of_finding
from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.schedule import GRACE, missing, next_look
from hearthline_backend.domain.silence import (
    Absence,
    Evidence,
    Finding,
    HomeEvidence,
    Hop,
    MeterEvidence,
    Routing,
    first_broken_hop,
    level_of,
    routing,
)
from hearthline_backend.domain.silence_rules import MissingRule, TechnicalRule

CLOSED = datetime(2026, 11, 20, 9, tzinfo=UTC)
FROM = CLOSED - timedelta(hours=12)
NOW = CLOSED + timedelta(hours=1)
LAST = FROM - timedelta(minutes=20)
CUFF = MeterEvidence("C0:00:00:00:00:01", paired=True, listed=True, last_heard=LAST, last_reading=LAST)
HOME = HomeEvidence(
    "home-0001",
    FROM - timedelta(days=90),
    heard_at=NOW - timedelta(minutes=2),
    status_at=NOW - timedelta(minutes=2),
    started_at=FROM - timedelta(days=9),
    adapter_works=True,
    clock_right=True,
    last_receipt=NOW - timedelta(minutes=2),
    meters=(CUFF,),
)
ALL_WELL = Evidence(FROM, CLOSED, NOW, (HOME,))


def found(home: HomeEvidence = HOME, **other: object) -> Finding:
    return first_broken_hop(replace(ALL_WELL, homes=(home,), **other))  # type: ignore[arg-type]


def with_meter(**other: object) -> HomeEvidence:
    return replace(HOME, meters=(replace(CUFF, **other),))  # type: ignore[arg-type]


def test_a_cuff_that_was_not_heard_may_not_have_been_used_or_be_out_of_range() -> None:
    assert found() == Finding((Hop.NOT_MEASURED, Hop.METER), LAST)
    assert not found().certain


@pytest.mark.parametrize(
    ("home", "hops"),
    [
        (with_meter(last_heard=FROM + timedelta(hours=1)), (Hop.NOT_MEASURED,)),
        (with_meter(last_heard=CLOSED, last_error=CLOSED), (Hop.METER,)),
        (with_meter(problem=True), (Hop.METER,)),
        (with_meter(paired=False), (Hop.BOND,)),
        (with_meter(listed=False), (Hop.BOND,)),
        (with_meter(reported=False), (Hop.NOT_MEASURED, Hop.METER, Hop.BOND)),
        (replace(HOME, adapter_works=False), (Hop.ADAPTER,)),
        (replace(HOME, started_at=CLOSED), (Hop.NOT_MEASURED, Hop.METER, Hop.GATEWAY)),
        (replace(HOME, offline=True, stopped=True, heard_at=LAST), (Hop.GATEWAY,)),
        (replace(HOME, offline=True, heard_at=LAST), (Hop.GATEWAY, Hop.NETWORK)),
        (replace(HOME, heard_at=LAST), (Hop.GATEWAY, Hop.NETWORK)),
        (replace(HOME, heard_at=None), (Hop.GATEWAY, Hop.NETWORK)),
        (replace(HOME, oldest_waiting=LAST), (Hop.NETWORK,)),
        (replace(HOME, oldest_waiting=LAST, last_receipt=LAST), (Hop.BACKEND,)),
        (replace(HOME, oldest_waiting=LAST, last_receipt=None), (Hop.BACKEND,)),
    ],
)
def test_each_broken_hop_has_its_own_finding(home: HomeEvidence, hops: tuple[Hop, ...]) -> None:
    assert found(home).hops == hops
    assert found(home).certain == (len(hops) == 1)


def test_the_hops_behind_every_home_come_first() -> None:
    away = FROM + timedelta(hours=2)
    broker, stores = Absence(Hop.BROKER, away, NOW), Absence(Hop.BACKEND, away - timedelta(hours=1), CLOSED)
    everything_else = replace(HOME, adapter_works=False, offline=True, heard_at=LAST, oldest_waiting=LAST)
    for home in (HOME, everything_else):
        assert found(home, absences=(broker,)) == Finding((Hop.BROKER,), away, away=True)
        assert found(home, absences=(stores,)) == Finding((Hop.BACKEND,), stores.since, away=True)
        assert found(home, absences=(stores, broker)).hops == (Hop.BROKER,), "the first on the road"
        assert found(home, held=True, absences=(broker,)) == Finding((Hop.BACKEND,)), "it has passed the broker"


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (CLOSED + timedelta(minutes=1), NOW),
        (FROM, CLOSED - timedelta(minutes=1)),  # what waited was sent again before the slot closed
        (FROM - timedelta(hours=9), FROM),
    ],
)
def test_an_absence_that_does_not_cover_the_end_of_the_slot_broke_nothing(since: datetime, until: datetime) -> None:
    assert found(absences=(Absence(Hop.BROKER, since, until),)).hops == (Hop.NOT_MEASURED, Hop.METER)


def test_every_hop_has_evidence_that_names_it_alone_or_among_what_looks_the_same() -> None:
    """Whatever else is well: the hops of the road in turn."""
    away = (Absence(Hop.BROKER, FROM, NOW),), (Absence(Hop.BACKEND, FROM, NOW),)
    in_turn = {
        Hop.NOT_MEASURED: found(with_meter(last_heard=FROM + timedelta(hours=1))),
        Hop.METER: found(with_meter(problem=True)),
        Hop.BOND: found(with_meter(paired=False)),
        Hop.ADAPTER: found(replace(HOME, adapter_works=False)),
        Hop.GATEWAY: found(replace(HOME, offline=True, stopped=True, heard_at=LAST)),
        Hop.NETWORK: found(replace(HOME, oldest_waiting=LAST)),
        Hop.BROKER: found(absences=away[0]),
        Hop.BACKEND: found(absences=away[1]),
    }
    assert list(in_turn) == list(Hop)
    assert {hop: finding.hops for hop, finding in in_turn.items()} == {hop: (hop,) for hop in Hop}
    told = {hop: routing(finding, 9) for hop, finding in in_turn.items()}
    assert {hop for hop, one in told.items() if one.care} == {Hop.NOT_MEASURED}
    assert {hop for hop, one in told.items() if one.technician} == set(Hop) - {Hop.NOT_MEASURED}


def test_a_home_that_went_after_the_slot_is_not_what_broke_it() -> None:
    assert found(replace(HOME, offline=True, heard_at=CLOSED + timedelta(minutes=5))).hops[0] is Hop.NOT_MEASURED


def test_two_homes_list_what_may_be_broken_in_either() -> None:
    other = replace(HOME, gateway="home-0002", offline=True, heard_at=LAST - timedelta(days=3))
    assert first_broken_hop(replace(ALL_WELL, homes=(HOME, other))) == Finding(
        (Hop.NOT_MEASURED, Hop.METER, Hop.GATEWAY, Hop.NETWORK), LAST
    )


def test_without_a_meter_nothing_could_be_measured() -> None:
    assert first_broken_hop(replace(ALL_WELL, homes=())).meterless


@pytest.mark.parametrize(
    ("hops", "slots", "care", "technician"),
    [
        ((Hop.NOT_MEASURED,), 5, True, False),
        ((Hop.BOND,), 1, False, True),
        ((Hop.GATEWAY, Hop.NETWORK), 1, False, True),
        ((Hop.NOT_MEASURED, Hop.METER), 1, True, False),
        ((Hop.NOT_MEASURED, Hop.METER), 2, True, True),
    ],
)
def test_who_has_to_know(hops: tuple[Hop, ...], slots: int, care: bool, technician: bool) -> None:
    assert routing(Finding(hops), slots) == Routing(care, technician)


@given(
    st.lists(st.sampled_from(Hop), min_size=1, unique=True),
    st.integers(1, 60),
)
def test_somebody_always_has_to_know_and_never_fewer_later(hops: list[Hop], slots: int) -> None:
    now, later = routing(Finding(tuple(hops)), slots), routing(Finding(tuple(hops)), slots + 1)
    assert now.care or now.technician
    assert later.care >= now.care
    assert later.technician >= now.technician


def test_levels_follow_the_slots_that_were_missed() -> None:
    rule = MissingRule("missing.glucose", "glucose", "test", "ask", yellow_after=2, red_after=4)
    assert [level_of(rule, slots) for slots in (1, 2, 3, 4)] == [None, Level.YELLOW, Level.YELLOW, Level.RED]


def test_a_home_is_silent_only_for_the_time_in_which_something_could_have_come() -> None:
    away = replace(HOME, heard_at=NOW - timedelta(hours=5))
    assert [one.about for one in faults(away, DEFAULT_LIMITS, NOW, FROM)] == ["silent_hop"]
    assert faults(away, DEFAULT_LIMITS, NOW, NOW - timedelta(minutes=59)) == []
    assert faults(away, DEFAULT_LIMITS, NOW, None) == []
    assert faults(HOME, DEFAULT_LIMITS, NOW, FROM) == []


def test_batteries_and_clocks_are_faults_at_the_strictest_limit() -> None:
    home = with_meter(battery_percent=20, clock_offset_s=-301.0)
    assert {one.about for one in faults(home, DEFAULT_LIMITS, NOW, FROM)} == {"battery", "clock"}
    rules = [
        TechnicalRule("b", "battery", "test", "", limit=10),
        TechnicalRule("c", "clock", "test", "", limit=400),
        TechnicalRule("s", "silent_hop", "test", "", lasting=timedelta(hours=6)),
    ]
    limits = limits_of(rules)
    assert faults(home, limits, NOW, FROM) == []
    assert limits.silent_for == timedelta(hours=6)


def test_a_technician_is_shown_the_home_or_the_meter_and_never_what_is_on_its_way() -> None:
    assert [one.meter for one in of_finding(Finding((Hop.NOT_MEASURED, Hop.METER)), HOME)] == [CUFF.address]
    assert [one.meter for one in of_finding(Finding((Hop.GATEWAY, Hop.NETWORK)), HOME)] == [""]
    assert of_finding(Finding((Hop.NETWORK,)), HOME) == []
    assert of_finding(Finding((Hop.BACKEND,)), HOME) == []


PLAN = Plan(
    UUID(int=1),
    1,
    datetime(2026, 1, 1, tzinfo=UTC),
    (),
    (),
    (
        Slot("blood_pressure", "morning", time(2, 15), time(2, 45)),
        Slot("blood_pressure", "evening", time(18), time(22)),
    ),
    "test",
)
ZONES = st.sampled_from(["Europe/Stockholm", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "UTC"])
INSTANTS = st.integers(0, 365 * 24 * 60).map(lambda minute: PLAN.valid_from + timedelta(minutes=minute))


@given(ZONES, INSTANTS)
def test_the_next_look_is_ahead_and_less_than_a_day_away_whatever_the_clocks_do(zone: str, now: datetime) -> None:
    at = next_look(PLAN, zone, now)
    assert at is not None
    assert now < at <= now + timedelta(hours=26)


@given(ZONES, INSTANTS, st.integers(0, 60 * 60))
def test_nothing_becomes_missing_between_two_looks(zone: str, now: datetime, minutes: int) -> None:
    """So that a row for the next look is enough, through every change of the clocks."""
    at = next_look(PLAN, zone, now)
    assert at is not None
    last = {"blood_pressure": now - timedelta(minutes=minutes)}
    start = PLAN.valid_from - timedelta(days=9)
    first = missing(PLAN, zone, last, now, expected_from=start)
    before = missing(PLAN, zone, last, at - timedelta(microseconds=1), expected_from=start)
    assert [one.slots_missed for one in before] == [one.slots_missed for one in first]


@given(ZONES, INSTANTS)
def test_a_silence_begins_with_the_same_slot_however_long_it_lasts(zone: str, last: datetime) -> None:
    start = PLAN.valid_from - timedelta(days=9)
    begins = {
        one.begins
        for days in (2, 3, 20, 50)
        for one in missing(PLAN, zone, {"blood_pressure": last}, last + timedelta(days=days), expected_from=start)
    }
    assert len(begins) == 1


def test_a_slot_that_the_plan_did_not_have_then_is_not_missed() -> None:
    newer = replace(PLAN, version=2, valid_from=NOW - timedelta(minutes=5))
    first = replace(PLAN, slots=())
    assert missing(newer, "UTC", {}, NOW, expected_from=PLAN.valid_from, history=(first, newer)) == ()
    assert missing(newer, "UTC", {}, NOW, expected_from=PLAN.valid_from)[0].slots_missed > 30
    assert timedelta(hours=1) == GRACE
