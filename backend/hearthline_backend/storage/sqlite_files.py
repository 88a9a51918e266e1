"""Putting a finished SQLite file into the place of an empty one, with nobody else in between."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from hearthline_backend.errors import HearthlineError


class InUseError(HearthlineError):
    """Somebody has the file open."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use; stop the backend and its workers first")


def left_alone(path: Path) -> None:
    """Finish what its write-ahead log holds, and see that nobody else has the file open. Raises :class:`InUseError`."""
    try:
        with closing(sqlite3.connect(path, timeout=1)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE").fetchall()  # which only the one user of a file can do
    except sqlite3.OperationalError:
        raise InUseError(path) from None
    except sqlite3.DatabaseError:
        raise HearthlineError(f"{path} is no database; take it away, or choose another data_dir") from None


def install(finished: Path, place: Path) -> None:
    """Give ``finished``, on the same disk, the name ``place``: whole, or not at all. It belongs to whom the folder
    belongs, so that root may restore for a service's account."""
    left_alone(finished)
    if os.geteuid() == 0:
        owner = place.parent.stat()
        os.chown(finished, owner.st_uid, owner.st_gid)
    _sync(finished)
    finished.replace(place)
    _sync(place.parent)


def remove(path: Path) -> None:
    """A file with what SQLite keeps beside it, where it is there."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
