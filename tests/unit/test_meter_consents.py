"""The codes of a scale's people: read from the settings, checked in words, and never shown."""

from pathlib import Path
from uuid import uuid4

import pytest

from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.settings import GatewaySettings
from hearthline_gateway.settings_file import SettingsError, load_settings
from hearthline_gateway.settings_table import settings_table
from hearthline_protocol.commands import Answer, Pair
from tests.fixtures.ble_meters import COMPOSITION

SETTINGS = """
[gateway]
name = "home-12"
time_zone = "Europe/Madrid"
[mqtt]
url = "mqtt://127.0.0.1:1883"
[[meters]]
address = "F0:F1:00:00:18:1B"
model = "beurer-bf720"
consents = CONSENTS
"""


def read(folder: Path, consents: str) -> GatewaySettings:
    file = folder / "gateway.toml"
    file.write_text(SETTINGS.replace("CONSENTS", consents), encoding="utf-8")
    return load_settings(file, {})


def test_slots_and_codes_are_numbers(tmp_path: Path) -> None:
    assert read(tmp_path, "{ 1 = 1234, 2 = 0 }").meters[0].consents == {1: 1234, 2: 0}


@pytest.mark.parametrize("consents", ["{ 1 = 12345 }", "{ 255 = 1 }", "{ anna = 1 }", "1234", '{ 1 = "secret" }'])
def test_what_is_neither_is_refused_by_name_and_not_shown(tmp_path: Path, consents: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, consents)
    assert "slots from 0 to 254" in str(error.value)
    assert not any(secret in str(error.value) for secret in ("12345", "secret"))


def test_codes_stand_in_no_representation(tmp_path: Path) -> None:
    assert "4711" not in repr(read(tmp_path, "{ 1 = 4711 }"))
    assert "4711" not in repr(ConfiguredMeter("F0:F1:00:00:18:1B", COMPOSITION, consents={1: 4711}))
    assert "471147" not in repr(ConfiguredMeter("F0:F1:00:00:18:1B", COMPOSITION, passkey=471147))
    given = (Pair(address="F0:F1:00:00:18:1B", model="x", passkey=471147), Answer(to=uuid4(), passkey=471147))
    assert "471147" not in repr(given)
    (setting,) = (setting for setting in settings_table() if setting.name == "meters[].consents")
    assert setting.secret
    assert setting.type == "table"
