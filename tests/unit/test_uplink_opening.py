"""Which engine the settings choose, and what it listens to."""

from pathlib import Path

import pytest

from hearthline_backend.settings import Settings, SettingsError
from hearthline_backend.uplink.mqtt5_engine import Mqtt5Uplink
from hearthline_backend.uplink.opening import group_name, open_uplink
from hearthline_backend.uplink.paho_engine import PahoUplink
from hearthline_backend.uplink.subscriptions import Hears, Subscriptions
from hearthline_protocol import topics


def test_the_quicker_engine_is_the_default() -> None:
    assert isinstance(open_uplink(Settings(profile="demo")), Mqtt5Uplink)
    assert isinstance(open_uplink(Settings(profile="demo", mqtt_engine="paho")), PahoUplink)


def test_one_of_many_needs_a_group() -> None:
    with pytest.raises(SettingsError, match="mqtt_share is needed"):
        open_uplink(Settings(profile="demo"), Hears.READINGS)
    assert open_uplink(Settings(profile="demo", mqtt_share="workers"), Hears.READINGS)


@pytest.mark.parametrize("share", ["", "a/b", "a+", "#", "x" * 65])
def test_a_group_that_no_filter_can_hold_is_refused(share: str) -> None:
    with pytest.raises(ValueError, match="mqtt_share"):
        Settings(profile="demo", mqtt_share=share)


def test_a_group_cannot_be_guessed_without_the_password() -> None:
    assert group_name(None, "secret") is None
    assert group_name("workers", None) == "workers"
    name = group_name("workers", "secret")
    assert name is not None
    assert name.startswith("workers-")
    assert name == group_name("workers", "secret")
    assert len({name, group_name("workers", "other"), group_name("others", "secret")}) == 3


def test_a_missing_password_file_is_a_settings_error(tmp_path: Path) -> None:
    settings = Settings(profile="demo", mqtt_username="backend", mqtt_password_file=tmp_path / "none")
    with pytest.raises(SettingsError, match="mqtt_password_file"):
        open_uplink(settings)


def test_only_readings_are_shared_out() -> None:
    everything = Subscriptions.of(Hears.ALL, "group")
    assert everything.filters == (
        f"$share/group/{topics.ALL_READINGS}",
        topics.ALL_STATUS,
        topics.ALL_REPORTED,
        topics.ALL_REPLIES,
    )
    assert Subscriptions.of(Hears.READINGS, "group").filters == (f"$share/group/{topics.ALL_READINGS}",)
    assert topics.ALL_READINGS not in Subscriptions.of(Hears.HOMES, "group").filters
    assert Subscriptions.of(Hears.HOMES, "group").share is None
