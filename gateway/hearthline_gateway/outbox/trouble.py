"""What SQLite's errors mean for the outbox: a damaged file, a full disk, or something else."""

import errno
import os
import sqlite3
from pathlib import Path
from typing import Final

from hearthline_gateway.outbox.schema import OutboxError

NEARLY_FULL_BYTES: Final = 32 * 1024 * 1024
"""Below this much free space a technician is told, while there is still time."""
_NO_ROOM_BYTES: Final = 256 * 1024
"""With less than this free, SQLite's journal and its index cannot even be opened."""

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNREADABLE: Final = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, 8202})  # 8202: IOERR_DATA
_FOR_WANT_OF_ROOM: Final = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_UNDECODABLE: Final = "Could not decode to UTF-8"
"""How Python's sqlite3 says that a text is garbage. The rest of its message quotes the text, which is nobody's."""


class OutboxFullError(OutboxError):
    """There is no room on the disk. Nothing that is stored is lost; it goes on by itself once there is space."""


class OutboxDamagedError(OutboxError):
    """The file's content cannot be trusted; :attr:`finding` says in a few words what was found."""

    def __init__(self, finding: str) -> None:
        super().__init__(f"the outbox is damaged: {finding}. What can be read is carried over into a new one")
        self.finding = finding


def damage_in(error: BaseException | None) -> str | None:
    """What is damaged, where the error says that the file is; None for every other error."""
    if isinstance(error, OutboxDamagedError):
        return error.finding
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return "a text in it is garbage" if _UNDECODABLE in str(error) else None
    if code & 0xFF in _DAMAGED or code in _UNREADABLE:
        return str(error)
    return None


def is_full(error: BaseException | None, path: Path) -> bool:
    """Whether there was no room for what failed. SQLite says so itself for its data, and not for its other files."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_FULL or (code in _FOR_WANT_OF_ROOM and free_bytes(path) < _NO_ROOM_BYTES)


def free_bytes(path: Path) -> int:
    """What the gateway's user may still write on the outbox's disk."""
    disk = os.statvfs(path.parent)
    return disk.f_bavail * disk.f_frsize


def unwritable(error: Exception, path: Path) -> OutboxError:
    """The error as the rest of the gateway sees it, with the next step."""
    if is_full(error, path):
        return OutboxFullError(
            f"the disk of the outbox {path} is full: free some space there. What is stored stays, new readings wait in "
            "memory and are kept as soon as there is room"
        )
    if damage_in(error) is not None:
        return OutboxError(f"the outbox {path} is damaged: look at the disk's health")
    return OutboxError(f"the outbox could not be written: {error}. Look at the disk's free space and health")
