"""A measurement as plain data in the profile's own words, fit for strictly valid JSON."""

from collections.abc import Callable
from dataclasses import fields
from enum import IntFlag
from functools import cache
from typing import Any, Final

from hearthline_gateway.gatt.blood_pressure import BloodPressureStatus
from hearthline_gateway.gatt.characteristics import MEASUREMENTS, Measurement
from hearthline_gateway.gatt.current_time import AdjustReason
from hearthline_gateway.gatt.health_thermometer import TemperatureType
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.pulse_oximeter import PlxDeviceAndSensorStatus, PlxMeasurementStatus
from hearthline_protocol.device_time import DeviceTime

_EXTRAS: Final = ("reserved_flags", "trailing")
"""Said only where there is something to say."""

_NAMES: Final[dict[type, tuple[str, ...]]] = {
    kind: tuple(field.name for field in fields(kind) if field.name not in _EXTRAS) for kind in MEASUREMENTS.values()
}


def words(measurement: Measurement) -> dict[str, Any]:
    """Field by field: a special number as its name, a stamp as text, a status as ``{raw, flags}``, absent as None."""
    said: dict[str, Any] = {}
    for name in _NAMES[type(measurement)]:
        value = getattr(measurement, name)
        spell = _SPELLED.get(type(value))
        said[name] = value if spell is None else spell(value)
    for name in _EXTRAS:
        extra = getattr(measurement, name, None)
        if extra:
            said[name] = extra.hex() if isinstance(extra, bytes) else extra
    return said


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


def _type(place: TemperatureType) -> dict[str, Any]:
    return {"raw": place.value, "name": place.name.lower()}


_SPELLED: Final[dict[type, Callable[[Any], Any]]] = {
    Number: _number,
    DeviceTime: str,
    BloodPressureStatus: _cuff_status,
    PlxMeasurementStatus: _status,
    PlxDeviceAndSensorStatus: _status,
    AdjustReason: _status,
    TemperatureType: _type,
}
