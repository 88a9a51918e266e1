"""Opening the outbox file in whatever state a crash, a full disk or a failing card left it.

A damaged file is exchanged for a new one in steps that a power cut may interrupt anywhere. What is readable is written
to ``<name>.mending``; its renaming to ``<name>.mended-<stamp>`` decides; from then on every start finishes the rest:
the damaged file and its journal get the name ``<name>.damaged-<stamp>``, the mended one theirs.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from hearthline_gateway.outbox.journal import read_journal
from hearthline_gateway.outbox.rows import add_to_fact, fact, set_fact, text
from hearthline_gateway.outbox.salvage import Salvaged, salvage
from hearthline_gateway.outbox.schema import OutboxError, connect
from hearthline_gateway.outbox.trouble import OutboxDamagedError, damage_in, is_full, unwritable

log = structlog.get_logger(__name__)

_JOURNALS: Final = ("-wal", "-shm")
_KEPT: Final = 3
"""Damaged files beyond the newest so many are deleted: what could be read in them was carried over."""
_THOROUGH_BYTES: Final = 64 * 1024 * 1024
"""Up to this size indexes are compared with their tables at every start; a larger file would hold the start up."""
_EMPTY_JOURNAL: Final = 32
_GARBAGE: Final = (
    "SELECT 1 FROM readings WHERE state = 'pending'"
    " AND CASE WHEN json_valid(reading) THEN json_extract(reading, '$.id') IS NOT id ELSE 1 END LIMIT 1"
)
"""SQLite has no checksums: bytes overwritten inside a text are a sound file to it."""


class OutboxFile:
    """The place of the outbox, and how a connection for its one writer comes about."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self.path = path
        self._now = now

    def open(self) -> sqlite3.Connection:
        """A connection to a sound file. Raises ``OutboxFullError`` while there is no room, ``OutboxError`` where a
        person has to act."""
        try:
            _finish_exchange(self.path)
            return self._sound()
        except OutboxDamagedError as damage:
            return self.mend(None, damage.finding)
        except OutboxError as error:
            if is_full(error.__cause__, self.path):
                raise unwritable(_cause(error), self.path) from error
            raise
        except OSError as error:
            raise unwritable(error, self.path) from error

    def _sound(self) -> sqlite3.Connection:
        journal = _beside(self.path, "-wal")
        if _size(self.path) == 0 and _size(journal) > _EMPTY_JOURNAL:
            raise OutboxDamagedError("it is empty, and its journal is not")
        damaged = read_journal(journal).damage
        if damaged is not None:
            raise OutboxDamagedError(damaged)
        try:
            connection = connect(self.path)
        except OutboxError as error:
            finding = damage_in(error.__cause__)
            if finding is not None:
                raise OutboxDamagedError(finding) from error
            raise
        try:
            _examine(connection, thorough=_size(self.path) <= _THOROUGH_BYTES)
        except BaseException:
            connection.close()
            raise
        return connection

    def mend(self, connection: sqlite3.Connection | None, finding: str) -> sqlite3.Connection:
        """Exchange a damaged file for a new one with everything readable; ``connection`` is the one still open."""
        log.error("outbox_damaged", file=str(self.path), finding=finding)
        try:
            stamp = self._stamp()
            result = self._write_mended(stamp)
            if connection is not None:
                connection.close()  # only now: closing writes the journal into the file, whatever is in it
            _finish_exchange(self.path)
            _delete_old(self.path)
            mended = connect(self.path)
        except (OSError, sqlite3.Error) as error:
            raise unwritable(error, self.path) from error
        log.error(
            "outbox_set_aside",
            file=_damaged(self.path, stamp).name,
            finding=finding,
            readings_carried_over=result.readings,
            frames_decoded_again=result.frames,
            readings_lost="unknown" if result.lost is None else result.lost,
            next_step="look at the disk's health; keep a copy of the file for support, then delete it",
        )
        return mended

    def _stamp(self) -> str:
        stamp = self._now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        taken = [_damaged(self.path, stamp).exists(), *(_damaged(self.path, f"{stamp}.{n}").exists() for n in range(9))]
        return stamp if not taken[0] else f"{stamp}.{taken[1:].index(False)}"

    def _write_mended(self, stamp: str) -> Salvaged:
        mending = _beside(self.path, ".mending")
        for leftover in (mending, *(_beside(mending, suffix) for suffix in _JOURNALS)):
            leftover.unlink(missing_ok=True)
        self.path.touch()  # where even the file is gone, its journal may still hold pages
        with closing(connect(mending)) as db:
            result = self._salvage(db)
            self._note(db, stamp, result)
        _sync(mending)
        mending.rename(_beside(self.path, f".mended-{stamp}"))
        _sync(self.path.parent)
        return result

    def _salvage(self, db: sqlite3.Connection) -> Salvaged:
        try:
            return salvage(self.path, db)
        except Exception as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) or is_full(error, self.path):
                raise
            log.exception("outbox_not_salvaged", file=str(self.path), next_step="report this; the file is kept")
            return Salvaged(0, 0, None)  # whatever is wrong with reading the old file, the new one has to begin

    def _note(self, db: sqlite3.Connection, stamp: str, result: Salvaged) -> None:
        before = max(int(fact(db, "set_aside") or 0), len(set_aside(self.path)))
        set_fact(db, "set_aside", str(before + 1))
        set_fact(db, "set_aside_time", text(self._now()))
        set_fact(db, "set_aside_file", _damaged(self.path, stamp).name)
        set_fact(db, "set_aside_carried", str(result.readings + result.frames))
        set_fact(db, "set_aside_lost", "" if result.lost is None else str(result.lost))
        add_to_fact(db, "lost_in_damaged_files", result.lost or 0)


def set_aside(path: Path) -> tuple[Path, ...]:
    """The damaged files that lie beside the outbox, oldest first."""
    names = path.parent.glob(f"{path.name}.damaged-*")
    return tuple(sorted(name for name in names if not name.name.endswith(_JOURNALS)))


def _examine(connection: sqlite3.Connection, *, thorough: bool) -> None:
    """Raises :class:`OutboxDamagedError` where the file's structure is not whole."""
    check = "integrity_check" if thorough else "quick_check"
    try:
        (said,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
        garbage = connection.execute(_GARBAGE).fetchone()
    except sqlite3.Error as error:
        finding = damage_in(error)
        if finding is None:
            raise OutboxError(f"the outbox cannot be read: {error}. Look at the disk's health") from error
        raise OutboxDamagedError(finding) from error
    if said != "ok":
        raise OutboxDamagedError(str(said).replace("\n", " ")[:200])
    if garbage is not None:
        raise OutboxDamagedError("a reading in it is garbage")


def _finish_exchange(path: Path) -> None:
    """Does nothing unless an exchange was decided."""
    for mended in sorted(path.parent.glob(f"{path.name}.mended-*")):
        damaged = _damaged(path, mended.name.removeprefix(f"{path.name}.mended-"))
        for suffix in (*_JOURNALS, ""):
            part = _beside(path, suffix)
            if part.exists():
                part.rename(_beside(damaged, suffix))
        mended.rename(path)
        _sync(path.parent)


def _delete_old(path: Path) -> None:
    for old in set_aside(path)[:-_KEPT]:
        log.warning("old_damaged_outbox_deleted", file=old.name)
        for suffix in (*_JOURNALS, ""):
            _beside(old, suffix).unlink(missing_ok=True)


def _damaged(path: Path, stamp: str) -> Path:
    return _beside(path, f".damaged-{stamp}")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _cause(error: OutboxError) -> Exception:
    return error.__cause__ if isinstance(error.__cause__, Exception) else error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
