"""The table of kinds, and the topics: what the design fixes."""

import pytest

from hearthline_protocol import topics
from hearthline_protocol.kinds import KINDS, UNIT_TEXT, Kind

_DESIGN = {
    "blood_pressure": {"systolic": "mm[Hg]", "diastolic": "mm[Hg]", "mean": "mm[Hg]", "pulse": "/min"},
    "oxygen_saturation": {"spo2": "%", "pulse": "/min"},
    "body_weight": {"weight": "kg", "bmi": "kg/m2"},
    "body_composition": {"fat": "%", "muscle": "%", "water": "%"},
    "body_temperature": {"temperature": "Cel"},
    "glucose": {"glucose": "mg/dL"},
    "heart_rate": {"rate": "/min"},
    "respiratory_rate": {"rate": "/min"},
    "peak_flow": {"pef": "L/min", "fev1": "L"},
}


def test_kinds_fields_and_units_are_the_design_s() -> None:
    assert {name: {f.name: f.unit for f in kind.fields.values()} for name, kind in KINDS.items()} == _DESIGN


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_is_complete(kind: Kind) -> None:
    assert set(kind.required) <= set(kind.fields)
    for field in kind.fields.values():
        assert field.unit in UNIT_TEXT
        assert field.step > 0
        low, high = field.possible
        assert 0 < low < high


def test_a_topic_leads_back_to_its_gateway() -> None:
    for topic in (topics.readings("home-1"), topics.receipts("home-1"), topics.status("home-1")):
        assert topics.gateway_of(topic) == "home-1"


@pytest.mark.parametrize(
    "topic", ["", "hearthline/v1/home-1", "hearthline/v2/home-1/readings", "hearthline/v1/Home 1/readings", "a/b/c/d"]
)
def test_a_foreign_topic_has_no_gateway(topic: str) -> None:
    assert topics.gateway_of(topic) is None
