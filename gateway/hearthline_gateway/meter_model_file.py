"""What a meter model's file may say: every field checked on load, a mistake answered with file, field and expectation.

A technician may write a file for a meter that we do not know, so a mistake in it must not show as a meter that is
silently read wrong.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

from hearthline_gateway.errors import GatewayError
from hearthline_gateway.gatt.characteristics import MEASUREMENTS

STEPS: Final = ("information", "clock", "subscribe", "consent", "records", "battery")
"""What a connection does after pairing; a model may want another order, or leave some out."""

DEVICES: Final = ("cuff", "glucose_meter", "heart_rate_strap", "oximeter", "scale", "thermometer")
"""What a meter is."""

_CLOCKS: Final = ("2A08", "2A2B")
_HEX: Final = frozenset("0123456789ABCDEF")
_QUIRKY: Final = frozenset(field.name for kind in MEASUREMENTS.values() for field in fields(kind))


class ModelFileError(GatewayError):
    """A model's file is not what it must be: ``field`` is what is wrong in ``file`` (None: the file as a whole), and
    ``expected`` what should stand there."""

    def __init__(self, file: str, field: str | None, expected: str) -> None:
        self.file, self.field, self.expected = file, field, expected
        where = file if field is None else f"{file}: {field}"
        super().__init__(f"{where} must be {expected}. Correct the file, then start again")


class _Check(NamedTuple):
    holds: Callable[[Any], bool]
    expected: str


def read_model_file(path: Path, model: type) -> dict[str, Any]:
    """The fields of ``model`` as the file says them, lists as tuples; raises :class:`ModelFileError`."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ModelFileError(path.name, None, f"valid TOML, but {error}") from error
    except UnicodeDecodeError as error:
        raise ModelFileError(path.name, None, "text in UTF-8") from error
    known = {field.name: field for field in fields(model) if field.name != "name"}
    for name in table:
        if name not in known:
            raise ModelFileError(path.name, name, f"left out: it is none of {', '.join(known)}")
    for name, field in known.items():
        if name in table:
            _check(path.name, name, table[name])
        elif field.default is MISSING:
            raise ModelFileError(path.name, name, f"there, and {_CHECKS[name].expected}")
    _check_together(path.name, table)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


def _check(file: str, name: str, value: Any) -> None:
    check = _CHECKS[name]
    if not check.holds(value):
        raise ModelFileError(file, name, f"{check.expected}, not {value!r}")


def _check_together(file: str, table: Mapping[str, Any]) -> None:
    if table.get("set_clock") and "clock" not in table:
        raise ModelFileError(file, "set_clock", "false, or have a clock beside it: there is nothing to set")
    if not table["measurements"] and "advertises" not in table:
        raise ModelFileError(file, "measurements", "at least one characteristic, for a meter that is connected")
    if table.get("digits") and not table["pair"]:
        raise ModelFileError(file, "digits", "left out for a meter that is not paired")
    if table.get("stored_records") and "records" not in table.get("order", STEPS):
        raise ModelFileError(file, "order", "with records in it, since the meter is asked for its stored records")


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(_text(item) for item in value)


def _some_texts(value: Any) -> bool:
    return _texts(value) and bool(value)


def _uuids(value: Any) -> bool:
    return _texts(value) and all(len(item) == 4 and set(item) <= _HEX for item in value)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _seconds(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 3600


def _whole(lowest: int, highest: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _among(allowed: tuple[str, ...]) -> _Check:
    return _Check(lambda value: value in allowed, f"one of {', '.join(allowed)}")


def _order(value: Any) -> bool:
    return _texts(value) and set(value) <= set(STEPS) and len(set(value)) == len(value) and "subscribe" in value


_TEXT: Final = _Check(_text, "a text")
_TEXTS: Final = _Check(_texts, "a list of texts")
_SOME_TEXTS: Final = _Check(_some_texts, "a list of at least one text")
_FLAG: Final = _Check(_flag, "true or false")
_SECONDS: Final = _Check(_seconds, "a number of seconds from 0 to 3600")
_QUIRKS: Final = _Check(
    lambda value: _texts(value) and set(value) <= _QUIRKY, "a list of fields that a measurement has, such as pulse_rate"
)

_CHECKS: Final[Mapping[str, _Check]] = {
    "title": _TEXT,
    "device": _among(DEVICES),
    "services": _Check(
        lambda value: _uuids(value) and bool(value),
        'a list of at least one 16-bit UUID in upper-case hex, such as "1810"',
    ),
    "measurements": _Check(
        lambda value: _uuids(value) and set(value) <= set(MEASUREMENTS),
        f"a list of characteristics that are decoded: {', '.join(sorted(MEASUREMENTS))}",
    ),
    "pair": _FLAG,
    "steps": _SOME_TEXTS,
    "sources": _SOME_TEXTS,
    "clock": _among(_CLOCKS),
    "set_clock": _FLAG,
    "reconnect_after_s": _SECONDS,
    "hangs_up": _FLAG,
    "big_endian": _QUIRKS,
    "unflagged": _QUIRKS,
    "settle_s": _SECONDS,
    "names": _TEXTS,
    "pairing_names": _TEXTS,
    "digits": _among(("shown", "printed")),
    "mend_bond": _FLAG,
    "stored_records": _FLAG,
    "consent": _FLAG,
    "users": _Check(_whole(0, 254), "a whole number of user slots, from 0 to 254"),
    "deletes_on_confirmation": _FLAG,
    "advertises": _among(("xiaomi",)),
    "order": _Check(_order, f"steps of {', '.join(STEPS)}, none of them twice, and subscribe among them"),
    "disconnect_after_s": _SECONDS,
    "ketone_meal": _Check(_whole(0, 255), "a whole number from 0 to 255, the meal of a context record"),
}
"""What holds for each field of ``MeterModel``."""
