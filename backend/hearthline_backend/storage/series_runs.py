"""How the embedded readings file keeps a patient's series: many readings in one row, a run of them.

What a row costs hardly depends on what is in it, and series were a fifth of what a reading cost when each had a row of
its own there (measured). In a run readings are in order of time, then id, whatever their kinds; runs may overlap, since
readings come late. Pure.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Final

from hearthline_backend.storage.readings_tables import SHOWN, Entry, Run

_ENTRY: Final = Struct(">q16sqBB")
ENTRY_BYTES: Final = _ENTRY.size
_LONGEST: Final = 24
"""With more of them SQLite would give a row pages of its own, beside those of its table."""
_BETWEEN: Final = ","


def runs_of(patient: bytes, entries: Sequence[Entry]) -> Iterator[Run]:
    """Rows of ``series`` for ``entries``, which are in order."""
    pack = _ENTRY.pack
    for start in range(0, len(entries), _LONGEST):
        part = entries[start : start + _LONGEST]
        kinds = list({one[4]: None for one in part})
        places = {kind: place for place, kind in enumerate(kinds)}
        packed = [pack(time_us, key, number, standing, places[kind]) for time_us, key, number, standing, kind in part]
        first, last = part[0], part[-1]
        yield patient, last[0], last[2], first[0], _BETWEEN.join(kinds), b"".join(packed)


def entries_in(kinds: str, run: bytes) -> list[Entry]:
    """Everything in a run."""
    names = kinds.split(_BETWEEN)
    return [
        (time_us, key, number, standing, names[place])
        for time_us, key, number, standing, place in _ENTRY.iter_unpack(run)
    ]


def entries_of(kind: str, kinds: str, run: bytes) -> Iterator[Entry]:
    """What a run holds of one kind."""
    names = kinds.split(_BETWEEN)
    if kind in names:
        wanted = names.index(kind)
        for time_us, key, number, standing, place in _ENTRY.iter_unpack(run):
            if place == wanted:
                yield time_us, key, number, standing, kind


def newest_shown(entries: Sequence[Entry]) -> dict[str, Entry]:
    """Of entries in order, the last one of each kind that may be a last value."""
    return {one[4]: one for one in entries if one[3] == SHOWN}
