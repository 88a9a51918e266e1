"""A weighing in two frames, recorded of a Beurer BF 720 and a BF 788 (KristianP26/ble-scale-sync, issues 168, 229)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.body_composition import BodyCompositionMeasurement
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.normalize import normalize
from hearthline_gateway.weighing import WITHIN, Weighings
from hearthline_protocol.readings import Reading

_AT = datetime(2026, 5, 12, 16, 53, 55, tzinfo=UTC)
_WEIGHT = "0e783eea07050c12353601ee002607"
_ANALYSIS = "9803c200df1a9701cc2fca21a811"
_STUB = "9803000096230000000000000000"


def _frame(characteristic: str, payload: str, second: float = 0, sensor: str = "E7:DB:49:00:18:1B") -> Frame:
    return Frame(sensor, characteristic, bytes.fromhex(payload), _AT + timedelta(seconds=second), model="beurer-bf720")


def _heard(weighings: Weighings, *frames: Frame) -> list[Reading]:
    return [
        reading for frame in frames for reading in normalize(weighings.complete(frame), zone=ZoneInfo("Europe/Berlin"))
    ]


def test_the_analysis_gets_stamp_person_and_weight_of_its_weighing() -> None:
    weight, analysis = _heard(Weighings(), _frame("2A9D", _WEIGHT), _frame("2A9C", _ANALYSIS, 8))
    assert (weight.kind, weight.values["weight"].value) == ("body_weight", 79.96)
    assert (analysis.kind, analysis.user_slot, analysis.device_time) == ("body_composition", 1, weight.device_time)
    assert {name: value.value for name, value in analysis.values.items()} == {
        "fat": 19.4,
        "muscle": 40.7,
        "water": 54.1,
    }


def test_a_replay_is_the_same_readings() -> None:
    first = _heard(Weighings(), _frame("2A9D", _WEIGHT), _frame("2A9C", _ANALYSIS, 8))
    again = _heard(Weighings(), _frame("2A9D", _WEIGHT, 9000), _frame("2A9C", _ANALYSIS, 9001))
    assert [reading.id for reading in again] == [reading.id for reading in first]


def test_a_stub_beside_a_replayed_weight_is_not_kept() -> None:
    kept = _heard(Weighings(), _frame("2A9D", _WEIGHT), _frame("2A9C", _STUB, 1))
    assert [reading.kind for reading in kept] == ["body_weight"]


@pytest.mark.parametrize("second", [-1, WITHIN.total_seconds() + 1], ids=["clock_set_back", "too_late"])
def test_an_analysis_of_another_moment_stays_alone(second: float) -> None:
    weighings, analysis = Weighings(), _frame("2A9C", _ANALYSIS, second)
    weighings.complete(_frame("2A9D", _WEIGHT))
    assert weighings.complete(analysis) == analysis


def test_an_analysis_of_another_scale_stays_alone() -> None:
    weighings, analysis = Weighings(), _frame("2A9C", _ANALYSIS, 1, sensor="E7:DB:49:00:18:1C")
    weighings.complete(_frame("2A9D", _WEIGHT))
    assert weighings.complete(analysis) == analysis


def test_the_next_connection_begins_anew() -> None:
    weighings, analysis = Weighings(), _frame("2A9C", _ANALYSIS, 1)
    weighings.complete(_frame("2A9D", _WEIGHT))
    weighings.forget(analysis.sensor)
    assert weighings.complete(analysis) == analysis


def test_one_weight_completes_one_analysis_or_both_packets_of_one() -> None:
    weighings, analysis = Weighings(), _frame("2A9C", _ANALYSIS, 1)
    packet = replace(analysis, payload=b"\x98\x13" + analysis.payload[2:])
    weighings.complete(_frame("2A9D", _WEIGHT))
    another = replace(analysis, received_time=analysis.received_time + timedelta(seconds=1))
    assert [weighings.complete(frame) == frame for frame in (packet, analysis, another)] == [False, False, True]


def test_offered_again_it_is_completed_again() -> None:
    weighings, analysis = Weighings(), _frame("2A9C", _ANALYSIS, 1)
    weighings.complete(_frame("2A9D", _WEIGHT))
    assert weighings.complete(analysis) == weighings.complete(replace(analysis)) != analysis


def test_frames_that_contradict_each_other_are_not_joined() -> None:
    other = BodyCompositionMeasurement(body_fat_percentage=Number(194, -1), user_id=2).encode().hex()
    weighings, analysis = Weighings(), _frame("2A9C", other, 1)
    weighings.complete(_frame("2A9D", _WEIGHT))
    assert weighings.complete(analysis) == analysis


def test_a_weight_in_another_unit_is_left_out() -> None:
    pounds = BodyCompositionMeasurement(body_fat_percentage=Number(194, -1), mass_unit="lb", height_unit="in")
    weighings = Weighings()
    weighings.complete(_frame("2A9D", _WEIGHT))
    whole = BodyCompositionMeasurement.decode(weighings.complete(_frame("2A9C", pounds.encode().hex(), 1)).payload)
    assert (whole.weight, whole.user_id) == (None, 1)


def test_frames_that_cannot_be_decoded_pass_through() -> None:
    weighings = Weighings()
    weighings.complete(_frame("2A9D", _WEIGHT))
    for frame in (_frame("2A9D", "0e78"), _frame("2A9C", _ANALYSIS, 1), _frame("2A9C", "9803c2"), _frame("2A35", "")):
        assert weighings.complete(frame) == frame
