"""The files of the meter models: complete, sourced, about characteristics that are decoded, and checked on load."""

from dataclasses import fields
from pathlib import Path

import pytest

from hearthline_gateway.meter_model_file import _CHECKS, ModelFileError
from hearthline_gateway.meter_models import MeterModel, UnknownModelError, model, models, models_in
from hearthline_gateway.normalize import quirks_of
from hearthline_protocol.configuration import MeterWanted

_WHOLE = """
title = "A meter"
device = "cuff"
services = ["1810"]
measurements = ["2A35"]
pair = true
steps = ["Switch it on."]
sources = ["its maker"]
"""


@pytest.mark.parametrize("meter", models().values(), ids=lambda meter: meter.name)
def test_a_model_tells_a_technician_what_to_do(meter: MeterModel) -> None:
    assert MeterWanted(address="F0:F1:00:00:18:10", model=meter.name).model == meter.name
    for step in (*meter.steps, *meter.sources):
        assert step == step.strip()
    for step in meter.steps:
        assert step.endswith(".")
        assert len(step) <= 120


def test_at_least_fifteen_models_of_makers_are_described() -> None:
    made = [meter for meter in models().values() if not meter.generic]
    assert len(made) >= 15
    assert len({meter.title for meter in models().values()}) == len(models())
    assert {meter.device for meter in models().values() if meter.generic} == {meter.device for meter in made}


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("taidoc-td-1241", 40),
        ("philips-ear-thermometer", 25),
        ("and-uc-352ble", 15),
        ("and-ua-651ble", 10),
        ("generic-heart-rate", 10),
    ],
)
def test_how_long_a_model_is_left_alone(name: str, seconds: int) -> None:
    assert model(name).reconnect_after_s == seconds


def test_facts_that_a_collector_relies_on() -> None:
    assert model("omron-x4-smart").deletes_on_confirmation
    assert model("xiaomi-mi-scale-2").advertises == "xiaomi"
    assert all(meter.stored_records for meter in models().values() if meter.device == "glucose_meter")
    assert {meter.name for meter in models().values() if meter.consent} >= {"beurer-bf720", "and-uc-421ble"}
    assert not any(meter.set_clock for meter in models().values() if meter.name.startswith("omron-"))


def test_an_unknown_model_is_named_with_those_known() -> None:
    with pytest.raises(UnknownModelError) as caught:
        model("no-such-meter")
    assert (caught.value.name, "nonin-3230" in caught.value.known) == ("no-such-meter", True)


def test_a_model_s_quirks_are_its_own() -> None:
    assert quirks_of(model("beurer-bm85")).big_endian == {"pulse_rate", "measurement_status"}
    assert quirks_of(model("nonin-3230")) == quirks_of(None)


def _load(folder: Path, text: str) -> MeterModel:
    (folder / "some-meter.toml").write_text(text, encoding="utf-8")
    return models_in(folder)["some-meter"]


def test_a_short_file_is_enough(tmp_path: Path) -> None:
    meter = _load(tmp_path, _WHOLE)
    assert (meter.name, meter.services, meter.clock, meter.users) == ("some-meter", ("1810",), None, 0)


def test_every_field_of_a_model_is_checked() -> None:
    assert _CHECKS.keys() == {field.name for field in fields(MeterModel)} - {"name"}


@pytest.mark.parametrize(
    ("line", "field", "expected"),
    [
        ('colour = "red"', "colour", "left out: it is none of title"),
        ('title = ""', "title", "a text, not ''"),
        ('device = "toaster"', "device", "one of cuff, glucose_meter"),
        ("services = []", "services", "at least one 16-bit UUID"),
        ('services = ["181d"]', "services", "upper-case hex"),
        ('measurements = ["2AFF"]', "measurements", "characteristics that are decoded"),
        ("measurements = []", "measurements", "at least one characteristic"),
        ('pair = "yes"', "pair", "true or false, not 'yes'"),
        ("steps = []", "steps", "at least one text"),
        ("steps = [1]", "steps", "at least one text"),
        ('sources = ""', "sources", "at least one text"),
        ('clock = "2A0F"', "clock", "one of 2A08, 2A2B"),
        ("set_clock = true", "set_clock", "nothing to set"),
        ("reconnect_after_s = -1", "reconnect_after_s", "seconds from 0 to 3600"),
        ("settle_s = true", "settle_s", "a number of seconds"),
        ('big_endian = ["pulse"]', "big_endian", "fields that a measurement has"),
        ('unflagged = "user_id"', "unflagged", "fields that a measurement has"),
        ("names = [1]", "names", "a list of texts"),
        ('digits = "guessed"', "digits", "one of shown, printed"),
        ("users = 1.5", "users", "a whole number of user slots"),
        ("users = 255", "users", "from 0 to 254"),
        ('advertises = "smoke"', "advertises", "one of xiaomi"),
        ('order = ["subscribe", "dance"]', "order", "steps of information, clock"),
        ('order = ["subscribe", "subscribe"]', "order", "none of them twice"),
        ('order = ["clock"]', "order", "subscribe among them"),
        ('stored_records = true\norder = ["subscribe"]', "order", "records in it"),
        ("ketone_meal = -1", "ketone_meal", "a whole number from 0 to 255"),
    ],
)
def test_a_mistake_is_named_with_file_field_and_expectation(
    tmp_path: Path, line: str, field: str, expected: str
) -> None:
    given = {part.split(" = ")[0] for part in line.splitlines()}
    kept = [part for part in _WHOLE.splitlines() if part.split(" = ")[0] not in given]
    with pytest.raises(ModelFileError) as caught:
        _load(tmp_path, "\n".join([*kept, line]))
    assert (caught.value.file, caught.value.field) == ("some-meter.toml", field)
    assert expected in caught.value.expected
    assert str(caught.value).startswith(f"some-meter.toml: {field} must be ")


@pytest.mark.parametrize("field", ["title", "device", "services", "measurements", "pair", "steps", "sources"])
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        _load(tmp_path, "\n".join(line for line in _WHOLE.splitlines() if not line.startswith(f"{field} ")))
    assert (caught.value.field, caught.value.expected.startswith("there, and ")) == (field, True)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"some-meter\.toml must be valid TOML"):
        _load(tmp_path, "title = ")
    (tmp_path / "some-meter.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(ModelFileError, match="UTF-8"):
        models_in(tmp_path)


def test_a_meter_that_is_not_paired_has_no_digits(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError) as caught:
        _load(tmp_path, _WHOLE.replace("pair = true", 'pair = false\ndigits = "shown"'))
    assert caught.value.field == "digits"
