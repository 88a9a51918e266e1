"""Percentiles by nearest rank."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.percentile import percentile

VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=300)
PERCENTS = st.floats(min_value=0, max_value=100, exclude_min=True)


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [(200, 50, 100), (200, 99, 198), (20, 50, 10), (20, 99, 20), (1, 50, 1), (1, 99, 1), (3, 100, 3), (101, 99, 100)],
)
def test_is_the_value_of_the_nearest_rank(count: int, percent: float, expected: float) -> None:
    assert percentile(range(count, 0, -1), percent) == expected


@given(VALUES, PERCENTS)
def test_is_a_value_that_was_measured_and_enough_lie_at_or_below_it(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    at_or_below = sum(value <= found for value in values)
    below = sum(value < found for value in values)
    assert at_or_below * 100 >= percent * len(values) * (1 - 1e-9)
    assert below * 100 < percent * len(values) * (1 + 1e-9)


@given(VALUES)
def test_a_higher_percentile_is_never_smaller(values: list[float]) -> None:
    assert percentile(values, 50) <= percentile(values, 99) <= percentile(values, 100) == max(values)


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_refuses_what_is_no_percentile(percent: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most at 100"):
        percentile([1.0], percent)


def test_refuses_nothing() -> None:
    with pytest.raises(ValueError, match="of nothing"):
        percentile([], 50)
