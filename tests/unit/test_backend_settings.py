"""The backend's settings: safe by default, and every mistake is named with what was expected."""

from pathlib import Path

import pytest

from hearthline_backend.settings import PREFIX, Settings, SettingsError, load, settings_table

SAFE = {
    "MQTT_USERNAME": "backend",
    "MQTT_PASSWORD_FILE": "/nowhere/password",
    "PUBLIC_URL": "https://hearthline.example.org/",
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in settings_table():
        monkeypatch.delenv(row.environment, raising=False)


def _set(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, text in values.items():
        monkeypatch.setenv(PREFIX + name, text)


def test_the_demo_starts_with_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _set(monkeypatch, PROFILE="demo", DATA_DIR=str(tmp_path))
    settings = load()
    assert settings.readings_file == tmp_path / "readings.sqlite3"
    assert settings.records_address == f"sqlite+aiosqlite:///{tmp_path}/records.sqlite3"
    assert not settings.secure_cookies
    assert settings.broker.port == 1883


def test_production_is_the_default_and_starts_when_it_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, **SAFE)
    settings = load()
    assert (settings.profile, settings.secure_cookies) == ("production", True)
    assert settings.public_url == "https://hearthline.example.org"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"MQTT_USERNAME": None}, "no anonymous MQTT"),
        ({"MQTT_PASSWORD_FILE": None}, "no anonymous MQTT"),
        ({"COOKIE_SECURE": "false"}, "plain HTTP"),
        ({"PUBLIC_URL": "http://hearthline.example.org"}, "https://"),
        ({"PUBLIC_URL": None}, "public_url"),
    ],
)
def test_production_refuses_what_is_not_safe(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str | None], names: str
) -> None:
    _set(monkeypatch, **{name: text for name, text in (SAFE | change).items() if text is not None})
    with pytest.raises(SettingsError, match=names):
        load()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("HTTP_PORT", "90000", "http_port"),
        ("MQTT_URL", "http://broker", "mqtt://host:1883"),
        ("MQTT_URL", "mqtt://me:secret@broker", "settings of their own"),
        ("READINGS_URL", "influx://there", "embedded:///"),
        ("PUBLIC_URL", "hearthline", "https://"),
        ("PROFILE", "test", "demo"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, expected: str
) -> None:
    _set(monkeypatch, **({"PROFILE": "demo"} | {name: text}))
    with pytest.raises(SettingsError) as caught:
        load()
    assert name.lower() in str(caught.value)
    assert expected in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_gives_what_the_environment_does_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "hearthline.toml"
    config.write_text('profile = "demo"\nhttp_port = 1\nsmtp_host = "mail"\n')
    _set(monkeypatch, HTTP_PORT="2")
    settings = load(config)
    assert (settings.profile, settings.http_port, settings.smtp_host) == ("demo", 2, "mail")


@pytest.mark.parametrize(
    ("text", "names"), [("colour = 1", "colour: there is no such"), ("profile", "not TOML"), (None, "cannot be read")]
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str | None, names: str) -> None:
    config = tmp_path / "hearthline.toml"
    if text is not None:
        config.write_text(text)
    with pytest.raises(SettingsError, match=names):
        load(config)


def test_a_folder_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    _set(monkeypatch, PROFILE="demo", DATA_DIR=str(tmp_path / "file" / "data"))
    with pytest.raises(SettingsError, match="HEARTHLINE_DATA_DIR"):
        load().make_data_dir()


def test_a_secret_comes_from_its_file_and_shows_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("very secret\n")
    _set(monkeypatch, **(SAFE | {"MQTT_PASSWORD_FILE": str(file)}))
    settings = load()
    assert settings.broker.password == "very secret"
    assert "very secret" not in repr(settings) + repr(settings.broker)
    file.unlink()
    with pytest.raises(SettingsError, match="mqtt_password_file"):
        _ = settings.broker


def test_the_password_for_records_comes_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("a/b@c:d%\n")
    _set(monkeypatch, **SAFE, RECORDS_URL="postgresql+asyncpg://me@db:5432/records", RECORDS_PASSWORD_FILE=str(file))
    settings = load()
    assert settings.records_address == "postgresql+asyncpg://me:a%2Fb%40c%3Ad%25@db:5432/records"
    assert "a/b" not in repr(settings)
    for url in ("postgresql+asyncpg://db/records", "postgresql+asyncpg://me:secret@db/records", None):
        monkeypatch.delenv("HEARTHLINE_RECORDS_URL", raising=False)
        _set(monkeypatch, **({} if url is None else {"RECORDS_URL": url}))
        with pytest.raises(SettingsError, match="records_url with a user and no password") as caught:
            load()
        assert "secret@" not in str(caught.value)


def test_the_table_has_every_setting_with_a_meaning() -> None:
    rows = settings_table()
    assert [row.name for row in rows] == list(Settings.model_fields)
    assert all(row.help for row in rows)
