"""What heart rates and body analyses are worth."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.decode import decode_line
from hearthline_gateway.frame import Frame
from hearthline_gateway.interpret_body import share_of_weight
from hearthline_gateway.normalize import normalize

_RECEIVED = datetime(2026, 11, 22, 7, 4, tzinfo=UTC)


def _reading(characteristic: str, frame: str) -> dict[str, Any]:
    (reading,) = decode_line(characteristic, frame)["readings"]
    assert isinstance(reading, dict)
    return reading


@pytest.mark.parametrize(
    ("frame", "quality", "rate"),
    [
        ("0048", "valid", 72),
        ("0648", "valid", 72),
        ("012c01", "valid", 300),
        ("0448", "failed", None),
        ("14aa8d00", "failed", None),
        ("0000", "failed", None),
        ("0600", "failed", None),
    ],
    ids=["contact_unknown", "contact", "sixteen_bits", "no_contact", "no_contact_rr", "zero", "zero_with_contact"],
)
def test_heart_rate(frame: str, quality: str, rate: int | None) -> None:
    reading = _reading("2A37", frame)
    assert (reading["kind"], reading["quality"]) == ("heart_rate", quality)
    assert {name: value["value"] for name, value in reading["values"].items()} == (
        {} if rate is None else {"rate": rate}
    )


def test_a_single_heart_rate_is_no_reading_by_itself() -> None:
    frame = Frame("F0:F1:00:00:18:0D", "2A37", bytes.fromhex("0648"), _RECEIVED)
    assert normalize(frame, zone=ZoneInfo("Europe/Madrid")) == ()


def _composition(frame: str) -> tuple[str, dict[str, float]]:
    reading = _reading("2A9C", frame)
    assert reading["kind"] == "body_composition"
    return reading["quality"], {name: value["value"] for name, value in reading["values"].items()}


def test_body_composition_in_shares_of_the_weight() -> None:
    assert _composition("2005 e700 200a 8813 b034") == ("valid", {"fat": 23.1, "muscle": 19.2, "water": 37.1})
    assert share_of_weight(38.2, 68.2) == 56.0


def test_a_share_keeps_the_mass_that_the_scale_printed() -> None:
    values = _reading("2A9C", "0005 e700 d81d 4835")["values"]
    assert values["water"] == {
        "value": 56.0,
        "unit": "%",
        "as_measured": {"number": 38.2, "unit": "kg", "precision": 3},
    }
    pounds = _reading("2A9C", "0105 e700 d81d 4835")["values"]["water"]
    assert (pounds["value"], pounds["as_measured"]) == (56.0, {"number": 76.4, "unit": "[lb_av]", "precision": 2})


def test_a_muscle_percentage_goes_before_a_muscle_mass() -> None:
    assert _composition("3004 e700 7801 900a 4835")[1] == {"fat": 23.1, "muscle": 37.6}


def test_a_mass_without_a_weight_is_left_out() -> None:
    assert _composition("2001 e700 900a d81d") == ("valid", {"fat": 23.1})
    assert _composition("0005 e700 d81d 0000") == ("valid", {"fat": 23.1})


@pytest.mark.parametrize(
    "frame",
    ["0000 ffff", "1000 ffff 7801", "0000 0000", "3005 0000 0000 0000 0000 4835"],
    ids=["unsuccessful", "unsuccessful_with_more", "zero", "stub_beside_a_weight"],
)
def test_unsuccessful_and_stubs_have_failed(frame: str) -> None:
    assert _composition(frame) == ("failed", {})


def test_the_weight_in_a_composition_is_no_second_weight() -> None:
    frame = Frame("F0:F1:00:00:18:1B", "2A9C", bytes.fromhex("0004e7004835"), _RECEIVED)
    assert [reading.kind for reading in normalize(frame, zone=ZoneInfo("Europe/Madrid"))] == ["body_composition"]


def test_a_composition_knows_its_slot_and_its_clock() -> None:
    frame = Frame("F0:F1:00:00:18:1B", "2A9C", bytes.fromhex("0600e700 0000 0b16070400 02"), _RECEIVED)
    (reading,) = normalize(frame, zone=ZoneInfo("Europe/Madrid"))
    assert (reading.user_slot, reading.flags) == (2, ("clock_not_set",))
