"""The hop road: whichever one hop is broken, the technician's view names that hop, and nothing behind it as working."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from hearthline_backend.storage.records.homes import Gateway, Sensor
from hearthline_backend.web.language import Language, speaking
from hearthline_backend.web.views.home import heading, next_step, road
from hearthline_backend.web.views.homes import ALL_WELL, Behind, HomeState, state_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CUFF = "F0:F1:00:00:18:10"
WELL: dict[str, Any] = {
    "state": "online",
    "sent_time": NOW,
    "adapter": "powered",
    "clock_synchronised": True,
    "outbox": {"pending": 0, "rejected": 0, "last_receipt": NOW},
    "meters": [{"address": CUFF, "model": "and-ua-651ble", "paired": True, "last_heard": NOW, "last_reading": NOW}],
}
OLD = NOW - timedelta(hours=8)


def home(behind: Behind = ALL_WELL, *, heard: datetime = NOW, **changes: Any) -> HomeState:
    status = {**WELL, **changes}
    gateway = Gateway("home-0417", "0417", uuid4(), "Europe/Madrid", OLD, status, heard, heard)
    return state_of(gateway, [Sensor(CUFF, "home-0417", "and-ua-651ble", "cuff", OLD)], NOW, behind)


def broken(state: HomeState) -> list[str]:
    with speaking(Language.of("en", "Europe/Madrid")):
        assert heading(state)
        assert next_step(state).first
        return [hop.name for hop in road(state) if hop.state == "broken"]


@pytest.mark.parametrize(
    ("state", "hop"),
    [
        (home(), None),
        (home(meters=[{**WELL["meters"][0], "problem": "The meter refused to pair. Hold START."}]), "Meters"),
        (home(meters=[{**WELL["meters"][0], "paired": False}]), "Meters"),
        (home(adapter="powered off: switch it on"), "Bluetooth"),
        (home(adapters=[{"name": "hci1", "state": "hung", "problem": "It hangs: unplug it."}]), "Bluetooth"),
        (home(problems=["The disk is full: make room."]), "Gateway"),
        (home(state="offline", heard=OLD), "Internet"),
        (home(heard=OLD), "Internet"),
        (home(Behind(broker_away_since=OLD)), "Broker"),
        (home(Behind(broker_away_since=OLD), heard=OLD), "Broker"),
        (home(Behind(stores_away_since=OLD)), "Store"),
        (home(outbox={"pending": 3, "rejected": 0, "oldest_pending": OLD}), "Store"),
    ],
)
def test_the_one_broken_hop_is_named(state: HomeState, hop: str | None) -> None:
    assert broken(state) == ([] if hop is None else [hop])


def test_beyond_a_break_nothing_is_said_to_work() -> None:
    with speaking(Language.of("en", "Europe/Madrid")):
        for state, place in ((home(heard=OLD), 3), (home(Behind(broker_away_since=OLD)), 4)):
            assert {hop.state for hop in road(state)[place + 1 :]} == {"beyond"}
        assert "Works" not in [hop.words for hop in road(home(heard=OLD))[:3]], "what was is told as what was"


def test_a_broken_broker_does_not_send_the_technician_to_every_home() -> None:
    with speaking(Language.of("en", "Europe/Madrid")):
        state = home(Behind(broker_away_since=OLD), heard=OLD)
        assert heading(state) == "Broken at the broker"
        assert "internet box" not in next_step(state).first
