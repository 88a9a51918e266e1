"""The links in messages: opaque, the same every time, and nobody's but ours."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.alerting.links import PATH, AlertLinks

OURS = AlertLinks(bytes(range(32)))
numbers = st.integers(0, 2**63 - 1)


@given(numbers)
def test_a_link_means_its_alert_and_names_nothing(number: int) -> None:
    path = OURS.path(number)
    assert re.fullmatch(r"/a/[A-Za-z0-9_-]{32}", path)
    assert path == OURS.path(number)
    assert OURS.alert_of(path.removeprefix(PATH)) == number


@given(numbers, st.integers(0, 31), st.sampled_from("AZaz09-_"))
def test_a_link_that_somebody_changed_means_nothing(number: int, place: int, letter: str) -> None:
    token = OURS.path(number).removeprefix(PATH)
    changed = token[:place] + letter + token[place + 1 :]
    assert OURS.alert_of(changed) == (number if changed == token else None)


@pytest.mark.parametrize("token", ["", "1", "A" * 31, "A" * 32, "A" * 33, "é" * 32, "../../alerts/1", "A" * 31 + "="])
def test_what_is_no_link_of_ours_means_nothing(token: str) -> None:
    assert OURS.alert_of(token) is None


def test_the_key_of_another_installation_opens_nothing() -> None:
    assert AlertLinks(bytes(32)).alert_of(OURS.path(7).removeprefix(PATH)) is None
