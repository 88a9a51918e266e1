"""A measurement as plain data in the profile's own words, fit for strictly valid JSON."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import IntEnum, IntFlag
from functools import cache
from typing import Any, Final

from hearthline_gateway.gatt.blood_pressure import BloodPressureStatus, IntermediateCuffPressure
from hearthline_gateway.gatt.characteristics import Measurement
from hearthline_gateway.gatt.numbers import Number
from hearthline_protocol.device_time import DeviceTime

_EXTRAS: Final = ("reserved_flags", "operand", "trailing")
"""Said only where there is something to say."""


def words(measurement: Measurement) -> dict[str, Any]:
    """Field by field: a special number as its name, a stamp as text, a status as ``{raw, flags}``, absent as None."""
    said: dict[str, Any] = _spelled(measurement)
    return said


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name not in _EXTRAS)


def _parts(whole: Any) -> dict[str, Any]:
    kind: type = type(whole)
    said: dict[str, Any] = {name: _spelled(getattr(whole, name)) for name in _names(kind)}
    for name in _EXTRAS:
        extra = getattr(whole, name, None)
        if extra:
            said[name] = _spelled(extra)
    return said


def _spelled(value: Any) -> Any:
    kind: type = type(value)
    spell = _spelling(kind)
    return value if spell is None else spell(value)


@cache
def _spelling(kind: type) -> Callable[[Any], Any] | None:
    """How values of a type are said; None for what JSON says by itself."""
    if kind in _SPELLED:
        return _SPELLED[kind]
    if issubclass(kind, IntFlag):
        return _status
    if issubclass(kind, IntEnum):
        return _named
    if is_dataclass(kind):
        return _parts
    return None


def _number(number: Number) -> float | str | None:
    return number.value if number.special is None else number.special.value


@cache
def _bits(kind: type[IntFlag]) -> tuple[tuple[int, str], ...]:
    return tuple((flag.value, flag.name.lower()) for flag in kind if flag.name is not None)


def _status(status: IntFlag) -> dict[str, Any]:
    raw = int(status)
    return {"raw": raw, "flags": [name for bit, name in _bits(type(status)) if raw & bit]}


def _cuff_status(status: BloodPressureStatus) -> dict[str, Any]:
    said = _status(status)
    if status >> 3 & 0b11 == 0b11:  # the reserved fourth value of the range is neither high nor low
        said["flags"] = [name for name in said["flags"] if not name.startswith("pulse_rate_")]
    return said


def _intermediate(cuff: IntermediateCuffPressure) -> dict[str, Any]:
    """With the name that the specification gives to what stands in the place of the systolic pressure."""
    return {"current_cuff_pressure": _number(cuff.systolic), **_parts(cuff)}


def _named(value: IntEnum) -> dict[str, Any]:
    return {"raw": value.value, "name": value.name.lower()}


def _each(values: tuple[Any, ...]) -> list[Any]:
    return [_spelled(value) for value in values]


_SPELLED: Final[dict[type, Callable[[Any], Any]]] = {
    Number: _number,
    DeviceTime: str,
    BloodPressureStatus: _cuff_status,
    IntermediateCuffPressure: _intermediate,
    bytes: bytes.hex,
    tuple: _each,
}
"""Beside these, every ``IntFlag`` is a status, every ``IntEnum`` a name, and a part of its own its fields."""
