"""What ``hearthline-gateway decode`` prints: a frame in the profile's words and as readings, as strictly valid JSON.

Nothing here is patient data of a running gateway: the frames come from the person at the keyboard.
"""

import json
import re
from functools import cache
from typing import Any, Final, TextIO

from hearthline_gateway.advertised import xiaomi_scale
from hearthline_gateway.advertised.xiaomi_scale import XiaomiWeighing
from hearthline_gateway.errors import GatewayError
from hearthline_gateway.finding import Finding, Measured
from hearthline_gateway.gatt.cgm_measurement import CgmMeasurement
from hearthline_gateway.gatt.characteristics import MEASUREMENTS, Measurement, PersonMeasurement, decode
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.gatt.words import words
from hearthline_gateway.interpret import interpret
from hearthline_gateway.interpret_glucose import continuous_glucose
from hearthline_gateway.meter_models import model as meter_model
from hearthline_gateway.normalize import quirks_of

_UUID: Final = re.compile(r"(?:0X)?([0-9A-F]{4})|0000([0-9A-F]{4})-0000-1000-8000-00805F9B34FB", re.ASCII)
_BETWEEN_BYTES: Final = str.maketrans("", "", ":-_ \t")

dump: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""An answer as one line of JSON."""


class BadUuidError(GatewayError):
    """A characteristic that is not written as a UUID."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is not a characteristic; write four hexadecimal digits such as 2A35 or 0x2A35")


class BadHexError(GatewayError):
    """A frame that is not written in hexadecimal."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__("the frame is not hexadecimal; write two digits a byte, such as 00780051006A00")


class BadLineError(GatewayError):
    """A line that does not hold a characteristic, a frame and at most a model."""

    def __init__(self, line: str) -> None:
        self.line = line
        super().__init__("a line holds UUID16 HEX [MODEL], such as 2A35 00780051006A00 beurer-bm85")


def decode_line(characteristic: str, frame: str, model: str | None = None) -> dict[str, Any]:
    """The answer for one frame in hexadecimal: ``{characteristic, measurement, readings}``, or
    ``{characteristic, error: {type, message, missing}}`` where it cannot be decoded. Never raises for bad input."""
    uuid: str | None = None
    try:
        uuid = _uuid(characteristic)
        quirks = NO_QUIRKS if model is None else _quirks(model)
        if uuid in xiaomi_scale.SERVICES:
            return _advertised(uuid, _payload(frame))
        measurement = decode(uuid, _payload(frame), quirks)
    except (DecodeError, GatewayError) as error:
        return _failure(uuid, error)
    readings = [_reading(finding) for finding in _findings(measurement)]
    return {"characteristic": uuid, "measurement": words(measurement), "readings": readings}


def _advertised(service: str, payload: bytes) -> dict[str, Any]:
    weighing = XiaomiWeighing.decode(service, payload)
    readings = [_reading(xiaomi_scale.finding_of(weighing))]
    return {"characteristic": service, "measurement": xiaomi_scale.words(weighing), "readings": readings}


def decode_stream(lines: TextIO, out: TextIO) -> int:
    """Answer every line ``UUID16 HEX [MODEL]`` with one line of JSON, an empty line too; returns how many were errors.

    A line with a characteristic alone is an empty frame.
    """
    errors = 0
    for line in lines:
        answer = _answer(line)
        errors += "error" in answer
        out.write(dump(answer) + "\n")
    return errors


def _answer(line: str) -> dict[str, Any]:
    parts = line.split()
    if not 1 <= len(parts) <= 3:
        return _failure(None, BadLineError(line))
    return decode_line(parts[0], parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 else None)


def _uuid(text: str) -> str:
    if text in MEASUREMENTS:
        return text
    match = _UUID.fullmatch(text.strip().upper())
    if match is None:
        raise BadUuidError(text)
    return match[1] or match[2]


def _payload(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        bare = text.translate(_BETWEEN_BYTES)
    try:
        return bytes.fromhex(bare[2:] if bare[:2] in ("0x", "0X") else bare)
    except ValueError as error:
        raise BadHexError(text) from error


@cache
def _quirks(name: str) -> Quirks:
    return quirks_of(meter_model(name))


def _failure(characteristic: str | None, error: DecodeError | GatewayError) -> dict[str, Any]:
    missing = error.missing if isinstance(error, DecodeError) else None
    return {
        "characteristic": characteristic,
        "error": {"type": type(error).__name__, "message": str(error), "missing": missing},
    }


def _findings(measurement: Measurement) -> tuple[Finding, ...]:
    """Those of a continuous glucose sensor are shown, though they are no readings yet: see
    :func:`hearthline_gateway.normalize.normalize`."""
    if isinstance(measurement, CgmMeasurement):
        return continuous_glucose(measurement)
    return (interpret(measurement),) if isinstance(measurement, PersonMeasurement) else ()


def _reading(finding: Finding) -> dict[str, Any]:
    said: dict[str, Any] = {
        "kind": finding.kind,
        "quality": finding.quality.value,
        "values": {name: _value(measured) for name, measured in finding.values.items()},
        "device_time": None if finding.clock_face is None else str(finding.clock_face),
        "flags": [flag.value for flag in finding.flags],
    }
    if finding.sequence is not None:
        said["sequence"] = finding.sequence
    if finding.context:
        said["context"] = {
            name: word if isinstance(word, str) else _value(word) for name, word in finding.context.items()
        }
    return said


def _value(measured: Measured) -> dict[str, Any]:
    value: dict[str, Any] = {"value": measured.value, "unit": measured.unit}
    if measured.comparator is not None:
        value["comparator"] = measured.comparator
    value["as_measured"] = (
        None
        if measured.number is None
        else {"number": measured.number, "unit": measured.measured_unit, "precision": measured.precision}
    )
    return value
