"""Pauses as spans of time: what they cover, and how much of it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.domain.pauses import Pause, PauseKind, paused_time

START = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = 24 * 14
MOMENTS = st.integers(0, HOURS).map(lambda hour: START + timedelta(hours=hour))
PAUSES = st.lists(
    st.builds(
        Pause,
        st.sampled_from(PauseKind),
        MOMENTS,
        MOMENTS,
        st.none() | MOMENTS,
    ),
    max_size=6,
)


@given(PAUSES, MOMENTS, MOMENTS)
def test_time_on_pause_is_the_hours_that_any_pause_covers(pauses: list[Pause], one: datetime, other: datetime) -> None:
    start, end = min(one, other), max(one, other)
    hours = [start + timedelta(hours=number) for number in range(int((end - start) / timedelta(hours=1)))]
    covered = sum(any(pause.covers(at) for pause in pauses) for at in hours)
    assert paused_time(pauses, start, end) == timedelta(hours=covered)


@given(PAUSES, MOMENTS, st.integers(1, 12))
def test_a_slot_is_touched_where_any_of_its_time_is_covered(pauses: list[Pause], opens: datetime, hours: int) -> None:
    closes = opens + timedelta(hours=hours)
    inside = [opens + timedelta(hours=number) for number in range(hours)]
    for pause in pauses:
        assert pause.touches(opens, closes) == (any(pause.covers(at) for at in inside))


def test_an_end_before_its_time_counts_and_one_after_it_does_not() -> None:
    pause = Pause(PauseKind.HOSPITAL, START, START + timedelta(days=3), ended_at=START + timedelta(days=1))
    assert pause.ends == START + timedelta(days=1)
    assert not pause.covers(START + timedelta(days=1))
    late = Pause(PauseKind.AWAY, START, START + timedelta(days=1), ended_at=START + timedelta(days=3))
    assert late.ends == START + timedelta(days=1)
