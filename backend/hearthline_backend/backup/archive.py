"""The file of a backup: a tar of parts, each with its SHA-256 in a manifest that comes last."""

import gzip
import io
import tarfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Final, Protocol, cast

from pydantic import ValidationError

from hearthline_backend.backup.manifest import FORMAT, Manifest, Part
from hearthline_backend.errors import HearthlineError

MANIFEST: Final = "manifest.json"
SEAL: Final = "manifest.sha256"
PART_BYTES: Final = 4 * 1024 * 1024
"""A part is closed when it is this long: it is held in memory once, written or read."""
_LONGEST_PART: Final = 256 * 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
_QUICK: Final = 1


class DamagedBackupError(HearthlineError):
    """The file is not a whole backup. Nothing was restored from it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"{path} cannot be restored: {what}. Nothing was changed. Copy it again from where it is kept, or take an "
            "older backup; `hearthline restore --check FILE` tells whether one is whole."
        )


class Stream(Protocol):
    """Where an archive is written to."""

    def write(self, content: bytes, /) -> int:
        """Take all of it."""

    def flush(self) -> None:
        """Pass on what is kept back."""


class BackupWriter:
    """Writes an archive front to back, so that it may also go into a pipe."""

    def __init__(self, stream: Stream, *, compressed: bool) -> None:
        self._gzip = gzip.GzipFile("", "wb", _QUICK, stream) if compressed else None
        file = cast("IO[bytes]", self._gzip or stream)  # of which an unseekable tar only ever writes
        self._tar = tarfile.open(fileobj=file, mode="w|")  # noqa: SIM115  # closed by ``finish``
        self.parts: list[Part] = []

    def part(self, name: str, content: bytes, rows: int) -> None:
        """Add one part."""
        self._add(name, content)
        self.parts.append(Part(name=name, rows=rows, bytes=len(content), sha256=sha256(content).hexdigest()))

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest and its seal, and end the archive; the stream stays open."""
        said = manifest.model_dump_json(indent=1).encode()
        self._add(MANIFEST, said)
        self._add(SEAL, sha256(said).hexdigest().encode())
        self._tar.close()
        if self._gzip is not None:
            self._gzip.close()

    def _add(self, name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(content), 0o600, int(time.time())
        self._tar.addfile(info, io.BytesIO(content))


class Lines:
    """Collects lines under one name and writes a part whenever there are enough of them."""

    def __init__(self, writer: BackupWriter, name: str) -> None:
        self._writer = writer
        self._name = name
        self._lines: list[bytes] = []
        self._bytes = 0
        self._parts = 0
        self.rows = 0

    def add(self, line: bytes) -> None:
        """One line, without its end."""
        self._lines.append(line)
        self._bytes += len(line) + 1
        if self._bytes >= PART_BYTES:
            self.flush()

    @property
    def seen(self) -> int:
        """How many lines there are by now, written or not."""
        return self.rows + len(self._lines)

    def flush(self) -> None:
        """Write what is collected, if anything is."""
        if not self._lines:
            return
        self._parts += 1
        self.rows += len(self._lines)
        content = b"\n".join(self._lines) + b"\n"
        self._writer.part(f"{self._name}/{self._parts:06d}.jsonl", content, len(self._lines))
        self._lines, self._bytes = [], 0


def verify(path: Path) -> Manifest:
    """Read all of it and compare every part with the manifest. Raises :class:`DamagedBackupError`, and
    :class:`HearthlineError` where it was made by a release that this one cannot know."""
    found: list[tuple[str, int, str]] = []
    said: bytes | None = None
    seal: bytes | None = None
    for name, content in _members(path):
        if name == MANIFEST:
            said = content
        elif name == SEAL:
            seal = content
        else:
            found.append((name, len(content), sha256(content).hexdigest()))
    if said is None or seal is None:
        raise DamagedBackupError(path, "it ends before its manifest, so it is not all there, or no backup")
    if sha256(said).hexdigest().encode() != seal:
        raise DamagedBackupError(path, "its manifest is not as it was written")
    manifest = _manifest(path, said)
    expected = [(part.name, part.bytes, part.sha256) for part in manifest.parts]
    if found != expected:
        wrong = next((one[0] for one in found if one not in expected), None)
        wrong = wrong or next((one[0] for one in expected if one not in found), "the order of its parts")
        raise DamagedBackupError(path, f"{wrong} is not as it was written")
    return manifest


def parts(path: Path, manifest: Manifest, prefix: str) -> Iterator[tuple[str, list[bytes]]]:
    """The lines of every part below ``prefix``, each part compared with the manifest again."""
    expected = {part.name: part for part in manifest.parts if part.name.startswith(f"{prefix}/")}
    if not expected:
        return
    for name, content in _members(path):
        part = expected.pop(name, None)
        if part is None:
            continue
        if sha256(content).hexdigest() != part.sha256:
            raise DamagedBackupError(path, f"{name} changed while it was read")
        yield name, content.splitlines()
        if not expected:
            return
    raise DamagedBackupError(path, f"{next(iter(expected))} went away while it was read")


def _manifest(path: Path, said: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(said)
    except ValidationError:
        raise HearthlineError(
            f"{path} is whole, but this release does not know its format (it knows {FORMAT}). "
            "Restore it with the release that made it, or a newer one."
        ) from None


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    with _opened(path) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for member in tar:
                    content = tar.extractfile(member) if member.isfile() else None
                    if content is None or member.size > _LONGEST_PART:
                        raise DamagedBackupError(path, f"{member.name[:80]!r} does not belong into a backup")
                    yield member.name, content.read()
        except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
            raise DamagedBackupError(path, f"it is damaged or not all there ({type(error).__name__})") from None
        except OSError as error:
            raise DamagedBackupError(path, f"it cannot be read ({error.strerror or type(error).__name__})") from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise HearthlineError(f"{path} cannot be opened: {error.strerror}") from None
    with file:
        head = file.read(4)
        file.seek(0)
        if head == _ZSTANDARD:
            raise HearthlineError(f"{path} is packed with zstd; unpack it first: zstd -d {path}")
        if head.startswith(_GZIP):
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield unpacked  # type: ignore[misc]  # a GzipFile reads as any binary file
        else:
            yield file
