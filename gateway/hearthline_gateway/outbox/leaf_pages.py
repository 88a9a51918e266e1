"""The rows of a SQLite file page by page, without its root, its inner pages or its head: what a damaged file still has.

Every leaf page describes itself; a cell that makes no sense is left out and the next one is read. Layout:
https://www.sqlite.org/fileformat2.html#b_tree_pages.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

Value = int | float | str | bytes | None
_TABLE_LEAF: Final = 0x0D
_INDEX_LEAF: Final = 0x0A
_INDEX_INNER: Final = 0x02
"""Unlike a table's, the inner pages of an index hold rows too."""
_FILE_HEAD: Final = 100
"""Page 1 begins with the file's own head."""
_PAGE_HEAD: Final = 8
_CHILD: Final = 4
"""An inner page's head, and each of its cells, carries the number of a page below."""
_MAX_PAYLOAD: Final = 1 << 20
"""Nothing the outbox writes is nearly as long: a length beyond this is garbage."""
_INTEGER_BYTES: Final = (0, 1, 2, 3, 4, 6, 8)
_GARBAGE: Final = (IndexError, ValueError, struct.error)


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``rowid`` is None for an index, and for a table without row ids, whose rows are kept like one."""

    rowid: int | None
    values: tuple[Value, ...]


def rows(page: bytes, number: int, overflow: Callable[[int], bytes | None]) -> Iterator[Row]:
    """The readable rows of one page; none for a page of another kind. ``overflow`` fetches a page by its number."""
    start = _FILE_HEAD if number == 1 else 0
    if len(page) < start + _PAGE_HEAD or page[start] not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER):
        return
    child = _CHILD if page[start] == _INDEX_INNER else 0
    count = int.from_bytes(page[start + 3 : start + 5])
    for index in range(min(count, len(page) // 4)):
        place = start + _PAGE_HEAD + child + 2 * index
        try:
            yield _row(page, int.from_bytes(page[place : place + 2]) + child, page[start] == _TABLE_LEAF, overflow)
        except _GARBAGE:
            continue


def _row(page: bytes, at: int, in_table: bool, overflow: Callable[[int], bytes | None]) -> Row:
    if at < _PAGE_HEAD:
        raise ValueError("a cell inside the page's head")
    size, at = _varint(page, at)
    rowid = None
    if in_table:
        rowid, at = _varint(page, at)
        rowid -= (rowid >> 63) << 64
    if size > _MAX_PAYLOAD:
        raise ValueError("a length that nothing has")
    return Row(rowid, _record(_payload(page, at, size, in_table, overflow)))


def _payload(page: bytes, at: int, size: int, in_table: bool, overflow: Callable[[int], bytes | None]) -> bytes:
    usable = len(page)
    most = usable - 35 if in_table else (usable - 12) * 64 // 255 - 23
    if size <= most:
        return _part(page, at, size)
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    local = local if local <= most else least
    found = _part(page, at, local)
    following = int.from_bytes(_part(page, at + local, 4))
    while len(found) < size:
        more = overflow(following) if following else None
        if more is None:
            raise ValueError("the rest of a long row is not there")
        found += more[4 : 4 + size - len(found)]
        following = int.from_bytes(more[:4])
    return found


def _part(data: bytes, at: int, size: int) -> bytes:
    part = data[at : at + size]
    if len(part) < size:
        raise ValueError("a row beyond the page's end")
    return part


def _record(payload: bytes) -> tuple[Value, ...]:
    head, at = _varint(payload, 0)
    kinds: list[int] = []
    while at < head:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    if at != head:
        raise ValueError("a record's head of another length than it says")
    values: list[Value] = []
    for kind in kinds:
        value, at = _value(payload, at, kind)
        values.append(value)
    if at != len(payload):
        raise ValueError("a record of another length than its head says")
    return tuple(values)


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind < len(_INTEGER_BYTES):
        size = _INTEGER_BYTES[kind]
        return int.from_bytes(_part(payload, at, size), signed=True), at + size
    if kind == 7:
        (number,) = struct.unpack(">d", _part(payload, at, 8))
        return float(number), at + 8
    if kind in (8, 9):
        return kind - 8, at
    if kind < 12:
        raise ValueError("a type that SQLite does not write")
    size = (kind - 12) // 2
    data = _part(payload, at, size)
    return (data if kind % 2 == 0 else data.decode("utf-8")), at + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(8):
        byte = data[at + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    return value << 8 | data[at + 8], at + 9
