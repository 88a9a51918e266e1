"""SQLite's write-ahead journal, read without SQLite: which pages it holds, and whether it is damaged.

SQLite takes the first frame with a wrong checksum for the end of the journal. After a crash that is right; in a damaged
file it silently forgets every commit behind it. So the frames behind the end are looked at too: each carries the
checksum of its predecessor's chain, and a commit that fits proves that the journal went on there. (A crash in the
middle of a transaction leaves frames behind the end as well, but never its commit.)

Layout: https://www.sqlite.org/fileformat2.html#the_write_ahead_log (header of 32 bytes, frames of 24 bytes and a page).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = 0x377F0682
"""The last bit says that checksums are made of big-endian words."""
_PAGE_SIZES: Final = frozenset(1 << power for power in range(9, 17))
_MASK: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Journal:
    """``pages`` are the newest committed images by page number; ``damage`` says what is wrong, None when nothing is.

    In a damaged journal nobody can tell for sure which image is the newest: ``spare`` then holds every one that stands
    there, by page number. ``complete`` says whether the last commit is among what can be told apart.
    """

    pages: dict[int, bytes] = field(default_factory=dict)
    damage: str | None = None
    spare: tuple[tuple[int, bytes], ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Frame:
    page: int
    commits: bool
    salts: tuple[int, int]
    stored: tuple[int, int]
    head: bytes
    content: bytes


def read_journal(path: Path, page_size: int = 4096) -> Journal:
    """Read ``path``, which may be missing. ``page_size`` is used where the journal's own head is not readable."""
    data = path.read_bytes() if path.exists() else b""
    if len(data) <= _HEADER.size:
        return Journal()
    magic, _, size, _, *salts, sum_0, sum_1 = _HEADER.unpack_from(data)
    little = magic == _MAGIC
    whole = (
        magic in (_MAGIC, _MAGIC | 1) and size in _PAGE_SIZES and _checksum(data[:24], (0, 0), little) == (sum_0, sum_1)
    )
    frames = list(_frames(data, size if whole else page_size))
    spare = tuple((frame.page, frame.content) for frame in frames)
    if not whole:
        begins_well = bool(frames and _fitting(frames[:2], frames[0].salts, little=True))  # the newest stand first
        return Journal({}, "the head of its journal", spare, complete=begins_well)
    ours = (salts[0], salts[1])
    end = _end_of_chain(frames, ours, (sum_0, sum_1), little)
    pages = _committed(frames[:end])
    behind = _committed(_fitting(frames[end:], ours, little))
    return Journal(pages | behind, "its journal, in the middle", spare) if behind else Journal(pages)


def _frames(data: bytes, size: int) -> Iterator[_Frame]:
    step = _FRAME.size + size
    for start in range(_HEADER.size, len(data) - step + 1, step):
        page, total, salt_0, salt_1, sum_0, sum_1 = _FRAME.unpack_from(data, start)
        content = data[start + _FRAME.size : start + step]
        yield _Frame(page, total != 0, (salt_0, salt_1), (sum_0, sum_1), data[start : start + 8], content)


def _end_of_chain(frames: list[_Frame], salts: tuple[int, int], seed: tuple[int, int], little: bool) -> int:
    for number, frame in enumerate(frames):
        if frame.salts != salts or not _fits(frame, seed, little):
            return number
        seed = frame.stored
    return len(frames)


def _committed(frames: list[_Frame]) -> dict[int, bytes]:
    last = max((number for number, frame in enumerate(frames) if frame.commits), default=-1)
    return {frame.page: frame.content for frame in frames[: last + 1]}


def _fitting(frames: list[_Frame], salts: tuple[int, int], little: bool) -> list[_Frame]:
    """Those that fit their predecessor's checksum."""
    return [frame for before, frame in pairwise(frames) if frame.salts == salts and _fits(frame, before.stored, little)]


def _fits(frame: _Frame, seed: tuple[int, int], little: bool) -> bool:
    return _checksum(frame.content, _checksum(frame.head, seed, little), little) == frame.stored


def _checksum(data: bytes, seed: tuple[int, int], little: bool) -> tuple[int, int]:
    words = struct.unpack(f"{'<' if little else '>'}{len(data) // 4}I", data)
    first, second = seed
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
