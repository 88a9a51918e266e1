"""Which model a meter is, from what it advertises."""

from dataclasses import replace

import pytest

from hearthline_gateway.meter_models import model, models
from hearthline_gateway.recognition import candidates, offers_pairing, recognise

_BASE = "-0000-1000-8000-00805f9b34fb"


def _names(name: str | None, *services: str) -> list[str]:
    return [meter.name for meter in candidates(name, services)]


def test_the_name_says_which_model_and_the_generic_one_is_last() -> None:
    assert _names("Nonin3230_501234567", "1822") == ["nonin-3230", "generic-oximeter"]
    assert _names("TICKR 0474", "180D", "180F") == ["wahoo-tickr", "generic-heart-rate"]


def test_the_longest_beginning_of_a_name_comes_first() -> None:
    named = _names("BLESmart_00000116D4CA6E", "1810")
    assert named[:2] == ["omron-hem-9200t", "omron-bp5150"]
    assert named[-1] == "generic-blood-pressure"


def test_services_may_be_written_in_full_and_the_name_in_any_case() -> None:
    assert _names("nonin3230_1", f"00001822{_BASE}")[0] == "nonin-3230"


def test_a_name_is_enough_where_no_service_is_advertised() -> None:
    assert _names("Polar H10 12345678") == ["polar-h10"]


def test_a_name_does_not_count_for_another_kind_of_meter() -> None:
    assert _names("Polar H10 12345678", "1810") == [
        meter.name
        for meter in models().values()
        if meter.services == ("1810",) and not meter.names and not meter.generic
    ] + ["generic-blood-pressure"]


def test_without_a_name_all_of_its_kind_are_possible() -> None:
    named = _names(None, "1808")
    assert {"ascensia-contour-next-one", "isens-caresens-n-plus"} < set(named)
    assert named[-1] == "generic-glucose"
    assert all(model(name).device == "glucose_meter" for name in named)


def test_the_generic_model_with_more_of_its_services_comes_first() -> None:
    assert _names("scale", "181D", "181B") == ["generic-body-composition", "generic-weight-scale"]


@pytest.mark.parametrize("services", [(), ("180F",), ("FE95",), ("0000fe95-1234-1000-8000-00805f9b34fb",)])
def test_what_is_no_health_meter(services: tuple[str, ...]) -> None:
    assert _names("headphones", *services) == []


@pytest.mark.parametrize(
    ("name", "service", "found"),
    [
        ("A&D_UA-651BLE_D4CA6E", "1810", "and-ua-651ble"),
        ("BF720", "181D", "beurer-bf720"),
        ("MI SCALE2", "181D", "xiaomi-mi-scale-2"),
        ("meter+01234567", "1808", None),
        ("some cuff", "1810", None),
        (None, "1810", None),
    ],
)
def test_one_model_is_recognised_by_its_name_alone(name: str | None, service: str, found: str | None) -> None:
    recognised = recognise(name, (service,))
    assert (None if recognised is None else recognised.name) == found


@pytest.mark.parametrize(
    ("name", "flags", "offered"),
    [
        ("and-ua-651ble", 0x05, True),
        ("and-ua-651ble", 0x06, None),
        ("and-ua-651ble", None, None),
        ("polar-h10", 0x05, None),
        ("xiaomi-mi-scale-2", 0x05, None),
    ],
)
def test_whether_a_meter_offers_to_pair(name: str, flags: int | None, offered: bool | None) -> None:
    assert offers_pairing(model(name), "its name", flags) is offered


def test_a_name_of_its_own_for_pairing_mode_decides() -> None:
    meter = replace(model("generic-blood-pressure"), pairing_names=("Pair me",))
    assert offers_pairing(meter, "Pair me 12") is True
    assert offers_pairing(meter, "Cuff 12", 0x05) is False
    assert offers_pairing(meter, None, 0x05) is True
