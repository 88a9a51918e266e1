"""Statements for SQLite that take many rows at a time.

Each statement is one visit to SQLite without Python's lock. A row at a time, as ``executemany`` does it, would hand the
lock to and fro for each, and may wait for it every time while the event loop is busy.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

_SIZES: Final = (256, 64, 16, 4, 1)
"""Few, so that the driver has each of them ready."""


def many_rows(statement: str, width: int, values: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Statements with what belongs to them: ``statement`` has ``{rows}`` where rows of ``width`` values go, and
    ``values`` are those of all rows, one after the other."""
    start = 0
    for rows in _SIZES:
        size = rows * width
        while start + size <= len(values):
            yield _filled(statement, width, rows), values[start : start + size]
            start += size


@cache
def _filled(statement: str, width: int, rows: int) -> str:
    # Plain marks: the driver looks for the name of each numbered one, from the first on.
    row = f"({','.join('?' * width)})"
    return statement.format(rows=",".join([row] * rows))
