"""Whatever the bytes, a frame ends in a measurement or in one typed error."""

import json
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_gateway.decode import decode_line, dump
from hearthline_gateway.frame import Frame, MeterClock
from hearthline_gateway.gatt.characteristics import MEASUREMENTS
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.normalize import normalize

_DECODE_ERRORS = {kind.__name__ for kind in DecodeError.__subclasses__()}
_RECEIVED = datetime(2026, 11, 22, 7, 4, tzinfo=UTC)


@given(st.sampled_from(sorted(MEASUREMENTS)), st.binary(max_size=40), st.sampled_from([None, "beurer-bm85"]))
@settings(max_examples=300, deadline=None)
def test_any_frame_is_a_measurement_or_a_decode_error(characteristic: str, payload: bytes, model: str | None) -> None:
    answer = decode_line(characteristic, payload.hex(), model)
    assert ("measurement" in answer) != ("error" in answer)
    assert json.loads(dump(answer), parse_constant=_no_bare_specials) == answer


def test_a_hundred_thousand_random_frames() -> None:
    dice = random.Random(20261122)
    characteristics = sorted(MEASUREMENTS)
    decoded = 0
    for _ in range(100_000):
        answer = decode_line(dice.choice(characteristics), dice.randbytes(dice.randint(0, 24)).hex())
        dump(answer)
        if "error" in answer:
            assert answer["error"]["type"] in _DECODE_ERRORS
            assert answer["error"]["missing"] or answer["error"]["type"] != "TruncatedError"
        else:
            decoded += 1
    assert 10_000 < decoded < 90_000


@given(
    st.sampled_from(sorted(MEASUREMENTS)),
    st.binary(max_size=30),
    st.none() | st.timedeltas(min_value=timedelta(days=-36_500), max_value=timedelta(days=3_000_000)),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_any_frame_normalizes(characteristic: str, payload: bytes, ahead: timedelta | None, alone: bool) -> None:
    clock = None if ahead is None else MeterClock(ahead, _RECEIVED)
    frame = Frame("F0:F1:00:00:18:10", characteristic, payload, _RECEIVED, clock=clock, first=True, alone=alone)
    try:
        readings = normalize(frame, zone=ZoneInfo("Europe/Madrid"))
    except DecodeError:
        return
    for reading in readings:
        assert (reading.values == {}) == (reading.quality == "failed") or reading.quality == "not_patient"
        assert reading.effective_time <= _RECEIVED + timedelta(minutes=5)


def _no_bare_specials(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")
