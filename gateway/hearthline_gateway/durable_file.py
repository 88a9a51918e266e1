"""A small file that a power cut leaves either as it was or as it is to be, never half written."""

import os
from contextlib import suppress
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Replace the file's content; only its owner may read it. Raises ``OSError``, and the old content then stays.

    No link is followed: who owns the folder must not choose what an administrator writes to.
    """
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)  # a power cut left it
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        give_to_owner(descriptor, path.parent)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def give_to_owner(descriptor: int, folder: Path) -> None:
    """What an administrator writes for the gateway while it does not run belongs to the folder's owner."""
    if os.geteuid() == 0:
        owner = folder.stat()
        with suppress(PermissionError):  # a container that may not: there the gateway itself is the administrator
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync_folder(folder: Path) -> None:
    """The new name is safe only once the folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: Path, stamp: str) -> Path:
    """Move a damaged file out of the way, for whoever looks into it; returns where it is now."""
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    path.replace(aside)
    return aside
