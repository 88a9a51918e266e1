"""The readings of the embedded file that arrived last and are not filled into its ``series`` yet, in memory.

It only repeats what the table ``readings`` holds, so that a crash loses nothing of it, and another process that works
on the file is followed: whatever is numbered above what is known here is read when a view is taken. A reading in it
does not change: moving and erasing fill in the shelves first.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from threading import Lock
from typing import Final

from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.readings_tables import Standing

_ROWS_A_PATIENT: Final = 16
_FEWEST: Final = 256
_MOST: Final = 4000
_LAG: Final = 65_536

_NONE: Final = 1 << 63

Shelf = dict[bytes, list[Standing]]


@dataclass(frozen=True, slots=True)
class View:
    """The tail as it belongs to the transaction in which it was taken."""

    shelves: Sequence[Shelf]
    up_to: Sequence[int]
    newest: int

    def of(self, patient: bytes) -> list[Standing]:
        """A patient's readings that are not in ``series``, in no order."""
        shelf = tables.shelf_of(patient)
        filled = self.up_to[shelf]
        return [one for one in self.shelves[shelf].get(patient, ()) if filled < one[3] <= self.newest]

    def patients(self) -> set[bytes]:
        """Everybody of whom there is one."""
        return {patient for shelf in self.shelves for patient in list(shelf) if self.of(patient)}


class Tail:
    """Shared by the threads of one store. ``rows_a_patient`` is how many of each are worth filling in a shelf for, on
    average; it is done with ``fewest`` at least, with ``most`` whatever they are, and with any that ``lag`` readings
    came after: about so many are read when the file is opened, half as many again at most.

    Where all patients measure alike all shelves become full at once. Then as many readings as half of one holds are
    written for each that is filled in: a write waits for one and not for all, and from then on each becomes full at a
    moment of its own."""

    def __init__(
        self, rows_a_patient: int = _ROWS_A_PATIENT, fewest: int = _FEWEST, most: int = _MOST, lag: int = _LAG
    ) -> None:
        self._bounds = (rows_a_patient, fewest, most)
        self._lag = lag
        self._lock = Lock()
        self._known = 0
        self._shelves: list[Shelf] = [{} for _ in range(tables.SHELVES)]
        self._counts = [0] * tables.SHELVES
        self._oldest = [_NONE] * tables.SHELVES
        self._last_written = 0
        self._since_filled = most  # enough for one: who is started often and writes little fills in, too

    @contextmanager
    def view(self, connection: sqlite3.Connection) -> Iterator[View]:
        """A transaction that reads, and the tail that belongs to it."""
        while True:
            # Looked at before the transaction begins: what is dropped from now on was filled in after this moment, so
            # it is still in these; what was dropped before is in ``series`` as the transaction sees it.
            shelves = tuple(self._shelves)
            connection.execute("BEGIN")
            newest, up_to = newest_number(connection), _up_to(connection)
            if newest <= self._known:
                break
            self.catch_up(connection, newest)
            connection.execute("COMMIT")
        yield View(shelves, up_to, newest)
        connection.execute("COMMIT")

    def catch_up(self, connection: sqlite3.Connection, newest: int) -> None:
        """Learn what another process wrote, or this one before it started, up to ``newest``."""
        with self._lock:
            if newest > self._known:
                up_to = _up_to(connection)
                rows = connection.execute(tables.ARRIVED, (max(self._known, min(up_to)),))
                self._add(row for row in rows if row[3] > up_to[tables.shelf_of(row[0])])
                self._known = newest

    def written(self, rows: Sequence[Standing]) -> None:
        """What was committed just now, in order of its numbers."""
        with self._lock:
            self._last_written = len(rows)
            self._since_filled += len(rows)
            if rows[0][3] == self._known + 1:  # otherwise a reader was quicker and knows it already
                self._add(rows)
                self._known = rows[-1][3]

    def shelf(self, number: int) -> list[tuple[bytes, list[Standing]]]:
        """Everything on a shelf, by patient, in order of their ids; each one's as it came."""
        return sorted(self._shelves[number].items(), key=itemgetter(0))

    def empty_shelves(self) -> list[int]:
        """Those with nothing on them."""
        return [shelf for shelf, count in enumerate(self._counts) if not count]

    def filled(self, shelf: int, up_to: int) -> None:
        """What is on the shelf up to this number is in ``series`` now, committed."""
        with self._lock:
            # What came before the last write does not count again: several at once would make up for it.
            rest = self._rest(shelf)
            self._since_filled = max(0, min(self._since_filled, max(self._last_written, rest)) - rest)
            before, self._counts[shelf], self._oldest[shelf] = self._shelves[shelf], 0, _NONE
            self._shelves[shelf] = {}  # a new one: views that began earlier go on with the one they have
            self._add(one for rows in before.values() for one in rows if one[3] > up_to)

    def full_shelf(self) -> int | None:
        """The shelf that should be filled in now; None where none needs it, or one was just before."""
        fullest = max(range(tables.SHELVES), key=self._counts.__getitem__)
        longest = min(range(tables.SHELVES), key=self._oldest.__getitem__)
        if self._counts[fullest] >= self._enough(fullest):
            found = fullest
        elif self._known - self._oldest[longest] > self._lag:
            found = longest
        else:
            return None
        return found if self._since_filled >= self._rest(found) else None

    def _rest(self, shelf: int) -> int:
        return self._enough(shelf) // 2

    def _enough(self, shelf: int) -> int:
        rows_a_patient, fewest, most = self._bounds
        return min(most, max(fewest, rows_a_patient * len(self._shelves[shelf])))

    def _add(self, rows: Iterable[Standing]) -> None:
        shelves, counts, oldest = self._shelves, self._counts, self._oldest
        for row in rows:
            patient = row[0]
            number = tables.shelf_of(patient)
            known = shelves[number].get(patient)
            if known is None:
                shelves[number][patient] = [row]
            else:
                known.append(row)
            counts[number] += 1
            if row[3] < oldest[number]:
                oldest[number] = row[3]


def newest_number(connection: sqlite3.Connection) -> int:
    """The highest number that was ever given."""
    (found,) = connection.execute(tables.NEWEST).fetchone()
    return int(found)


def _up_to(connection: sqlite3.Connection) -> list[int]:
    return [up_to for (up_to,) in connection.execute(tables.UP_TO)]
