"""The file of a backup: whole, or refused."""

import gzip
import io
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.backup import archive
from hearthline_backend.backup.archive import BackupWriter, DamagedBackupError, Lines, parts, verify
from hearthline_backend.backup.manifest import Manifest
from hearthline_backend.backup.output import BackupNotWrittenError, Output, new_file
from hearthline_backend.errors import HearthlineError

LINES = [f"line {number}".encode() for number in range(100)]


def written(*, compressed: bool = False, format_number: int = 1) -> bytes:
    stream = io.BytesIO()
    writer = BackupWriter(stream, compressed=compressed)
    lines = Lines(writer, "readings")
    for line in LINES:
        lines.add(line)
    lines.flush()
    manifest = Manifest(
        id=UUID(int=1),
        made_at=datetime(2026, 11, 22, tzinfo=UTC),
        release="1",
        schema_revision="0001",
        tables=(),
        readings=lines.rows,
        changed=0,
        settings={},
        parts=tuple(writer.parts),
    )
    writer.finish(manifest.model_copy(update={"format": format_number}))
    return stream.getvalue()


WHOLE = written()


def kept(folder: Path, content: bytes) -> Path:
    path = folder / "backup.tar"
    path.write_bytes(content)
    return path


def read(path: Path) -> list[bytes]:
    return [line for _, lines in parts(path, verify(path), "readings") for line in lines]


@pytest.mark.parametrize("compressed", [False, True])
def test_what_was_written_is_read(tmp_path: Path, compressed: bool) -> None:
    path = kept(tmp_path, written(compressed=compressed))
    assert read(path) == LINES
    assert list(parts(path, verify(path), "changed")) == []


def test_long_content_is_cut_into_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PART_BYTES", 50)
    path = kept(tmp_path, written())
    assert len(verify(path).parts) > 10
    assert read(path) == LINES


@given(cut=st.integers(0, WHOLE.index(b"manifest.sha256") + 512))
@settings(max_examples=100, deadline=None)
def test_a_truncated_backup_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = kept(tmp_path_factory.mktemp("cut"), WHOLE[:cut])
    with pytest.raises(DamagedBackupError, match="Nothing was changed"):
        verify(path)


@given(place=st.integers(0, len(WHOLE) - 1), flipped=st.integers(1, 255))
@settings(max_examples=400, deadline=None)
def test_no_flipped_bit_gets_through(tmp_path_factory: pytest.TempPathFactory, place: int, flipped: int) -> None:
    content = bytearray(WHOLE)
    content[place] ^= flipped
    path = kept(tmp_path_factory.mktemp("flip"), bytes(content))
    with suppress(DamagedBackupError):
        assert read(path) == LINES  # it hit what means nothing, such as the padding


@given(content=st.binary(max_size=2000))
@settings(max_examples=100, deadline=None)
def test_what_is_no_backup_is_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for given_content in (content, gzip.compress(content), b"\x1f\x8b" + content):
        with pytest.raises(HearthlineError):
            verify(kept(tmp_path_factory.mktemp("other"), given_content))


def test_a_newer_format_and_another_packing_are_told(tmp_path: Path) -> None:
    with pytest.raises(HearthlineError, match="does not know its format"):
        verify(kept(tmp_path, written(format_number=2)))
    with pytest.raises(HearthlineError, match="unpack it first: zstd -d"):
        verify(kept(tmp_path, b"\x28\xb5\x2f\xfd and more"))
    with pytest.raises(HearthlineError, match="cannot be opened"):
        verify(tmp_path / "missing.tar")


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    with suppress(KeyboardInterrupt), new_file(path, force=False) as output:
        output.write(b"half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with new_file(path, force=False) as output:
        output.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_existing_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = kept(tmp_path, b"older")
    with pytest.raises(BackupNotWrittenError, match="--force"), new_file(path, force=False):
        pass
    assert path.read_bytes() == b"older"
    with new_file(path, force=True) as output:
        output.write(b"newer")
    assert path.read_bytes() == b"newer"
    with pytest.raises(BackupNotWrittenError, match="is a folder"), new_file(tmp_path, force=True):
        pass


def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(BackupNotWrittenError, match="No space"):
        Output(full, "the disk").write(b"anything")
