"""Frames whose meaning was worked out apart from the decoders: from the specifications, public suites, recordings."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hearthline_gateway.advertised.xiaomi_scale import SERVICES
from hearthline_gateway.decode import decode_line
from hearthline_gateway.gatt.characteristics import MEASUREMENTS
from hearthline_gateway.gatt.text import Utf8Text

_FIXTURE = Path(__file__).parents[1] / "fixtures" / "profile_frames.json"
_FRAMES: list[dict[str, Any]] = json.loads(_FIXTURE.read_text(encoding="utf-8"))["frames"]


def _sent(said: Any) -> Any:
    """What the fixture writes down: without what was not sent."""
    if isinstance(said, dict):
        return {name: _sent(value) for name, value in said.items() if value is not None and value is not False}
    return [_sent(value) for value in said] if isinstance(said, list) else said


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value
    comparator = value.get("comparator")
    if comparator is None:
        return value["value"]
    return comparator if value["value"] is None else [comparator, value["value"]]


def _reading(said: dict[str, Any]) -> dict[str, Any]:
    parts = [part for part in ("values", "context") if part in said]
    plain = {part: {name: _value(value) for name, value in said[part].items()} for part in parts}
    return said | plain


@pytest.mark.parametrize("frame", _FRAMES, ids=lambda frame: f"{frame['characteristic']}-{frame['hex'] or 'empty'}")
def test_frame(frame: dict[str, Any]) -> None:
    answer = decode_line(frame["characteristic"], frame["hex"])
    assert _sent(answer["measurement"]) == frame["measurement"]
    assert [_reading(reading) for reading in answer["readings"]] == frame["readings"]


def test_every_characteristic_has_at_least_four_frames() -> None:
    counted = Counter(frame["characteristic"] for frame in _FRAMES)
    assert {name for name in (*MEASUREMENTS, *SERVICES) if counted[name] < 4} == set()


_WHOLE_AT = {
    "0907abcd": {2, 3},  # behind a reserved op code stands anything
    "1f0102": {1, 2},
    "1daabb": {1, 2},
    "1f2c01ffff0004ff03fe03fd03fc03fb03fa03f903f803": set(range(7, 23, 2)),  # between two RR intervals
    "16485401ec02": {4},
    "20050102": {3},  # a deletion may name its slot or not
    "080078001e0034990a0177001d00fcffa48e061c76001c00": {8, 18},  # between two records
    "1400030805d1df": {5},  # the checksum may be absent
    "e807021d173b3ad000119a": {9},
    "5001c632": {2},
    "0a4600ff58": {3},
}
"""Frames of which a beginning is a whole frame too, and where it ends."""


@pytest.mark.parametrize(
    "frame",
    [
        frame
        for frame in _FRAMES
        if not issubclass(MEASUREMENTS.get(frame["characteristic"], object), Utf8Text)  # any beginning is a text
    ],
    ids=lambda frame: f"{frame['characteristic']}-{frame['hex']}",
)
def test_a_frame_cut_short_names_what_is_missing(frame: dict[str, Any]) -> None:
    payload = bytes.fromhex(frame["hex"])
    for end in set(range(len(payload))) - _WHOLE_AT.get(frame["hex"], set()):
        error = decode_line(frame["characteristic"], payload[:end].hex())["error"]
        assert error["type"] == "TruncatedError"
        assert error["missing"]
