"""The lowest point over a line, while points come and go: as if every point were looked at."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.domain.assessors.lowest_line import LowestLine, Point

STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(-50, 50), st.integers(-20, 20)), max_size=80)


@given(STEPS)
def test_it_is_the_lowest_of_all_and_of_equal_ones_the_rightmost(steps: list[tuple[int, int, int]]) -> None:
    line, points = LowestLine(), deque[Point]()
    for place, (dropped, height, slope) in enumerate(steps):
        line.add(place, height)
        points.append((place, height))
        for _ in range(min(dropped, len(points) - 1)):
            line.drop_oldest()
            points.popleft()
        assert len(line) == len(points)
        lowest = min(points, key=lambda one: (one[1] - slope * one[0], -one[0]))
        assert line.lowest(slope) == (lowest[1] - slope * lowest[0], lowest[0])
