"""Who is on call at an instant, against what a person with a wall clock and the rota in hand would say."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.domain.local_time import first_instant
from hearthline_backend.domain.rotas import Holiday, Rota, StandIn, TeamRota, Turn

ZONES = ("Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
PEOPLE = [UUID(int=number) for number in range(1, 7)]
A, B, C, D, E, F = PEOPLE
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FIRST_WEEK = date(2026, 1, 5)
CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Stockholm forward
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # and back
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York forward
    datetime(2026, 11, 1, 6, tzinfo=UTC),  # and back
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe back, by half an hour
)


def people(rota: TeamRota, at: datetime) -> list[UUID]:
    return [person for _, person in rota.order(at)]


def rota_of(*places: tuple[Turn, ...], zone: str = "Europe/Stockholm", day_begins: time = time(0)) -> Rota:
    return Rota(zone, places, FIRST_WEEK, day_begins)


def at_stockholm(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Stockholm")).astimezone(UTC)


@lru_cache(maxsize=100_000)
def reached(day: date, at: time, zone: str) -> datetime:
    """The first minute at which the wall shows this time or later, looked up minute by minute."""
    wanted = datetime.combine(day, at)
    moment = wanted.replace(tzinfo=UTC) - timedelta(hours=15)
    step = timedelta(hours=1)
    while (moment + step).astimezone(ZoneInfo(zone)).replace(tzinfo=None) < wanted:
        moment += step
    while moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) < wanted:
        moment += timedelta(minutes=1)
    return moment


def said_by_a_person(rota: Rota, at: datetime) -> list[UUID]:
    """The last handover of each place that the wall has reached."""
    found: list[UUID] = []
    for turns in rota.places:
        past = [
            (moment, day, turn.at, number)
            for number, turn in enumerate(turns)
            for back in range(-2, 16)
            if (day := at.date() - timedelta(days=back)).weekday() == turn.weekday
            and (moment := reached(day, turn.at, turn.zone or rota.zone)) <= at
        ]
        if past:
            _, day, _, number = max(past)
            who = turns[number].people
            if who and (person := who[(day - FIRST_WEEK).days // 7 % len(who)]) not in found:
                found.append(person)
    return found


quarters = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
turns = st.builds(
    Turn,
    st.integers(0, 6),
    st.one_of(quarters, st.builds(time, st.integers(1, 3), st.sampled_from([0, 15, 30, 45]))),
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True).map(tuple),
    st.sampled_from([None, None, *ZONES]),
)
rotas = st.builds(
    Rota,
    st.sampled_from(ZONES),
    st.lists(st.lists(turns, min_size=1, max_size=6).map(tuple), min_size=1, max_size=3).map(tuple),
    st.just(FIRST_WEEK),
    quarters,
)
instants = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.one_of(st.integers(-240, 240), st.integers(-20_000, 20_000)),
)


@settings(max_examples=300, deadline=None)
@given(rotas, instants)
def test_at_every_instant_exactly_the_declared_order_is_on_call(rota: Rota, at: datetime) -> None:
    assert people(TeamRota(at, [(LONG_AGO, rota)]), at) == said_by_a_person(rota, at)


@settings(max_examples=100, deadline=None)
@given(rotas, instants, instants)
def test_wherever_one_looks_from_the_answer_is_the_same_and_no_place_is_empty(
    rota: Rota, at: datetime, other: datetime
) -> None:
    near = at + (other - at) % timedelta(days=7)
    seen = TeamRota(at, [(LONG_AGO, rota)]).order(near)
    assert seen == TeamRota(near, [(LONG_AGO, rota)]).order(near)
    assert seen[0][0] == 0, "somebody is first at every instant"


@settings(max_examples=100, deadline=None)
@given(rotas, instants)
def test_the_order_stands_until_the_next_handover_and_is_another_one_from_it_on(rota: Rota, at: datetime) -> None:
    team = TeamRota(at, [(LONG_AGO, rota)])
    handover = team.next_handover()
    until = at + timedelta(days=8) if handover is None else handover[0]
    steps = [at + (until - at) * part / 16 for part in range(16)]
    assert {team.order(step) for step in steps} == {team.order(at)}
    if handover is not None:
        assert team.order(handover[0]) == handover[1] != team.order(at)
    for post in team.on_duty():
        ends = post.until or at + timedelta(days=8)
        begins = post.since or at - timedelta(days=8)
        for step in [begins, at, ends - timedelta(microseconds=1)]:
            assert (post.place, post.person) in team.order(step)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ZONES), st.sampled_from(CHANGES), st.integers(-2000, 2000), st.integers(0, 200))
def test_a_later_time_on_the_wall_is_never_an_earlier_instant(
    zone: str, change: datetime, minutes: int, later: int
) -> None:
    first = change.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(minutes=minutes)
    second = first + timedelta(minutes=later)
    found = [first_instant(one.date(), one.time(), ZoneInfo(zone)) for one in (first, second)]
    assert found == sorted(found)
    assert found[0] == reached(first.date(), first.time(), zone)


def test_in_the_night_the_clocks_go_forward_two_handovers_in_the_lost_hour_happen_at_once() -> None:
    sunday = rota_of((Turn(6, time(2, 10), (A,)), Turn(6, time(2, 50), (B,)), Turn(6, time(3, 15), (C,))))
    team = TeamRota(at_stockholm("2026-03-29T01:00"), [(LONG_AGO, sunday)])
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert people(team, change - timedelta(seconds=1)) == [C]
    assert people(team, change) == [B]
    assert people(team, change + timedelta(minutes=15)) == [C]


def test_several_people_in_a_turn_have_a_week_each() -> None:
    weekly = rota_of((Turn(0, time(8), (A, B, C)),))
    for week, person in enumerate([A, B, C, A]):
        monday = FIRST_WEEK + timedelta(weeks=week)
        team = TeamRota(at_stockholm(f"{monday}T08:00"), [(LONG_AGO, weekly)])
        assert people(team, at_stockholm(f"{monday}T08:00")) == [person]
        assert people(team, at_stockholm(f"{monday}T07:59")) != [person]
        assert team.next_handover() is not None


NIGHTS = rota_of(
    (
        *(Turn(day, at, (person,)) for day in range(5) for at, person in ((time(8), A), (time(20), B))),
        Turn(5, time(8), (C,)),
        Turn(6, time(8), (D,)),
    ),
    (Turn(0, time(8), (E, F)),),
    day_begins=time(8),
)


holidays = st.dictionaries(
    st.integers(-4, 4),
    st.one_of(st.integers(0, 6), st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True)),
)


@settings(max_examples=200, deadline=None)
@given(rotas, st.integers(0, 60 * 24 * 9), holidays)
def test_on_holidays_the_declared_people_are_on_call_and_on_other_days_the_usual_ones(
    rota: Rota, minutes: int, declared: dict[int, int | list[UUID]]
) -> None:
    zone = ZoneInfo(rota.zone)
    local = datetime(2026, 6, 10, tzinfo=zone) + timedelta(minutes=minutes)  # far from any change of clocks
    at = local.astimezone(UTC)
    duty_day = local.date() - timedelta(days=local.time() < rota.day_begins)
    days = {date(2026, 6, 14) + timedelta(days=number): what for number, what in declared.items()}
    known = [
        Holiday(day, like=what) if isinstance(what, int) else Holiday(day, people=tuple(what))
        for day, what in days.items()
    ]
    found = people(TeamRota(at, [(LONG_AGO, rota)], known), at)
    what = days.get(duty_day)
    if isinstance(what, list):
        assert found == what
        return
    moved = at + timedelta(days=0 if what is None else what - duty_day.weekday())
    assert found == said_by_a_person(rota, moved)
    assert found


def test_a_holiday_is_staffed_like_another_weekday_hour_by_hour() -> None:
    friday = Holiday(date(2026, 12, 25), like=6)
    team = TeamRota(at_stockholm("2026-12-25T10:00"), [(LONG_AGO, NIGHTS)], [friday])
    found = [people(team, at_stockholm(text))[0] for text in (
        "2026-12-25T07:59", "2026-12-25T08:00", "2026-12-26T07:59", "2026-12-26T08:00")]  # fmt: skip
    assert found == [B, D, D, C]
    (first, second) = team.on_duty()
    assert (first.since, first.until) == (at_stockholm("2026-12-25T08:00"), at_stockholm("2026-12-26T08:00"))
    assert second.person in (E, F)


def test_a_monday_that_is_a_holiday_keeps_the_week_of_who_takes_over_that_day() -> None:
    monday = Holiday(date(2026, 1, 12), like=6)
    usual = TeamRota(at_stockholm("2026-01-13T10:00"), [(LONG_AGO, NIGHTS)])
    team = TeamRota(at_stockholm("2026-01-12T10:00"), [(LONG_AGO, NIGHTS)], [monday])
    assert people(team, at_stockholm("2026-01-12T10:00")) == [D, F]
    assert people(team, at_stockholm("2026-01-13T10:00")) == people(usual, at_stockholm("2026-01-13T10:00")) == [A, F]


def test_a_holiday_may_name_its_people_and_two_in_a_row_leave_no_gap() -> None:
    days = [Holiday(date(2026, 12, 24), people=(F, A)), Holiday(date(2026, 12, 25), people=(E,))]
    team = TeamRota(at_stockholm("2026-12-24T12:00"), [(LONG_AGO, NIGHTS)], days)
    assert people(team, at_stockholm("2026-12-24T08:00")) == [F, A]
    assert people(team, at_stockholm("2026-12-25T07:59")) == [F, A]
    assert people(team, at_stockholm("2026-12-25T08:00")) == [E]
    assert people(team, at_stockholm("2026-12-26T08:00"))[0] == C


def test_a_stand_in_takes_every_place_and_a_sick_person_without_one_is_passed_over() -> None:
    begin, end = at_stockholm("2026-01-05T10:00"), at_stockholm("2026-01-06T10:00")
    swapped = TeamRota(begin, [(LONG_AGO, NIGHTS)], stand_ins=[StandIn(A, C, begin, end), StandIn(C, D, begin, end)])
    assert people(swapped, begin - timedelta(seconds=1)) == [A, E]
    assert people(swapped, begin) == [D, E]
    assert people(swapped, end) == [A, E]
    sick = TeamRota(begin, [(LONG_AGO, NIGHTS)], stand_ins=[StandIn(A, None, begin, end)])
    assert people(sick, begin) == [E]
    both = TeamRota(begin, [(LONG_AGO, NIGHTS)], stand_ins=[StandIn(A, E, begin, end)])
    assert both.order(begin) == ((0, E),), "nobody is called twice in a row"


def test_a_new_version_takes_over_when_it_becomes_valid_and_before_the_first_nobody_is_on_call() -> None:
    first, second = at_stockholm("2026-01-05T12:00"), at_stockholm("2026-01-07T12:00")
    other = rota_of((Turn(0, time(8), (C,)),))
    team = TeamRota(second, [(first, NIGHTS), (second, other)])
    assert people(team, first - timedelta(seconds=1)) == []
    assert people(team, first) == [A, E]
    assert people(team, second - timedelta(seconds=1)) == [A, E]
    assert people(team, second) == [C]
    assert TeamRota(first, [(first, NIGHTS)]).next_handover() == (
        at_stockholm("2026-01-05T20:00"),
        ((0, B), (1, E)),
    )


def test_a_person_far_away_takes_over_on_their_own_clock() -> None:
    far = rota_of((Turn(0, time(8), (A,)), Turn(0, time(20), (B,), "America/New_York")))
    team = TeamRota(at_stockholm("2026-03-16T12:00"), [(LONG_AGO, far)])
    change = datetime(2026, 3, 17, 0, tzinfo=UTC)  # New York is on summer time already, Stockholm is not
    assert people(team, change - timedelta(seconds=1)) == [A]
    assert people(team, change) == [B]


@pytest.mark.parametrize("place", [0, 1])
def test_a_place_that_is_nobodys_by_night_leaves_the_others(place: int) -> None:
    half = (Turn(0, time(8), (A,)), Turn(0, time(20), ()))
    whole = (Turn(0, time(8), (B,)),)
    places = (half, whole) if place == 0 else (whole, half)
    team = TeamRota(at_stockholm("2026-01-05T21:00"), [(LONG_AGO, rota_of(*places))])
    assert team.order(at_stockholm("2026-01-05T21:00")) == ((1 - place, B),)
