"""Where a marked reading that gets no receipt is said to be stuck, by what the uplink knows."""

from dataclasses import dataclass
from typing import Any

import pytest

from hearthline_gateway.proof import Proof


@dataclass
class Uplink:
    """What it knows after the wait; before it, nothing had happened."""

    problem: str | None = None
    no_subscriber: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    knocking: bool = False

    def offer(self, rows: object) -> None:
        """Nothing is sent."""


@pytest.mark.parametrize(
    ("uplink", "sent", "hop"),
    [
        (Uplink(problem="no route"), False, "internet"),
        (Uplink(unanswered=1), True, "broker"),
        (Uplink(unanswered=1, knocking=True), False, "broker"),
        (Uplink(no_subscriber=1, acknowledged=1, knocking=True), True, "store"),
        (Uplink(knocking=True), False, "store"),
        (Uplink(acknowledged=3), False, "gateway"),
        (Uplink(acknowledged=1), True, "store"),
    ],
)
def test_the_hop_is_named_by_what_is_known(uplink: Uplink, sent: bool, hop: str) -> None:
    nowhere: Any = None
    proof = Proof(nowhere, uplink, sensors=list)
    found, words = proof._stuck(sent, (0, 0), 10)
    assert found == hop
    assert words
