"""Spans of duty: without a gap between them, each as the rota says at any of its instants, empty where nobody is."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.domain.duty_spans import BesideRota, DutySpan, duty_spans, gaps
from hearthline_backend.domain.rotas import Rota, StandIn, TeamRota, Turn

NOW = datetime(2026, 11, 22, 2, 12, tzinfo=UTC)
ANNA, NILS, NORA = (UUID(int=number) for number in (1, 2, 3))
EVERYBODY = (ANNA, NILS, NORA)
WEEK = timedelta(days=7)

people = st.sampled_from(EVERYBODY)
turns = st.builds(
    Turn,
    st.integers(0, 6),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.lists(people, max_size=2).map(tuple),
)
rotas = st.lists(st.lists(turns, min_size=1, max_size=3).map(tuple), min_size=1, max_size=2).map(
    lambda places: Rota("Europe/Stockholm", tuple(places), date(2026, 11, 16))
)
hours = st.integers(-24, 400)


def _beside(person: UUID, place: int, start: int, length: int | None) -> BesideRota:
    begins = NOW + timedelta(hours=start)
    return BesideRota(person, place, begins, None if length is None else begins + timedelta(hours=length))


besides = st.builds(_beside, people, st.integers(0, 2), hours, st.none() | st.integers(1, 100))


@given(rotas, st.lists(besides, max_size=2), st.sets(people), st.integers(0, 14 * 24 * 60 - 1))
def test_spans_cover_the_time_and_say_what_the_rota_says(
    rota: Rota, beside: list[BesideRota], members: set[UUID], minutes: int
) -> None:
    team = TeamRota(NOW + WEEK, [(NOW - WEEK, rota)], stand_ins=[StandIn(NILS, NORA, NOW + WEEK, NOW + 2 * WEEK)])
    spans = duty_spans(team, beside, members, NOW, NOW + 2 * WEEK)
    assert spans[0].begins == NOW
    assert spans[-1].ends == NOW + 2 * WEEK
    for one, other in itertools.pairwise(spans):
        assert one.ends == other.begins
        assert one.people != other.people
    at = NOW + timedelta(minutes=minutes)
    (span,) = [one for one in spans if one.begins <= at < one.ends]
    called = [(place, person) for place, person in team.order(at)]
    called += [
        (one.place, instead)
        for one in beside
        if one.begins <= at and (one.ends is None or at < one.ends)
        and (instead := team.standing_in(one.person, at)) is not None
    ]  # fmt: skip
    assert set(span.people) == {person for _place, person in called} & members
    assert len(set(span.people)) == len(span.people)
    assert gaps(spans) == tuple(one for one in spans if not one.people)


def test_without_a_rota_only_those_are_called_who_were_put_on_call_by_hand() -> None:
    until = NOW + timedelta(hours=5)
    spans = duty_spans(None, [BesideRota(ANNA, 0, NOW - WEEK, until)], EVERYBODY, NOW, NOW + WEEK)
    assert spans == (DutySpan(NOW, until, (ANNA,)), DutySpan(until, NOW + WEEK, ()))


def test_whoever_has_left_leaves_a_gap_and_the_second_moves_up() -> None:
    places = ((Turn(0, time(8), (ANNA,)),), (Turn(0, time(8), (NILS,)),))
    team = TeamRota(NOW + WEEK, [(NOW - WEEK, Rota("UTC", places, date(2026, 11, 16)))])
    assert [one.people for one in duty_spans(team, (), EVERYBODY, NOW, NOW + WEEK)] == [(ANNA, NILS)]
    assert [one.people for one in duty_spans(team, (), {NILS}, NOW, NOW + WEEK)] == [(NILS,)]
    assert [one.people for one in gaps(duty_spans(team, (), (), NOW, NOW + WEEK))] == [()]
