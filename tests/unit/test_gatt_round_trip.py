"""Encoding is the inverse of decoding, both ways, for every characteristic."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthline_gateway.gatt.blood_pressure import BloodPressureMeasurement
from hearthline_gateway.gatt.characteristics import MEASUREMENTS, decode
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.gatt.quirks import Quirks
from tests.fixtures.gatt_frames import MEASUREMENTS_OF


def test_every_characteristic_has_a_strategy() -> None:
    assert MEASUREMENTS_OF.keys() == MEASUREMENTS.keys()


@pytest.mark.parametrize("characteristic", MEASUREMENTS)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_is_encoded_decodes_to_the_same(characteristic: str, data: st.DataObject) -> None:
    measurement = data.draw(MEASUREMENTS_OF[characteristic])
    assert decode(characteristic, measurement.encode()) == measurement


@pytest.mark.parametrize("characteristic", MEASUREMENTS)
@given(payload=st.binary(max_size=30))
@settings(max_examples=60, deadline=None)
def test_what_is_decoded_encodes_to_the_same_bytes(characteristic: str, payload: bytes) -> None:
    try:
        measurement = decode(characteristic, payload)
    except DecodeError:
        return
    assert measurement.encode() == payload


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_model_s_byte_order_is_undone_by_its_encoding(data: st.DataObject) -> None:
    quirks = Quirks(big_endian=frozenset({"pulse_rate", "measurement_status"}))
    measurement = data.draw(MEASUREMENTS_OF["2A35"])
    assert BloodPressureMeasurement.decode(measurement.encode(quirks), quirks) == measurement
