"""What all of them are: incremental, and a function of one look-back alone."""

from typing import Protocol

from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.verdict import Grounds, Verdict


class Assessor(Protocol):
    """One version of one rule. It sees judged readings of the rule's kinds, oldest first.

    What it says of a reading depends on the readings within one look-back of it and on nothing older, however many it
    has seen: whoever starts to look one look-back before gets the same answer. A reading costs amortised constant or
    logarithmic time.
    """

    def see(self, observation: Observation, /) -> Verdict:
        """The verdict on the next reading."""

    def grounds(self) -> Grounds:
        """What the verdict on the reading seen last rests on; asked for only where somebody wants to know."""
