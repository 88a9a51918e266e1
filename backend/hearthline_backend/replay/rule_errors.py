"""What is wrong with a rule in a file, in words: the field, what was expected, and what stood there."""

import json
from typing import Any, Final, get_args, get_type_hints

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hearthline_backend.domain.combination_rule import Condition

_A_TIME: Final = 'expected a time with its unit, such as "3 d", "36 h" or "P3D"'
_WORDS: Final = {
    "dataclass_type": "expected a table of fields",
    "model_attributes_type": "expected a table of fields",
    "tuple_type": "expected a list",
    "float_type": "expected a number",
    "int_type": "expected a whole number",
    "string_type": "expected a text in quotes",
    "time_delta_type": _A_TIME,
    "time_delta_parsing": _A_TIME,
}
_MISSING: Final = ("missing", "missing_argument", "missing_keyword_only_argument")
_UNKNOWN: Final = ("unexpected_keyword_argument", "extra_forbidden")
_CONDITIONS: Final = {one.__name__: get_args(get_type_hints(one)["type"])[0] for one in get_args(Condition)}
"""pydantic names the member of a union by its class where it tells what is wrong with it."""


def told(error: ValidationError, rule: object, types: tuple[str, ...]) -> list[str]:
    """A line each, such as ``yellow 1 amount: expected a number, not "two"``. ``types`` are the kinds of rules."""
    found: dict[str, None] = {}
    for one in error.errors(include_url=False):
        place = [step for step in one["loc"][1:] if step not in types]
        named = _followed(place, rule)
        if named is not None:
            steps, unknown = named
            text = _expected(one, types) if not unknown else f"expected a type of {', '.join(_CONDITIONS.values())}"
            found[f"{steps}: {text}" if steps else text] = None
    return list(found)


def _followed(place: list[int | str], rule: object) -> tuple[str, bool] | None:
    """The way to the error in words, and whether it ends at a condition of unknown type; None for what is said of a
    member of a union that was not meant."""
    words: list[str] = []
    here: Any = rule
    for step in place:
        if isinstance(step, str) and step in _CONDITIONS:
            meant = here.get("type") if isinstance(here, dict) else None
            if meant not in _CONDITIONS.values():
                return " ".join(words), True
            if meant != _CONDITIONS[step]:
                return None
            continue
        words.append(str(step + 1) if isinstance(step, int) else step)
        if isinstance(here, dict):
            here = here.get(str(step))
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            here = None
    return " ".join(words), False


def _expected(error: ErrorDetails, types: tuple[str, ...]) -> str:
    kind, given = error["type"], error["input"]
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind.startswith("union_tag"):
        return f"expected a type of {', '.join(types)}"
    if kind in _MISSING:
        return "is missing"
    if kind in _UNKNOWN:
        return "is no field here"
    said = _WORDS.get(kind) or error["msg"].replace("Input should be", "expected")
    if kind.startswith("time_delta") and isinstance(given, list) and len(given) == 1:
        (given,) = given  # as a bare number was put, that it may not pass for a time
    return f"{said}, not {json.dumps(given)}" if isinstance(given, str | int | float) else said
