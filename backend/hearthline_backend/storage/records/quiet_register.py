"""The short way through Records for readings of which nothing follows: one visit of one thread to SQLite's own driver.

A unit of work is a dozen statements, each handed from the event loop to a thread and back. What the hot path has to
write is known beforehand, as long as what it remembers still holds; so that is asked in the very transaction that
writes, and where it does not hold nothing is written, and the unit of work does it.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from hearthline_backend.storage.embedded_threads import SqliteThreads
from hearthline_backend.storage.records.alerts import NEAR_SQLITE, NearAlert
from hearthline_backend.storage.records.judgements import Quiet, quiet_statements
from hearthline_backend.storage.utc_date_time import sqlite_text

_CACHE_MB: Final = 16
_REVISION: Final = "SELECT number FROM revisions WHERE topic = ?"
_CLAIMED: Final = "SELECT reading_id FROM claims WHERE reading_id IN (SELECT value FROM json_each(?))"
_HEARD: Final = "UPDATE gateways SET heard_at = ? WHERE name IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Look:
    """``homes`` is the revision of what is remembered of homes; ``claimed`` are those of the readings that a person has
    spoken of."""

    homes: int
    claimed: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class QuietGroup:
    """Rows for the register that are right as long as the revision of ``care`` is this one, and no alert of their
    patients is near that ``may_touch`` says they matter to. ``earliest`` and ``latest`` are how far such an alert can
    be from any of them, ``patients`` everybody whose row there is, and perhaps others."""

    rows: Sequence[Quiet]
    patients: Sequence[UUID]
    care: int
    earliest: datetime
    latest: datetime
    may_touch: Callable[[Sequence[NearAlert], str, datetime], bool]


class SqliteQuietRegister:
    """Of one file. ``writing`` is held by whoever writes to it.

    One connection writes and another looks things up for the next group: SQLite drops all pages that a connection
    remembers as soon as another one has written, so two that take turns remember nothing."""

    def __init__(self, path: Path, writing: AbstractAsyncContextManager[object]) -> None:
        self._writing = writing
        self._writer, self._reader = (
            SqliteThreads(
                path,
                f"records-quiet-{use}",
                1,
                _CACHE_MB,
                what="records",
                pragmas=("foreign_keys=ON",),
                defects=(sqlite3.IntegrityError, sqlite3.ProgrammingError),
            )
            for use in ("writer", "reader")
        )

    async def look(self, asked: Collection[UUID]) -> Look:
        """Of one moment; ``asked`` are the readings of which a person may have spoken."""
        return await self._reader.call(_look, asked)

    async def add(self, group: QuietGroup, heard: Collection[str], now: datetime) -> frozenset[int] | None:
        """Register the group, and note that these gateways were heard: durable when this returns. Answers with the
        positions of those rows that were left out, since an alert is near; None where nothing at all was written, since
        plans or patients are not as they were remembered."""
        async with self._writing:
            return await self._writer.call(_add, group, heard, now)

    async def close(self) -> None:
        """Finish what is under way and close the connections."""
        await self._reader.close()
        await self._writer.close()


def _look(connection: sqlite3.Connection, asked: Collection[UUID]) -> Look:
    connection.execute("BEGIN")
    (homes,) = connection.execute(_REVISION, ("homes",)).fetchone()
    found = connection.execute(_CLAIMED, (_as_json([one.hex for one in asked]),)).fetchall() if asked else ()
    connection.execute("COMMIT")
    return Look(homes, frozenset(UUID(one) for (one,) in found))


def _add(
    connection: sqlite3.Connection, group: QuietGroup, heard: Collection[str], now: datetime
) -> frozenset[int] | None:
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute(_REVISION, ("care",)).fetchone() != (group.care,):
        connection.execute("ROLLBACK")
        return None
    left_out = _touching(connection, group) if group.rows else frozenset()
    rows = [row for number, row in enumerate(group.rows) if number not in left_out] if left_out else group.rows
    for statement, values in quiet_statements(rows, now):
        connection.execute(statement, values)
    if heard:
        connection.execute(_HEARD, (sqlite_text(now), _as_json(list(heard))))
    connection.execute("COMMIT")
    return left_out


def _touching(connection: sqlite3.Connection, group: QuietGroup) -> frozenset[int]:
    """The positions of rows that matter to an alert."""
    people = _as_json(["%032x" % one.int for one in group.patients])  # noqa: UP031  # quickest
    span = (people, sqlite_text(group.earliest), sqlite_text(group.latest))
    near: dict[int, list[NearAlert]] = {}
    for patient, kind, cleared, last in connection.execute(NEAR_SQLITE, span):
        at = datetime.fromisoformat(last).replace(tzinfo=UTC)
        near.setdefault(int(patient, 16), []).append(NearAlert(kind, bool(cleared), at))
    if not near:
        return frozenset()
    return frozenset(
        number
        for number, (_, patient, kind, at, _) in enumerate(group.rows)
        if patient.int in near and group.may_touch(near[patient.int], kind, at)
    )


def _as_json(texts: list[str]) -> str:
    return json.dumps(texts)
