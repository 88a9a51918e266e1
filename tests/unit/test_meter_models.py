"""The files of the meter models: complete, and about characteristics that are decoded."""

import pytest

from hearthline_gateway.gatt.blood_pressure import BloodPressureMeasurement
from hearthline_gateway.gatt.characteristics import MEASUREMENTS
from hearthline_gateway.meter_models import MeterModel, UnknownModelError, model, models
from hearthline_gateway.normalize import quirks_of

_FIELDS = set(BloodPressureMeasurement.__dataclass_fields__)


@pytest.mark.parametrize("meter", models().values(), ids=lambda meter: meter.name)
def test_a_model_is_complete(meter: MeterModel) -> None:
    assert meter.title
    assert meter.device in ("cuff", "oximeter", "scale", "thermometer")
    assert meter.services
    assert set(meter.measurements) <= set(MEASUREMENTS)
    assert meter.measurements
    assert meter.steps
    assert meter.sources
    assert meter.clock in (None, "2A08", "2A2B")
    assert not (meter.set_clock and meter.clock is None)
    assert set(meter.big_endian) | set(meter.unflagged) <= _FIELDS


@pytest.mark.parametrize(
    "name",
    [
        "generic-blood-pressure",
        "generic-oximeter",
        "generic-weight-scale",
        "generic-thermometer",
        "and-ua-651ble",
        "and-uc-352ble",
        "nonin-3230",
        "beurer-bm85",
        "beurer-ft95",
    ],
)
def test_the_first_models_are_there(name: str) -> None:
    assert model(name).name == name


def test_an_unknown_model_is_named_with_those_known() -> None:
    with pytest.raises(UnknownModelError) as caught:
        model("no-such-meter")
    assert (caught.value.name, "nonin-3230" in caught.value.known) == ("no-such-meter", True)


def test_a_model_s_quirks_are_its_own() -> None:
    assert quirks_of(model("beurer-bm85")).big_endian == {"pulse_rate", "measurement_status"}
    assert quirks_of(model("nonin-3230")) == quirks_of(None)
