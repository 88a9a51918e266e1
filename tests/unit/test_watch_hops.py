"""The arithmetic of the watchdog: what is late when, and how often the operator is called."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.errors import HearthlineError
from hearthline_backend.watch.calling import RETRY_AFTER_S, SEND_WITHIN_S
from hearthline_backend.watch.hops import DEFAULT, Hop, Proofs, first_broken
from hearthline_backend.watch.incident import Incidents, Occasion
from hearthline_backend.watch.settings import WatchSettings

THREE_MINUTES_S = 180.0
MAIL: dict[str, Any] = {"mail_to": "operator@example.org", "smtp_host": "localhost"}


def test_with_the_defaults_the_operator_is_called_within_three_minutes_of_any_stall() -> None:
    assert WatchSettings(**MAIL).rhythm == DEFAULT
    assert DEFAULT.longest_s + SEND_WITHIN_S <= THREE_MINUTES_S
    assert sum(RETRY_AFTER_S[:2]) < DEFAULT.every_s


@pytest.mark.parametrize("hop", list(Hop))
def test_no_hop_is_late_before_one_full_round_had_its_chance(hop: Hop) -> None:
    limit = DEFAULT.limits[hop]
    assert limit >= DEFAULT.every_s
    proofs = Proofs(frozenset(Hop), DEFAULT, 1000.0)
    assert hop not in proofs.late(1000.0 + limit)
    assert hop in proofs.late(1000.0 + limit + 0.1)


@given(st.floats(0, 60), st.floats(0, 3600))
def test_a_chain_that_answers_in_time_is_never_late(answer_s: float, at: float) -> None:
    proofs = Proofs(frozenset(Hop), DEFAULT, 0.0)
    newest = (at - answer_s) // DEFAULT.every_s * DEFAULT.every_s
    for hop in (Hop.RECEIPT, Hop.ALERT):
        proofs.prove(hop, max(newest, 0.0))
    assert not {Hop.RECEIPT, Hop.ALERT} & proofs.late(at).keys()


def test_answers_that_come_late_for_ever_are_seen() -> None:
    proofs = Proofs(frozenset(Hop), DEFAULT, 0.0)
    for now in range(0, 1200, 60):
        proofs.prove(Hop.RECEIPT, now - 200.0)
    assert Hop.RECEIPT in proofs.late(1140.0)


def test_what_stands_still_itself_accuses_nobody() -> None:
    proofs = Proofs(frozenset(Hop), DEFAULT, 0.0)
    proofs.slept(500.0)
    assert proofs.late(550.0) == {}


def test_the_first_broken_hop_explains_those_behind_it() -> None:
    assert first_broken({Hop.BROKER, Hop.RECEIPT, Hop.ALERT, Hop.LIVE}) == [Hop.BROKER]
    assert first_broken({Hop.RECEIPT, Hop.ALERT, Hop.SITE}) == [Hop.RECEIPT, Hop.SITE]
    assert first_broken({Hop.ALERT, Hop.LIVE, Hop.CALLS}) == [Hop.ALERT]
    assert first_broken(set()) == []


def test_one_call_for_one_failure_whatever_it_breaks_one_after_the_other() -> None:
    incidents = Incidents(DEFAULT)
    assert incidents.look({Hop.BROKER: 0.0}, 90.0) is Occasion.BROKEN
    assert incidents.look({Hop.BROKER: 0.0, Hop.RECEIPT: 30.0}, 151.0) is None
    said = [incidents.look({Hop.BROKER: 0.0, Hop.RECEIPT: 30.0}, float(at)) for at in range(152, 1889)]
    assert said == [None] * len(said)
    assert incidents.look({Hop.BROKER: 0.0}, 1890.0) is Occasion.STILL_BROKEN
    assert incidents.look({Hop.BROKER: 0.0}, 1891.0) is None


def test_another_failure_later_is_another_call() -> None:
    incidents = Incidents(DEFAULT)
    assert incidents.look({Hop.SITE: 0.0}, 91.0) is Occasion.BROKEN
    assert incidents.look({Hop.SITE: 0.0, Hop.RECEIPT: 600.0}, 721.0) is Occasion.ALSO_BROKEN
    assert incidents.look({Hop.SITE: 0.0, Hop.RECEIPT: 600.0}, 722.0) is None


def test_good_again_is_said_once_and_not_for_a_flicker() -> None:
    incidents = Incidents(DEFAULT)
    incidents.look({Hop.SITE: 0.0}, 91.0)
    assert incidents.look({}, 100.0) is None
    assert incidents.look({Hop.SITE: 100.0}, 130.0) is None
    assert incidents.look({}, 140.0) is None
    assert incidents.look({}, 200.0) is Occasion.GOOD_AGAIN
    assert not incidents.under_way


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "nobody would be called"),
        ({"mail_to": "operator@example.org"}, "belong together"),
        ({"webhook_url": "https://pager.example.org"}, "belong together"),
        ({**MAIL, "site_url": "hearthline.example.org"}, "a web address"),
        ({**MAIL, "gateway": "No Name"}, "gateway"),
    ],
)
def test_settings_that_would_watch_in_vain_are_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises((ValueError, HearthlineError), match=named):
        WatchSettings(**settings)
