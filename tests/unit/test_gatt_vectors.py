"""Frames from public suites and the Bluetooth SIG white paper decode to the values published with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from hearthline_gateway.decode import decode_line
from hearthline_gateway.gatt.e2e_crc import e2e_crc

_FIXTURES = Path(__file__).parents[1] / "fixtures"
_VECTORS: list[dict[str, Any]] = json.loads((_FIXTURES / "gatt_vectors.json").read_text())["vectors"]
_RECORDINGS: list[dict[str, Any]] = json.loads((_FIXTURES / "meter_frames.json").read_text())["frames"]

_OUR_NAMES = {
    "map": "mean_arterial_pressure",
    "timestamp": "time_stamp",
    "2A08.timestamp": "date_time",
    "2A2B.timestamp": "date_time",
    "2A35.status": "measurement_status",
    "2A1C.type": "temperature_type",
    "2A18.sequence": "sequence_number",
    "2A18.time_offset_min": "time_offset",
    "2A18.concentration_raw": "glucose_concentration",
    "2A18.type": "sample_type",
    "2A18.location": "sample_location",
    "2A18.status": "sensor_status_annunciation",
    "2A18.context_follows": "context_information_follows",
    "2A37.contact": "sensor_contact",
    "2A37.energy_kj": "energy_expended_kj",
    "2A37.rr_1024": "rr_intervals_1024",
    "2AA7.glucose": "glucose_concentration",
    "2AA7.time_offset_min": "time_offset",
    "2AA7.trend": "trend_information",
    "2AA7.crc_ok": "e2e_crc",
}
"""Of each field the vectors name otherwise, by the field's name or by characteristic and name."""


def _plain(said: Any) -> Any:
    """A value without the names beside it."""
    return said["raw"] if isinstance(said, dict) and "raw" in said else said


def _wanted(value: Any) -> Any:
    """A stamp is written as text, and a list that was not sent is empty in the vectors."""
    if isinstance(value, dict):
        return "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}".format(**value)
    return None if value == [] else value


def _check(characteristic: str, expect: dict[str, Any], said: dict[str, Any]) -> None:
    for name, value in expect.items():
        ours = _OUR_NAMES.get(f"{characteristic}.{name}", _OUR_NAMES.get(name, name))
        assert (name, _plain(said[ours])) == (name, _wanted(value))


@pytest.mark.parametrize("vector", [v for v in _VECTORS if "expect" in v], ids=lambda vector: vector["id"])
def test_vector(vector: dict[str, Any]) -> None:
    characteristic, expect = vector["characteristic"], vector["expect"]
    if characteristic == "CRC16-MCRF4XX":
        assert e2e_crc(bytes.fromhex(vector["hex"])) == expect["crc"]
        return
    said = decode_line(characteristic, vector["hex"])["measurement"]
    if "records" not in expect:
        _check(characteristic, expect, said)
        return
    for wanted, record in zip(expect["records"], said["records"], strict=True):
        _check(characteristic, wanted, record)


_ERRORS: dict[str, set[tuple[str, str | None]]] = {
    "too short": {("TruncatedError", "diastolic"), ("TruncatedError", "temperature"), ("TruncatedError", "base_time")},
    "size < 6": {("TruncatedError", "time_offset")},
    "crc": {("CrcMismatchError", None)},
}


@pytest.mark.parametrize("vector", [v for v in _VECTORS if "error" in v], ids=lambda vector: vector["id"])
def test_vector_that_is_wrong(vector: dict[str, Any]) -> None:
    error = decode_line(vector["characteristic"], vector["hex"])["error"]
    assert (error["type"], error["missing"]) in _ERRORS[vector["error"]]


@pytest.mark.parametrize("recording", _RECORDINGS, ids=lambda recording: f"{recording['model']}-{recording['hex']}")
def test_recording(recording: dict[str, Any]) -> None:
    answer = decode_line(recording["characteristic"], recording["hex"], recording["model"])
    (reading,) = answer["readings"]
    assert reading["kind"] == recording["kind"]
    assert reading["quality"] == recording["quality"]
    assert {name: value["value"] for name, value in reading["values"].items()} == recording["values"]
    assert reading["device_time"] == recording["device_time"]
    assert reading["flags"] == recording["flags"]
    assert answer["measurement"].get("user_id") == recording["user_id"]
    assert "trailing" not in answer["measurement"]
