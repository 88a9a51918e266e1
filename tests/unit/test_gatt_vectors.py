"""Frames from public suites and the Bluetooth SIG white paper decode to the values published with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from hearthline_gateway.decode import decode_line

_FIXTURES = Path(__file__).parents[1] / "fixtures"
_VECTORS: list[dict[str, Any]] = json.loads((_FIXTURES / "gatt_vectors.json").read_text())["vectors"]
_RECORDINGS: list[dict[str, Any]] = json.loads((_FIXTURES / "meter_frames.json").read_text())["frames"]

_OUR_NAMES = {"map": "mean_arterial_pressure", "timestamp": "time_stamp", "type": "temperature_type"}


def _stamp(parts: dict[str, int]) -> str:
    return "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}".format(**parts)


def _expected(vector: dict[str, Any]) -> dict[str, Any]:
    named = {_OUR_NAMES.get(name, name): value for name, value in vector["expect"].items()}
    if isinstance(named.get("time_stamp"), dict):
        named["time_stamp"] = _stamp(named["time_stamp"])
    if vector["characteristic"] in ("2A08", "2A2B"):
        named["date_time"] = named.pop("time_stamp")
    return named


@pytest.mark.parametrize("vector", [v for v in _VECTORS if "expect" in v], ids=lambda vector: vector["id"])
def test_vector(vector: dict[str, Any]) -> None:
    said = decode_line(vector["characteristic"], vector["hex"])["measurement"]
    for name, value in _expected(vector).items():
        found = said["measurement_status"] if name == "status" else said[name]
        assert (found["raw"] if isinstance(found, dict) else found) == value, name


@pytest.mark.parametrize("vector", [v for v in _VECTORS if "error" in v], ids=lambda vector: vector["id"])
def test_vector_that_is_cut_short(vector: dict[str, Any]) -> None:
    error = decode_line(vector["characteristic"], vector["hex"])["error"]
    assert error["type"] == "TruncatedError"
    assert error["missing"] in ("diastolic", "temperature")


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
