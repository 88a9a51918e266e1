"""The Flux that is asked, and how values get into it: as literals of a syntax tree beside the text, never as text.

InfluxDB's open-source server has no bound parameters. It takes an ``extern`` file though, whose options a query sees as
names; sent as a tree a value is a literal whatever is written in it. The texts here are fixed; where one is repeated
for several values, only the numbers of their names go into it.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from hearthline_backend.storage.influxdb.spot import EARLIEST_NS, LATEST_NS
from hearthline_backend.storage.influxdb.stretches import Stretch
from hearthline_backend.storage.ports import StoreUnavailableError

Value = str | int | tuple[UUID, ...]
"""Of a parameter. Patients become one pattern that matches each of them, which the server's index answers."""

_FROM: Final = "from(bucket: params.bucket) |> range(start: time(v: params.start), stop: time(v: params.stop))"
_SERIES: Final = """|> filter(fn: (r) => r._measurement == "reading" and r.patient == params.patient
    and r.kind == params.kind and {rest})"""
WINDOW: Final = f"""{_FROM}
    {_SERIES.format(rest='r._field == "kept" and (r.shows == "latest" or r.shows == "series")')}
    |> keep(columns: ["_time", "_value", "lane"])"""
NUMBERS: Final = f"""{_FROM}
    {_SERIES.format(rest='r._field != "kept" and r.shows == "latest"')}
    |> limit(n: params.most)
    |> keep(columns: ["_time", "_value", "_field", "lane"])"""
SUMMED: Final = f"""data = {_FROM}
    {_SERIES.format(rest='r._field != "kept" and r.shows == "latest"')}
each = (name, fn) => data |> aggregateWindow(every: duration(v: params.every), fn: fn, createEmpty: false,
        timeSrc: "_start")
    |> keep(columns: ["_time", "_value", "_field", "lane"]) |> yield(name: name)
each(name: "min", fn: min)
each(name: "max", fn: max)
each(name: "sum", fn: sum)
each(name: "count", fn: count)"""
LATEST: Final = f"""{_FROM}
    |> filter(fn: (r) => r._measurement == "reading" and r._field == "kept" and r.shows == "latest"
        and r.patient =~ params.patients)
    |> last()
    |> keep(columns: ["_time", "_value", "patient", "kind", "lane"])"""
_STRETCH: Final = """from(bucket: params.bucket)
    |> range(start: time(v: params.start{number}), stop: time(v: params.stop{number}))
    |> filter(fn: (r) => r._measurement == "reading" and r._field == "kept" and r.patient {test} params.patient{number})
    |> keep(columns: ["_time", "_value", "patient", "kind", "lane"])
    |> yield(name: "{number}")"""

ANY_TIME: Final[Mapping[str, Value]] = {"start": EARLIEST_NS, "stop": LATEST_NS + 1000}


def stretches(wanted: Sequence[Stretch]) -> tuple[str, dict[str, Value]]:
    """One query for several, and its parameters."""
    texts: list[str] = []
    values: dict[str, Value] = {}
    for number, one in enumerate(wanted):
        alone = len(one.patients) == 1
        texts.append(_STRETCH.format(number=number, test="==" if alone else "=~"))
        who = str(one.patients[0]) if alone else one.patients
        values |= {f"patient{number}": who, f"start{number}": one.start, f"stop{number}": one.stop}
    return "\n".join(texts), values


def request(text: str, values: Mapping[str, Value]) -> dict[str, Any]:
    """The body of a query."""
    properties = [
        {"type": "Property", "key": {"type": "Identifier", "name": name}, "value": _literal(value)}
        for name, value in values.items()
    ]
    params = {
        "type": "VariableAssignment",
        "id": {"type": "Identifier", "name": "params"},
        "init": {"type": "ObjectExpression", "properties": properties},
    }
    return {
        "type": "flux",
        "query": text,
        "extern": {
            "type": "File",
            "package": None,
            "imports": None,
            "body": [{"type": "OptionStatement", "assignment": params}],
        },
        "dialect": {"header": True, "annotations": [], "delimiter": ","},
    }


def _literal(value: Value) -> dict[str, Any]:
    if isinstance(value, str):
        return {"type": "StringLiteral", "value": value}
    if isinstance(value, int):
        literal = {"type": "IntegerLiteral", "value": str(abs(value))}
        return literal if value >= 0 else {"type": "UnaryExpression", "operator": "-", "argument": literal}
    # A UUID's text holds nothing that a pattern could take for its own.
    return {"type": "RegexpLiteral", "value": f"^({'|'.join(str(one) for one in value)})$"}


def rows(answer: str) -> Iterator[dict[str, str]]:
    """The rows of an answer, by column; ``result`` says which of several results they are of. Raises
    :class:`StoreUnavailableError` where it breaks off."""
    for header, line in _lines(answer):
        yield dict(zip(header, line, strict=True))


def columns(answer: str, *names: str) -> Iterator[tuple[str, ...]]:
    """Two or more columns of an answer, at a fraction of the cost. Raises as :func:`rows`."""
    of: list[str] | None = None
    for header, line in _lines(answer):
        if header is not of:
            of, chosen = header, itemgetter(*(header.index(name) for name in names))
        yield chosen(line)


def _lines(answer: str) -> Iterator[tuple[list[str], list[str]]]:
    header: list[str] = []
    for line in csv.reader(io.StringIO(answer, newline="")):
        if not line:
            header = []  # an empty line ends a result; its columns come anew
        elif not header:
            header = line
            if "error" in header[:2]:  # it began to answer, and then could not go on
                raise StoreUnavailableError("InfluxDB broke off an answer; look at its log")
        else:
            yield header, line


def nanoseconds(text: str) -> int:
    """A time as InfluxDB writes it, such as ``2026-11-22T07:29:55.000001234Z``, since 1970-01-01 UTC."""
    seconds = int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    return _midnight(text[:10]) + seconds * 1_000_000_000 + int(text[20:-1].ljust(9, "0"))


@lru_cache(maxsize=16384)
def _midnight(day: str) -> int:
    return (date.fromisoformat(day) - _EPOCH).days * _DAY_NS


_EPOCH: Final = date(1970, 1, 1)
_DAY_NS: Final = 86_400_000_000_000
