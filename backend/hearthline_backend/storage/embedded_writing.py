"""What changes the embedded readings file, each a function of a connection: one transaction, one sync."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Final
from uuid import UUID

from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.embedded_tail import Tail, newest_number
from hearthline_backend.storage.many_rows import many_rows
from hearthline_backend.storage.ports import PatientReading, Place
from hearthline_backend.storage.series_runs import entries_in, newest_shown, runs_of

_MARKS_A_QUERY: Final = 500
_EMPTY_LOG_MS: Final = 250
_BUSY_MS: Final = 10_000


def write(connection: sqlite3.Connection, tail: Tail, rows: Sequence[PatientReading]) -> frozenset[UUID]:
    """Add the rows whose ids are new; returns those ids."""
    asked = tables.first_of_each(rows)
    newest = _begin(connection, tail)  # from here on nobody else adds an id
    added = _add(connection, newest, asked)
    if len(added) < len(asked):  # somebody sent again
        connection.execute("ROLLBACK")
        newest = _begin(connection, tail)
        for query, part in in_parts(tables.KNOWN, asked):
            for (key,) in connection.execute(query, part).fetchall():
                del asked[key]
        added = _add(connection, newest, asked)
    connection.execute("COMMIT")
    if added:
        tail.written(added)
    return frozenset([one.content.id for one in asked.values()])


def _begin(connection: sqlite3.Connection, tail: Tail) -> int:
    connection.execute("BEGIN IMMEDIATE")
    newest = newest_number(connection)
    tail.catch_up(connection, newest)
    return newest


def _add(connection: sqlite3.Connection, newest: int, new: Mapping[bytes, PatientReading]) -> list[tables.Standing]:
    """Empty where any of the ids was known."""
    values, standings = tables.numbered(new, newest)
    added = 0
    for statement, part in many_rows(tables.ADD_READINGS, 9, values):
        added += connection.execute(statement, part).rowcount
    return standings if added == len(standings) else []


def fill_in(connection: sqlite3.Connection, tail: Tail) -> None:
    """Fill the fullest shelf into ``series``, if there is one that is worth it."""
    shelf = tail.full_shelf()
    if shelf is not None:
        newest = _begin(connection, tail)
        _fill_in(connection, tail, shelf, newest)
        connection.execute("COMMIT")
        tail.filled(shelf, newest)


def _fill_in(connection: sqlite3.Connection, tail: Tail, shelf: int, newest: int) -> None:
    (up_to,) = connection.execute("SELECT up_to FROM shelves WHERE shelf = ?", (shelf,)).fetchone()
    runs: list[bytes | str | int] = []
    latest: list[bytes | str | int] = []
    for patient, rows in tail.shelf(shelf):
        entries = [one[1:] for one in rows if one[3] > up_to]  # another process may have filled in some
        entries.sort()  # nearly always they are in order: then it is a look at each
        for run in runs_of(patient, entries):
            runs += run
        for kind, (time_us, key, number, _, _) in newest_shown(entries).items():
            latest += (patient, kind, time_us, key, number)
    for statement, part in chain(many_rows(tables.ADD_RUNS, 6, runs), many_rows(tables.ADD_LATEST, 5, latest)):
        connection.execute(statement, part)
    # Of an empty one everything is in ``series``; so nobody has to look through old readings for it.
    connection.executemany(tables.FILLED, [(newest, one) for one in {shelf, *tail.empty_shelves()}])


def move(connection: sqlite3.Connection, tail: Tail, places: Mapping[UUID, Place]) -> frozenset[UUID]:
    """Put readings at their places; returns the ids that are known."""
    newest = _begin(connection, tail)
    wanted = [one.bytes for one in places]
    found = [row for query, part in in_parts(tables.PLACES, wanted) for row in connection.execute(query, part)]
    goals = {row[3]: tables.reading_of(row[2:]).moved(places[UUID(bytes=row[3])]) for row in found}
    shelves = {tables.shelf_of(one) for row in found for one in (row[4], goals[row[3]].patient_id.bytes)}
    for shelf in sorted(shelves):
        _fill_in(connection, tail, shelf, newest)
    touched: set[tuple[bytes, str]] = set()
    for number, kind, time_us, key, patient, _, _, _, standing in found:
        goal = goals[key]
        there, at, stands = goal.patient_id.bytes, tables.microseconds(goal.effective_time), tables.standing_of(goal)
        if (there, at, stands) != (patient, time_us, standing):
            connection.execute(tables.MOVE, (there, at, stands, number))
            _take_out(connection, patient, time_us, number)
            _add_runs(connection, there, [(at, key, number, stands, kind)])
            touched |= {(patient, kind), (there, kind)}
    for pair in sorted(touched):
        _find_latest(connection, *pair)
    connection.execute("COMMIT")
    for shelf in shelves:
        tail.filled(shelf, newest)
    return frozenset(UUID(bytes=key) for key in goals)


def _add_runs(connection: sqlite3.Connection, patient: bytes, entries: Sequence[tables.Entry]) -> None:
    for statement, part in many_rows(tables.ADD_RUNS, 6, list(chain.from_iterable(runs_of(patient, entries)))):
        connection.execute(statement, part)


def _take_out(connection: sqlite3.Connection, patient: bytes, time_us: int, number: int) -> None:
    """Out of the run in which it stands."""
    for last_us, run, *packed in connection.execute(tables.RUNS_AT, (patient, time_us, time_us)).fetchall():
        entries = entries_in(*packed)
        rest = [one for one in entries if one[2] != number]
        if len(rest) < len(entries):
            connection.execute(tables.REMOVE_RUN, (patient, last_us, run))
            _add_runs(connection, patient, rest)


def _find_latest(connection: sqlite3.Connection, patient: bytes, kind: str) -> None:
    """Bring ``latest`` up to date with ``series``."""
    newest: tables.Entry | None = None
    with closing(connection.execute(tables.NEWEST_RUNS, (patient,))) as runs:
        for last_us, *packed in runs:
            if newest is not None and last_us < newest[0]:
                break
            found = newest_shown(entries_in(*packed)).get(kind)
            if found is not None and (newest is None or newest < found):
                newest = found
    connection.execute(tables.REMOVE_LATEST, (patient, kind))
    if newest is not None:
        time_us, key, number, _, _ = newest
        for statement, part in many_rows(tables.ADD_LATEST, 5, (patient, kind, time_us, key, number)):
            connection.execute(statement, part)


def erase(connection: sqlite3.Connection, tail: Tail, patient: bytes) -> int:
    """Forget everything of a patient; returns how many readings there were.

    The pages are overwritten, and so is the log, unless somebody is reading from it: then it is by the next writes.
    """
    newest, shelf = _begin(connection, tail), tables.shelf_of(patient)
    _fill_in(connection, tail, shelf, newest)
    runs = connection.execute(tables.ALL_RUNS, (patient,))
    numbers = [entry[2] for packed in runs for entry in entries_in(*packed)]
    gone = connection.execute(tables.ERASE_READINGS, (tables.as_json(numbers),)).rowcount
    for statement in tables.ERASE:
        connection.execute(statement, (patient,))
    connection.execute("COMMIT")
    tail.filled(shelf, newest)
    if gone:
        connection.execute(f"PRAGMA busy_timeout={_EMPTY_LOG_MS}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    return gone


def in_parts(query: str, values: Iterable[bytes | int]) -> Iterator[tuple[str, tuple[bytes | int, ...]]]:
    """The query with its ``{marks}`` filled in, and the values that belong to them, a bounded number at a time."""
    everything = tuple(values)
    for start in range(0, len(everything), _MARKS_A_QUERY):
        part = everything[start : start + _MARKS_A_QUERY]
        yield query.format(marks=",".join("?" * len(part))), part
