"""Where a backup is written: a file that appears only when it is complete, or standard output."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from hearthline_backend.errors import HearthlineError

_ONLY_OURS: Final = 0o600


class BackupNotWrittenError(HearthlineError):
    """The backup could not be written. What was written of it is gone."""


class Output:
    """Writes, and names what went wrong: a full disk must not look like a store that is away."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self._name = name
        self.bytes = 0

    def write(self, content: bytes) -> int:
        """All of ``content``. Raises :class:`BackupNotWrittenError`."""
        try:
            self.bytes += self._stream.write(content)
        except OSError as error:
            raise BackupNotWrittenError(f"the backup cannot be written to {self._name}: {error.strerror}") from None
        return len(content)

    def flush(self) -> None:
        """Out of our buffers. Raises :class:`BackupNotWrittenError`."""
        try:
            self._stream.flush()
        except OSError as error:
            raise BackupNotWrittenError(f"the backup cannot be written to {self._name}: {error.strerror}") from None


@contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[Output]:
    """A file with mode 600 that takes its name once it is complete and on the disk. An existing one is replaced only
    with ``force``. Raises :class:`BackupNotWrittenError`."""
    _must_be_free(path, force=force)
    started = path.with_name(f"{path.name}.unfinished-{secrets.token_hex(4)}")
    try:
        number = os.open(started, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_OURS)
    except OSError as error:
        raise BackupNotWrittenError(f"{started} cannot be made: {error.strerror}; choose another folder") from None
    try:
        with open(number, "wb") as file:  # noqa: PTH123  # made with its mode, so that nobody can read it meanwhile
            output = Output(file, str(path))
            yield output
            output.flush()
            os.fsync(file.fileno())
        _must_be_free(path, force=force)
        started.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise BackupNotWrittenError(f"the backup cannot be written to {path}: {error.strerror}") from None
    finally:
        started.unlink(missing_ok=True)


def _must_be_free(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise BackupNotWrittenError(f"{path} is a folder; name a file in it, such as {path / 'hearthline.tar.gz'}")
    if path.exists() and not force:
        raise BackupNotWrittenError(f"{path} is there already; choose another name, or replace it with --force")


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
