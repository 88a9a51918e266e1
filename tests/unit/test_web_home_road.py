"""The hop road: whichever one hop is broken, the technician's view names that hop, and nothing behind it as working."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from hearthline_backend.storage.records.homes import Gateway, Sensor
from hearthline_backend.web.language import Language, speaking
from hearthline_backend.web.views.home import heading, lede, next_step
from hearthline_backend.web.views.home_road import road
from hearthline_backend.web.views.homes import ALL_WELL, Behind, HomeState, state_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CUFF = "F0:F1:00:00:18:10"
WELL: dict[str, Any] = {
    "state": "online",
    "sent_time": NOW,
    "version": "0.1.0",
    "adapter": "powered",
    "clock_synchronised": True,
    "outbox": {"pending": 0, "rejected": 0, "last_receipt": NOW},
    "meters": [{"address": CUFF, "model": "and-ua-651ble", "paired": True, "last_heard": NOW, "last_reading": NOW}],
}
OLD = NOW - timedelta(hours=8)


WILL: dict[str, Any] = {"sent_time": None}
"""What the broker says for a gateway that is gone."""
NOTHING: dict[str, Any] = {"never": True}


def home(behind: Behind = ALL_WELL, *, heard: datetime | None = NOW, never: bool = False, **changes: Any) -> HomeState:
    status = None if never else {**WELL, **changes}
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
        (home(state="offline"), "Gateway"),
        (home(Behind(broker_away_since=OLD)), "Broker"),
        (home(Behind(broker_away_since=OLD), heard=OLD), "Broker"),
        (home(Behind(stores_away_since=OLD)), "Store"),
        (home(outbox={"pending": 3, "rejected": 0, "oldest_pending": OLD}), "Store"),
    ],
)
def test_the_one_broken_hop_is_named(state: HomeState, hop: str | None) -> None:
    assert broken(state) == ([] if hop is None else [hop])


@pytest.mark.parametrize("state", [home(heard=OLD), home(state="offline", heard=OLD, **WILL)])
def test_a_home_that_went_without_a_word_leaves_gateway_or_internet(state: HomeState) -> None:
    with speaking(Language.of("en", "Europe/Madrid")):
        assert heading(state).startswith("Broken between gateway and internet, since")
        hops = {hop.name: hop for hop in road(state)}
        shared = hops["Gateway or internet"]
        assert shared.state == "unsure"
        assert "No contact since" in shared.words
        assert "they look the same" in shared.words
        assert not hops.keys() & {"Gateway", "Internet"}
        assert broken(state) == []


def test_beyond_a_break_nothing_is_said_to_work() -> None:
    with speaking(Language.of("en", "Europe/Madrid")):
        for state, place in (
            (home(heard=OLD), 2),
            (home(Behind(broker_away_since=OLD)), 4),
            (home(state="offline"), 2),
        ):
            assert {hop.state for hop in road(state)[place + 1 :]} == {"beyond"}
            assert "Works" not in [hop.words for hop in road(state)[:place]], "what was is told as what was"


def test_readings_pass_a_home_without_bluetooth() -> None:
    with speaking(Language.of("en", "Europe/Madrid")):
        assert {hop.state for hop in road(home(adapter="powered off: switch it on"))[2:]} == {"ok"}


def test_a_cuff_that_says_nothing_breaks_no_hop_and_names_what_it_may_be() -> None:
    state = home(meters=[{**WELL["meters"][0], "last_heard": NOW - timedelta(days=2)}])
    with speaking(Language.of("en", "Europe/Madrid")):
        assert heading(state).startswith("Cuff not heard, since")
        assert (road(state)[0].state, "not measured, out of reach, or battery" in road(state)[0].words) == (
            "unsure",
            True,
        )


def test_a_gateway_that_was_never_heard_is_not_said_to_work() -> None:
    state = home(heard=None, **NOTHING)
    with speaking(Language.of("en", "Europe/Madrid")):
        assert "not been heard yet" in heading(state)
        assert {hop.state for hop in road(state)} == {"unsure", "beyond"}
        assert "broker" in heading(home(Behind(broker_away_since=OLD), heard=None, **NOTHING))
        assert "every home" in lede(home(Behind(broker_away_since=OLD), heard=None)).lower()


def test_a_broken_broker_does_not_send_the_technician_to_every_home() -> None:
    with speaking(Language.of("en", "Europe/Madrid")):
        state = home(Behind(broker_away_since=OLD), heard=OLD)
        assert heading(state).startswith("Broken at the broker, since")
        assert "internet box" not in next_step(state).first
