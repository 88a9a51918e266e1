"""The lowest of many points over a line, while points come and go: what a cumulative sum in a moving time asks for.

The points are kept as lower convex hulls, one for those that came since the last turn-over and one for those before,
of which the oldest is taken off by undoing what put it on. A point costs amortised constant time, a question the
logarithm of how many there are. Whole numbers only, so that nothing drifts.
"""

Point = tuple[int, int]
"""Place, strictly growing, and height."""


class LowestLine:
    """A queue of points that says which lies lowest over a line of any slope."""

    __slots__ = ("_front", "_front_size", "_hull", "_new", "_undo")

    def __init__(self) -> None:
        self._new: list[Point] = []
        self._hull: list[Point] = []
        self._front: list[Point] = []
        """From right to left; only the first ``_front_size`` count, the rest is what an undoing brings back."""
        self._front_size = 0
        self._undo: list[tuple[int, Point | None]] = []
        """By point of the front, the rightmost first: how many counted before it, and what stood where it went."""

    def __len__(self) -> int:
        return len(self._new) + len(self._undo)

    def add(self, place: int, height: int) -> None:
        """A point to the right of all others."""
        point, hull = (place, height), self._hull
        self._new.append(point)
        while len(hull) > 1 and _turns_down(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)

    def drop_oldest(self) -> None:
        """Without the leftmost point. There is one."""
        if not self._undo:
            self._turn_over()
        size, stood = self._undo.pop()
        if stood is not None:
            self._front[self._front_size - 1] = stood
        self._front_size = size

    def lowest(self, slope: int) -> tuple[int, int]:
        """``(height - slope * place, place)`` of the lowest point; of equal ones the rightmost. There is one."""
        if not self._front_size:
            return _lowest(self._hull, len(self._hull), slope, rightwards=True)
        before = _lowest(self._front, self._front_size, slope, rightwards=False)
        if not self._hull:
            return before
        since = _lowest(self._hull, len(self._hull), slope, rightwards=True)
        return since if since[0] <= before[0] else before

    def _turn_over(self) -> None:
        self._front, self._front_size = [], 0
        for point in reversed(self._new):
            self._add_left(point)
        self._new, self._hull = [], []

    def _add_left(self, point: Point) -> None:
        front, size = self._front, self._front_size
        keep = size
        while keep > 1 and _turns_down(point, front[keep - 1], front[keep - 2]):
            keep -= 1
        if keep < len(front):
            self._undo.append((size, front[keep]))
            front[keep] = point
        else:
            self._undo.append((size, None))
            front.append(point)
        self._front_size = keep + 1


def _turns_down(left: Point, middle: Point, right: Point) -> bool:
    """Whether the middle one lies on or over the line between the others, so that it is never the lowest alone."""
    return (middle[1] - left[1]) * (right[0] - middle[0]) >= (right[1] - middle[1]) * (middle[0] - left[0])


def _lowest(hull: list[Point], size: int, slope: int, *, rightwards: bool) -> tuple[int, int]:
    """Along a lower hull the heights over a line fall, then rise: the place where they turn."""
    low, high = 0, size - 1
    while low < high:
        middle = (low + high) // 2
        place, height = hull[middle]
        then, there = hull[middle + 1]
        gain = there - height - slope * (then - place)
        if gain < 0 or (gain == 0 and rightwards):
            low = middle + 1
        else:
            high = middle
    place, height = hull[low]
    return height - slope * place, place
