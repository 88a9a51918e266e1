"""The reference of rules in a file, from the shapes themselves: every field, and an example of each kind."""

import inspect
import re
from dataclasses import MISSING, Field, fields
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Final, get_type_hints

from hearthline_backend.domain.average_rule import Protocol
from hearthline_backend.domain.change_rule import Change
from hearthline_backend.domain.combination_rule import AllOf, AnyOf, Changed, Crossed
from hearthline_backend.domain.rules import Limit, Persistence
from hearthline_backend.replay.rules_file import EITHER_MAY_BE_LEFT_OUT, TYPES

_INTRODUCTION: Final = """\
What `hearthline replay --rules`, `hearthline rules check` and `hearthline rules backtest --rules` read: a `.toml` or a
`.json` file with a list `rules`. Each rule says its `type` and has an `id` of its own. Units are those of
[the table of kinds](kinds.md). A time is written with its unit (`"3 d"`, `"1 d 6 h"`, `"30 min"`, or ISO 8601 `"P3D"`),
never as a bare number. Of `red` and `yellow` one may be left out. `priority` is `high`, `medium`, `low` or `info`;
without it red is high and yellow medium. A level of a score or of a silence that has a default and is not wanted is
`"never"`. Days are those of the patient's time zone. What is wrong in a file is told by rule and field, and then
nothing of the file is used.

The examples stand in `docs/examples/rules`, most with readings to try them on:

```
hearthline replay --rules docs/examples/rules/change.toml --csv docs/examples/rules/change.csv
```

"""
_PARTS: Final = (Limit, Persistence, Change, Protocol, Crossed, Changed, AllOf, AnyOf)
_WORDS: Final = {
    "str": "text",
    "float": "number",
    "int": "whole number",
    "bool": "true or false",
    "timedelta": "time",
    "time": "time of day",
    "None": "none",
}


def rules_page(note: str, examples: Path) -> str:
    """The page; ``note`` stands on top, ``examples`` is the folder of a file for each kind."""
    parts = ["# Rules in a file\n\n", note, _INTRODUCTION]
    for name, kind in TYPES.items():
        example = (examples / f"{name}.toml").read_text(encoding="utf-8")
        parts += [f"## {name}\n\n", *_shape(kind), f"```toml\n{example}```\n\n"]
    parts.append("## Parts of rules\n\n")
    for part in _PARTS:
        parts += [f"### {part.__name__}\n\n", *_shape(part)]
    return "".join(parts).rstrip() + "\n"


def _shape(kind: type[Any]) -> list[str]:
    hints = get_type_hints(kind)
    rows = [f"| `{one.name}` | {_in_words(hints[one.name])} | {_default(one)} |\n" for one in fields(kind)]
    said = inspect.cleandoc(kind.__doc__ or "").replace("``", "`")
    return [f"{said}\n\n", "| field | what | without it |\n| --- | --- | --- |\n", *rows, "\n"]


def _in_words(hint: Any) -> str:
    """``tuple[rules.Limit, ...]`` as "list of Limit", ``float | None`` as "number or none"."""
    text = hint.__name__ if hint in (str, float, int, bool, timedelta, time) else str(hint)
    text = re.sub(r"<enum '(\w+)'>|<class '[\w.]*?(\w+)'>", r"\1\2", text)
    text = re.sub(r"\b\w+\.", "", text.replace("hearthline_backend.domain.", ""))
    text = re.sub(r"tuple\[(.*), \.\.\.\]", r"list of \1", text)
    text = re.sub(r"Literal\[(.*)\]", r"one of \1", text)
    words = (_WORDS.get(word, word) for word in text.replace("'", "`").split(" | "))
    return " or ".join(words)


def _default(one: Field[Any]) -> str:
    if one.name == "type":
        return "needed"
    if one.name in EITHER_MAY_BE_LEFT_OUT:
        return "none"
    if one.default is MISSING:
        return "needed"
    if one.default is None or one.default == ():
        return "none"
    if isinstance(one.default, timedelta):
        return _time(one.default)
    if isinstance(one.default, Persistence):
        return "once"
    if isinstance(one.default, Protocol):
        return "as NICE NG136"
    return f"`{one.default}`"


def _time(span: timedelta) -> str:
    for unit, text in ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min")):
        if span and span % unit == timedelta(0):
            return f"{span // unit} {text}"
    return f"{span.total_seconds():g} s"
