"""The address of InfluxDB, and the settings that belong to it."""

from pathlib import Path

import pytest

from hearthline_backend.settings import PREFIX, SettingsError, load, settings_table
from hearthline_backend.storage.influxdb.address import InfluxAddress


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("influxdb://host:8086/org/bucket", InfluxAddress("http://host:8086", "org", "bucket")),
        ("influxdb://host/org/bucket/", InfluxAddress("http://host:8086", "org", "bucket")),
        ("influxdbs://host:443/my%20org/a%2Fb", InfluxAddress("https://host:443", "my org", "a/b")),
        ("influxdb://[::1]:9000/o/b", InfluxAddress("http://[::1]:9000", "o", "b")),
    ],
)
def test_an_address_says_server_organisation_and_bucket(url: str, address: InfluxAddress) -> None:
    assert InfluxAddress.parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "http://host:8086/org/bucket",
        "influxdb://host:8086",
        "influxdb://host:8086/org",
        "influxdb://host:8086/org/bucket/more",
        "influxdb:///org/bucket",
        "influxdb://host:port/org/bucket",
        "influxdb://host:8086/org/bucket?token=hidden",
        "influxdb://user:hidden@host:8086/org/bucket",
    ],
)
def test_a_wrong_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|influxdb_token_file") as told:
        InfluxAddress.parse(url)
    assert "hidden" not in str(told.value)


@pytest.fixture
def _demo(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in settings_table():
        monkeypatch.delenv(row.environment, raising=False)
    monkeypatch.setenv(f"{PREFIX}PROFILE", "demo")


@pytest.mark.usefixtures("_demo")
def test_influxdb_needs_its_token_s_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load().influxdb is None
    monkeypatch.setenv(f"{PREFIX}READINGS_URL", "influxdb://host:8086/org/bucket")
    with pytest.raises(SettingsError, match="influxdb_token_file"):
        load()
    monkeypatch.setenv(f"{PREFIX}INFLUXDB_TOKEN_FILE", "/run/secrets/token")
    monkeypatch.setenv(f"{PREFIX}DATA_DIR", str(tmp_path))
    settings = load()
    assert settings.influxdb == InfluxAddress("http://host:8086", "org", "bucket")
    assert settings.readings_file == tmp_path / "readings.sqlite3"  # where a migration finds it


@pytest.mark.usefixtures("_demo")
@pytest.mark.parametrize("url", ["sqlite:///readings", "influxdb://host:8086", "influxdb://u:hidden@host/o/b"])
def test_a_store_of_readings_that_is_none_is_named_with_an_example(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(f"{PREFIX}READINGS_URL", url)
    with pytest.raises(SettingsError, match="readings_url") as told:
        load()
    assert "hidden" not in str(told.value)
