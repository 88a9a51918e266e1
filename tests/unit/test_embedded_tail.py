"""When the tail of the embedded readings file asks for a shelf to be filled in."""

from itertools import count
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.embedded_tail import Tail
from hearthline_backend.storage.readings_tables import Standing

_EACH = 10
_PATIENTS = tables.SHELVES * _EACH
_ROWS_A_PATIENT = 4
_FULL = _EACH * _ROWS_A_PATIENT
_TAIL = _FULL * tables.SHELVES
_FIRST_FULL = _TAIL - tables.SHELVES + 1


class _Alike:
    """Patients who measure in turn, and a tail of what they measured; ``filled`` are the shelves filled in after each
    write."""

    def __init__(self) -> None:
        self.tail = Tail(rows_a_patient=_ROWS_A_PATIENT, fewest=1)
        self.filled: list[list[int]] = []
        self._numbers = count(1)

    def write(self, rows: int) -> None:
        written = [self._row(next(self._numbers)) for _ in range(rows)]
        self.tail.written(written)
        self.filled.append([])
        while (shelf := self.tail.full_shelf()) is not None:
            self.filled[-1].append(shelf)
            self.tail.filled(shelf, written[-1][3])

    @property
    def rows(self) -> int:
        return sum(len(theirs) for shelf in range(tables.SHELVES) for _, theirs in self.tail.shelf(shelf))

    def _row(self, number: int) -> Standing:
        return (UUID(int=number % _PATIENTS).bytes, number, number.to_bytes(16), number, tables.SHOWN, "pulse")


@given(st.lists(st.integers(1, _FULL // 2), min_size=100, max_size=300))
def test_patients_who_measure_alike_do_not_have_all_shelves_filled_in_between_two_writes(groups: list[int]) -> None:
    alike = _Alike()
    for rows in groups:
        alike.write(rows)
        assert alike.rows <= 2 * _TAIL
    assert max(map(len, alike.filled)) <= 1


def test_each_shelf_has_its_turn() -> None:
    alike = _Alike()
    for _ in range(3 * _TAIL // 5):
        alike.write(5)
    turns = [shelf for filled in alike.filled for shelf in filled]
    assert sorted(turns[: tables.SHELVES]) == list(range(tables.SHELVES))
    first = next(number for number, filled in enumerate(alike.filled) if filled)
    assert first == (_FIRST_FULL - 1) // 5  # at once
    after = len(alike.filled) - first
    assert after // (_FULL // 5) <= len(turns) <= after // (_FULL // 10) + 1


@given(st.lists(st.integers(1, 5 * _TAIL), min_size=1, max_size=20))
def test_large_groups_do_not_make_the_tail_grow(groups: list[int]) -> None:
    alike = _Alike()
    for rows in groups:
        alike.write(rows)
        assert alike.rows <= 2 * _TAIL


def test_a_long_rest_is_not_made_up_for_at_once() -> None:
    alike = _Alike()
    for _ in range(_FIRST_FULL // 10):
        alike.write(10)
    assert not any(alike.filled)
    for _ in range(4):
        alike.write(10)
    assert [len(filled) for filled in alike.filled[-4:]] == [1, 0, 1, 0]
