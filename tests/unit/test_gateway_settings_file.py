"""The settings file: every problem at once, each with its line and what was expected."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from hearthline_gateway.settings import GatewaySettings
from hearthline_gateway.settings_file import SettingsError, load_settings
from hearthline_gateway.settings_table import settings_table

GOOD = """\
[gateway]
name = "home-12"
time_zone = "Europe/Madrid"
data_dir = "data"

[mqtt]
url = "mqtt://127.0.0.1:18883"

[[meters]]
address = "a4:c1:38:01:02:03"
model = "generic-blood-pressure"
passkey = "000123"
"""


def load(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> GatewaySettings:
    file = folder / "gateway.toml"
    file.write_text(text)
    return load_settings(file, environment or {})


def problems(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(folder, text, environment)
    return caught.value.problems


def test_a_good_file(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert settings.outbox_file == tmp_path / "data" / "outbox.sqlite3", "a relative folder lies beside the file"
    assert (settings.mqtt.broker.host, settings.mqtt.broker.port, settings.mqtt.broker.tls) == (
        "127.0.0.1",
        18883,
        False,
    )
    (meter,) = settings.meters
    assert (meter.address, meter.model, meter.passkey) == ("A4:C1:38:01:02:03", "generic-blood-pressure", 123)
    assert "123" not in repr(meter)


@pytest.mark.parametrize(("url", "port", "tls"), [("mqtt://b.example", 1883, False), ("mqtts://b.example", 8883, True)])
def test_ports_have_their_usual_numbers(tmp_path: Path, url: str, port: int, tls: bool) -> None:
    broker = load(tmp_path, GOOD.replace("mqtt://127.0.0.1:18883", url)).mqtt.broker
    assert (broker.host, broker.port, broker.tls) == ("b.example", port, tls)


def test_all_problems_are_named_at_once_with_their_lines(tmp_path: Path) -> None:
    text = GOOD.replace("url =", "urll =").replace("a4:c1:38:01:02:03", "xx").replace("Europe/Madrid", "Europe/Nowhere")
    assert problems(tmp_path, text) == (
        (
            "gateway.toml line 3: gateway.time_zone: expected a zone of the IANA database, such as Europe/Madrid, "
            "got 'Europe/Nowhere' (no such time zone)"
        ),
        (
            "gateway.toml line 6: mqtt.url is missing: expected mqtt:// or mqtts:// with host and port, such as "
            "mqtts://broker.example.org:8883, and no user name"
        ),
        "gateway.toml line 7: mqtt.urll is not a setting; did you mean mqtt.url?",
        "gateway.toml line 10: meters[0].address: expected six pairs of hex digits such as A4:C1:38:01:02:03, got 'XX'",
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[gateway]", "[gatway]", "line 1: gatway is not a setting; did you mean gateway?"),
        ('[mqtt]\nurl = "mqtt://127.0.0.1:18883"', "", "mqtt.url is missing: expected mqtt://"),
        ('[mqtt]\nurl = "mqtt://127.0.0.1:18883"', 'mqtt = "x"', "line 6: gateway.mqtt is not a setting"),
        ("[gateway]", "outbox = 3\n[gateway]", "line 1: outbox: expected a table [outbox] of settings"),
        ("[[meters]]", "[meters]", "line 9: meters: expected [[meters]] tables"),
        (
            'data_dir = "data"',
            "adapters = 1",
            "line 4: gateway.adapters is not a setting; did you mean bluetooth.adapters?",
        ),
        ("generic-blood-pressure", "sphygmo", "got 'sphygmo' (known are "),
        ("home-12", "Home 12", "line 2: gateway.name: expected 2 to 63 lower-case letters"),
        ("mqtt://127.0.0.1:18883", "http://x", "line 7: mqtt.url: expected mqtt://"),
        ("mqtt://127.0.0.1:18883", "mqtt://nurse:hunter2@x", "have their own settings"),
        ("mqtt://127.0.0.1:18883", "mqtt://x:99999999", "line 7: mqtt.url: expected"),
        (
            'passkey = "000123"',
            'passkey = "12a"',
            "line 12: meters[0].passkey: expected up to six digits, got something",
        ),
        ("[[meters]]", 'ca_file = "no.pem"\n[[meters]]', "line 9: mqtt.ca_file: expected a file that can be read, got"),
        ("[[meters]]", "[outbox]\nkeep_stored_days = 0\n[[meters]]", "line 10: outbox.keep_stored_days: expected"),
        ("[[meters]]", '[bluetooth]\nadapters = ["eth0"]\n[[meters]]', "line 10: bluetooth.adapters: expected the"),
    ],
)
def test_one_problem(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new))
    assert any(expected in problem for problem in found), found
    assert not any("hunter2" in problem or "12a" in problem for problem in found), "a secret is never shown"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ('password_file = "gateway.toml"', "line 6: mqtt: password_file needs a username beside it"),
        ('ca_file = "gateway.toml"', "line 6: mqtt: ca_file has no effect without encryption"),
    ],
)
def test_settings_that_belong_together(tmp_path: Path, extra: str, expected: str) -> None:
    found = problems(tmp_path, GOOD.replace("[[meters]]", f"{extra}\n[[meters]]"))
    assert any(expected in problem for problem in found), found


def test_a_meter_that_stands_there_twice(tmp_path: Path) -> None:
    twice = '[[meters]]\naddress = "A4:C1:38:01:02:03"\nmodel = "generic-blood-pressure"\n'
    assert problems(tmp_path, GOOD + twice) == (
        "gateway.toml: meters: A4:C1:38:01:02:03 stands there twice; remove one of the two tables",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[gateway\n", "gateway.toml line 1, column 9: not valid TOML"),
        ('[gateway]\nname = "x', "gateway.toml"),
        ("a = 1\na = 2\n", "gateway.toml line 2"),
    ],
)
def test_broken_toml(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(expected)
    assert "not valid TOML" in problem


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_bytes(b'[gateway]\nname = "\xff"\n')
    with pytest.raises(SettingsError, match="line 2: expected UTF-8"):
        load_settings(file, {})


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no settings file"):
        load_settings(tmp_path / "none.toml", {})


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text(GOOD)
    assert load_settings(None, {"HEARTHLINE_GATEWAY_CONFIG": str(file)}).gateway.name == "home-12"


def test_the_environment_takes_the_place_of_what_the_file_says(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        GOOD,
        {
            "HEARTHLINE_GATEWAY__GATEWAY__NAME": "home-13",
            "HEARTHLINE_GATEWAY__BLUETOOTH__MAX_CONNECTIONS": "2",
            "HEARTHLINE_GATEWAY__METERS": "[]",
            "HOME": "/root",
        },
    )
    assert (settings.gateway.name, settings.bluetooth.max_connections, settings.meters) == ("home-13", 2, ())


def test_the_environment_alone_is_enough() -> None:
    settings = load_settings(
        None,
        {
            "HEARTHLINE_GATEWAY__GATEWAY": '{"name": "home-1", "time_zone": "UTC"}',
            "HEARTHLINE_GATEWAY__MQTT__URL": "mqtt://127.0.0.1",
        },
    )
    assert settings.gateway.name == "home-1"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "HEARTHLINE_GATEWAY__MQTT__URLL",
            "x",
            "HEARTHLINE_GATEWAY__MQTT__URLL is not a setting; did you mean HEARTHLINE_GATEWAY__MQTT__URL?",
        ),
        (
            "HEARTHLINE_GATEWAY__UPLINK__BATCH_READINGS",
            "many",
            "HEARTHLINE_GATEWAY__UPLINK__BATCH_READINGS: expected a whole number from 1 to 200, got 'many'",
        ),
        (
            "HEARTHLINE_GATEWAY__METERS",
            '[{"address": "xx", "model": "generic-blood-pressure"}]',
            "HEARTHLINE_GATEWAY__METERS: meters[0].address: expected six pairs of hex digits",
        ),
        ("HEARTHLINE_GATEWAY__METERS", "{", "HEARTHLINE_GATEWAY__METERS: expected the whole of [meters] as JSON"),
        ("HEARTHLINE_GATEWAY__MQTT__URL__X", "1", "HEARTHLINE_GATEWAY__MQTT__URL__X: mqtt.url is not a section"),
        ("HEARTHLINE_GATEWAY__WEATHER__UNIT", "1", "HEARTHLINE_GATEWAY__WEATHER__UNIT is not a setting"),
    ],
)
def test_a_problem_in_the_environment_is_named_by_its_variable(
    tmp_path: Path, name: str, value: str, expected: str
) -> None:
    found = problems(tmp_path, GOOD, {name: value})
    assert len(found) == 1, found
    assert found[0].startswith(expected)


def test_problems_of_both_kinds_come_together(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD.replace("home-12", "X"), {"HEARTHLINE_GATEWAY__METERS": "{"})
    assert len(found) == 2


def test_the_table_has_every_setting_with_its_meaning() -> None:
    rows = {row.name: row for row in settings_table()}
    assert list(rows)[:3] == ["gateway.name", "gateway.time_zone", "gateway.data_dir"]
    assert rows["gateway.name"].needed
    assert (rows["outbox.keep_stored_days"].type, rows["outbox.keep_stored_days"].default) == ("number", "7")
    assert (rows["bluetooth.max_connections"].type, rows["meters[].address"].type) == ("integer", "string")
    assert rows["mqtt.url"].environment == "HEARTHLINE_GATEWAY__MQTT__URL"
    assert rows["meters[].address"].environment == "HEARTHLINE_GATEWAY__METERS"
    assert all(row.help.endswith(".") and row.expected for row in rows.values())
