"""What a person reads of a scan, and where progress goes."""

import sys

import pytest

from hearthline_gateway.ble.scanning import Heard, as_found
from hearthline_gateway.cli_answer import Answer
from hearthline_gateway.cli_radio import _found_lines
from hearthline_gateway.commands.work import nearest_first
from hearthline_protocol.commands import FoundMeter
from tests.unit.test_ble_lookout import DEVICE


def heard(name: str, signal: int, flags: int | None = None) -> FoundMeter | None:
    return as_found(Heard("hci0", DEVICE, name, ("1810",), signal, flags), listed=False)


def test_only_health_meters_with_model_pairing_mode_and_the_steps() -> None:
    assert as_found(Heard("hci0", DEVICE, "Headphones", ("110B",), -30, None), listed=False) is None
    pairing, other = heard("A&D_UA-651BLE_010203", -71, 0x01), heard("A&D_UA-651BLE_040506", -48)
    assert pairing is not None
    assert other is not None
    lines = _found_lines(nearest_first([pairing, other]))
    assert lines[0].split("  ")[0] == "ADDRESS"
    assert ["-48 dBm" in lines[1], "-71 dBm" in lines[2]] == [True, True], "nearest first"
    assert ["not said" in lines[1], " yes " in lines[2]] == [True, True], "in pairing mode is marked"
    assert "and-ua-651ble" in lines[2]
    assert any(line.startswith("  1. ") for line in lines)


def test_one_that_is_read_already_needs_no_steps() -> None:
    listed = as_found(Heard("hci0", DEVICE, "A&D_UA-651BLE_010203", ("1810",), -60, None), listed=True)
    assert listed is not None
    lines = _found_lines((listed,))
    assert "(read already)" in lines[1]
    assert not any(line.startswith("  1. ") for line in lines)


@pytest.mark.parametrize(
    ("terminal", "as_json", "shown"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_progress_is_for_a_person_who_watches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, as_json: bool, shown: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    Answer("scan", as_json=as_json).progress("Listening.")
    told = capsys.readouterr()
    assert (told.out, "Listening." in told.err) == ("", shown)
