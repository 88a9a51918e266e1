"""A file of rules, TOML or JSON by its suffix: a list ``rules`` of tables, each told apart by its ``type``.

What cannot mean anything is refused with the rule, the field and what was expected. A time is written with its unit,
``"3 d"``, ``"1 d 6 h"`` or ISO 8601 ``"P3D"``: a bare number is refused. See docs/reference/rules.md.
"""

import json
import re
import tomllib
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.average_rule import Protocol
from hearthline_backend.domain.change_rule import Change
from hearthline_backend.domain.rules import Persistence
from hearthline_backend.errors import HearthlineError
from hearthline_backend.replay.rule_errors import told

TYPES: Final[dict[str, type[Any]]] = {get_args(get_type_hints(one)["type"])[0]: one for one in get_args(Rule)}
"""Every kind of rule by its ``type``."""

_PART: Final = re.compile(r"(\d+)\s*(d|h|min|s)")
_TIME: Final = re.compile(rf"{_PART.pattern}(\s*{_PART.pattern})*")
_ISO_UNIT: Final = {"d": "D", "h": "H", "min": "M", "s": "S"}
EITHER_MAY_BE_LEFT_OUT: Final = ("red", "yellow")
"""Levels of a rule: one without limits stands for itself."""
_WORDS: Final = ("id", "source", "advice")
"""What no rule is without."""
NEVER: Final = "never"
_MAY_BE_NEVER: Final = frozenset(("red_from", "yellow_from", "yellow_single", "red_after"))
"""Levels of a score or a silence that have a default; TOML has no word for none."""


class RulesFileError(HearthlineError):
    """A file of rules that cannot be used; says where and what was expected."""


class _OneRule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    rule: Annotated[Rule, Field(discriminator="type")]


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The rules in a file. Raises :class:`RulesFileError`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RulesFileError(f"{path} cannot be read: {said}") from None
    suffix = path.suffix.lower()
    if suffix not in (".toml", ".json"):
        raise RulesFileError(f"{path}: rules stand in a .toml or a .json file")
    try:
        content = tomllib.loads(text) if suffix == ".toml" else json.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise RulesFileError(f"{path} is no {suffix[1:].upper()}: {error}") from None
    return parse_rules(content, str(path))


def parse_rules(content: object, name: str) -> tuple[Rule, ...]:
    """The rules in what a file holds; ``name`` is said in errors. Raises :class:`RulesFileError` with every error."""
    rules = content.get("rules") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(rules, list) or not rules:
        raise RulesFileError(f"{name}: expected a list named rules with at least one rule")
    other = sorted(content.keys() - {"rules"})
    if other:
        raise RulesFileError(f"{name}: {', '.join(other)} is not known beside rules")
    found: list[Rule] = []
    wrong: list[str] = []
    for number, one in enumerate(rules, 1):
        try:
            found.append(_rule(one))
        except ValidationError as error:
            named = f" ({one['id']})" if isinstance(one, dict) and isinstance(one.get("id"), str) else ""
            wrong += [f"{name}: rule {number}{named}, {text}" for text in told(error, one, tuple(TYPES))]
        else:
            empty = [words for words in _WORDS if not getattr(found[-1], words).strip()]
            wrong += [f"{name}: rule {number}, {words}: expected some words" for words in empty]
    twice = dict.fromkeys(one.id for one in found if sum(one.id == each.id for each in found) > 1)
    wrong += [f"{name}: the rule {one} is there twice; each has an id of its own" for one in twice]
    if wrong:
        raise RulesFileError("\n".join(wrong))
    return tuple(found)


def _rule(one: object) -> Rule:
    given = _as_json_says(one)
    if isinstance(given, dict) and isinstance(given.get("type"), str) and given["type"] in TYPES:
        nothing: list[Any] | None = None if given["type"] == "combination" else []
        names = {field.name for field in fields(TYPES[given["type"]])}
        given = {level: nothing for level in EITHER_MAY_BE_LEFT_OUT if level in names} | given
    # As JSON, in which what is a time or a level in words is told from what is a number.
    return _OneRule.model_validate_json(json.dumps({"rule": given}, default=str)).rule


def _times() -> frozenset[str]:
    places = (*TYPES.values(), Change, Persistence, Protocol)
    hints = [get_type_hints(one) for one in places]
    return frozenset(name for one in hints for name, hint in one.items() if hint is timedelta)


_TIMES: Final = _times()


def _as_json_says(part: Any, key: str | None = None) -> Any:
    if isinstance(part, dict):
        return {name: _as_json_says(value, name) for name, value in part.items()}
    if isinstance(part, list):
        return [_as_json_says(value) for value in part]
    if part == NEVER and key in _MAY_BE_NEVER:
        return None
    if key not in _TIMES:
        return part
    if not isinstance(part, str):
        return [part]  # a number would pass for seconds; nobody means them
    if _TIME.fullmatch(part.strip()) is None:
        return part if part.startswith("P") else [part]  # "12:00" would pass for half a day
    days = "".join(f"{n}{_ISO_UNIT[unit]}" for n, unit in _PART.findall(part) if unit == "d")
    rest = "".join(f"{n}{_ISO_UNIT[unit]}" for n, unit in _PART.findall(part) if unit != "d")
    return f"P{days}T{rest}" if rest else f"P{days}"
