"""Readings of one patient from a CSV file: ``time,kind,field,value,unit``, a line for each number.

Lines of equal time and kind are one reading. A line that cannot be read is told with its number and left out; the rest
goes on. What is outside of what a living person and a working meter can give is such a line, as ingest keeps it apart.
"""

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Final, NamedTuple
from uuid import UUID

from hearthline_backend.domain.observation import Observation
from hearthline_backend.replay.unit_conversion import CONVERSIONS, Convert, printed, readable, ucum
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Quality

COLUMNS: Final = ("time", "kind", "field", "value", "unit")
_YEARS: Final = range(1900, 2200)
_SHORTEST_TIME: Final = len("2026-11-21T07")
_EPOCH: Final = datetime.min.replace(tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ORDER: Final = {name: number for number, name in enumerate(sorted(KINDS))}
_KIND_BITS: Final = 32


class BadRow(NamedTuple):
    """A line that was left out, and why."""

    line: int
    reason: str


class Number(NamedTuple):
    """A value in its field's unit; ``comparator`` says that it is beyond what the meter can process."""

    value: float | None
    comparator: str | None = None


class _Row(NamedTuple):
    """Sorted by its first three, so that the file's own order decides nothing."""

    time: datetime
    kind: str
    field: str
    line: int
    value: float
    comparator: str | None


class _Quantity(NamedTuple):
    """What a kind, a field and a unit mean together."""

    kind: str
    field: str
    convert: Convert | None
    low: float
    high: float
    unit: str


@dataclass(slots=True)
class CsvReadings:
    """``readings`` are in order; ``bad`` is complete once they have all been taken."""

    bad: list[BadRow] = field(default_factory=list)
    _rows: list[_Row] = field(default_factory=list)
    _last: tuple[str, datetime | str] = ("", "")

    @classmethod
    def read(cls, lines: Iterable[str], zone: tzinfo | None) -> "CsvReadings":
        """Read a file's lines. ``zone`` is that of times without an offset. The first line may name the columns, then
        in any order; without names they stand as in :data:`COLUMNS`."""
        found = cls()
        reader = csv.reader(_each_alone(lines, found.bad), skipinitialspace=True)
        take: Callable[[list[str]], list[str]] | None = None
        known: dict[tuple[str, str, str], _Quantity | str] = {}
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                found.bad.append(BadRow(reader.line_num, f"no line of a CSV file: {error}"))
                continue
            if not any(cells):
                continue  # an empty line, as spreadsheets leave them
            if take is None:
                names = [one.strip().lower() for one in cells]
                if set(COLUMNS) <= set(names):
                    take = _picked([names.index(one) for one in COLUMNS], len(names))
                    continue
                take = list
            found._add(reader.line_num, take(cells), zone, known)
        found._rows.sort()
        return found

    def readings(self) -> Iterator[Observation]:
        """Every reading, the oldest first."""
        for (at, kind), rows in groupby(self._rows, key=_same_reading):
            values: dict[str, Number] = {}
            for row in rows:
                number = Number(row.value, row.comparator)
                if values.setdefault(row.field, number) != number:
                    self.bad.append(
                        BadRow(row.line, f"another {row.field} of the same time and kind stands in the file")
                    )
            quality = _quality(values)
            yield Observation(_identity(at, kind), kind, quality, at, at, values)

    def _add(
        self, line: int, cells: list[str], zone: tzinfo | None, known: dict[tuple[str, str, str], "_Quantity | str"]
    ) -> None:
        if len(cells) != len(COLUMNS):
            self.bad.append(BadRow(line, f"{','.join(COLUMNS)} are expected, as many columns as the first line has"))
            return
        time, kind, name, value, unit = cells
        key = (kind, name, unit)
        quantity = known.get(key)
        if quantity is None:
            quantity = known[key] = _quantity(kind.strip(), name.strip(), unit.strip())
        if time != self._last[0]:  # the lines of a reading stand together, and share what was read of its time
            self._last = (time, _time(time.strip(), zone))
        at = self._last[1]
        if isinstance(at, str):
            self.bad.append(BadRow(line, at))
        elif isinstance(quantity, str):
            self.bad.append(BadRow(line, quantity))
        else:
            number = _number(value.strip(), quantity)
            if isinstance(number, str):
                self.bad.append(BadRow(line, number))
            else:
                self._rows.append(_Row(at, quantity.kind, quantity.field, line, *number))


def _each_alone(lines: Iterable[str], bad: list[BadRow]) -> Iterator[str]:
    """The lines without a byte order mark, and an empty one in place of any with a quote left open: that would swallow
    every line after it, and no value has a line break in it."""
    for number, line in enumerate(lines, 1):
        if '"' in line and line.count('"') % 2:
            bad.append(BadRow(number, "a quote is not closed"))
            yield ""
        else:
            yield line.removeprefix("\ufeff") if number == 1 else line


def time_of(reading_id: UUID) -> datetime:
    """When a reading of a file was measured: its id is made of that."""
    return _EPOCH + timedelta(microseconds=reading_id.int >> _KIND_BITS)


def _identity(at: datetime, kind: str) -> UUID:
    return UUID(int=((at - _EPOCH) // _MICROSECOND) << _KIND_BITS | _ORDER[kind])


def _same_reading(row: _Row) -> tuple[datetime, str]:
    return row[:2]


def _picked(places: list[int], width: int) -> Callable[[list[str]], list[str]]:
    """The known columns of a line; nothing of one that has more or fewer columns than the first."""
    return lambda cells: [cells[one] for one in places] if len(cells) == width else []


def _quantity(kind: str, name: str, unit: str) -> _Quantity | str:
    known = KINDS.get(kind)
    if known is None:
        return f"no kind is named {kind!r}; there are: {', '.join(KINDS)}"
    wanted = known.fields.get(name)
    if wanted is None:
        return f"{kind} has no field {name!r}; it has: {', '.join(known.fields)}"
    code = ucum(unit)
    convert = CONVERSIONS.get((code, wanted.unit))
    if convert is None and code != wanted.unit:
        return f"{name} is read in {readable(wanted.unit)}, not in {unit!r}"
    return _Quantity(kind, name, convert, *wanted.possible, wanted.unit)


def _time(text: str, zone: tzinfo | None) -> datetime | str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or len(text) < _SHORTEST_TIME or at.year not in _YEARS:
        return f"an ISO 8601 time such as 2026-11-21T07:32:00+01:00 is expected, not {text!r}"
    if at.tzinfo is None:
        if zone is None:
            return "a time without an offset needs --patient-tz"
        at = at.replace(tzinfo=zone)
    return at.astimezone(UTC)


def _number(text: str, quantity: _Quantity) -> tuple[float, str | None] | str:
    comparator = text[:1] if text[:1] in ("<", ">") else None
    try:
        value = math.nan if "_" in text else float(text if comparator is None else text[1:])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        return f"{quantity.field} is a number, not {text!r}"
    if quantity.convert is not None:
        value = quantity.convert(value)
    if not quantity.low <= value <= quantity.high:
        span = f"{quantity.low:g} and {quantity.high:g} {printed(quantity.unit)}"
        return f"{quantity.field} lies between {span}, and {value:g} does not"
    return value, comparator


def _quality(values: dict[str, Number]) -> Quality:
    for one in values.values():
        if one.comparator is not None:
            return Quality.BEYOND_LOW if one.comparator == "<" else Quality.BEYOND_HIGH
    return Quality.VALID
