"""A score from several kinds: NEWS2. At home it is nearly always partial, and then never said as a total."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from hearthline_backend.domain.rules import Priority, RuleError, check_times

NEWS2_KINDS: Final = frozenset(
    ("respiratory_rate", "oxygen_saturation", "blood_pressure", "heart_rate", "body_temperature")
)
"""The kinds that can give an input. Consciousness cannot come from a meter: always missing here; oxygen supply is known
only where the plan states it."""

MOST_POINTS: Final = 20
"""The largest NEWS2 there is: seven inputs, of which oxygen supply gives 2 and every other 3."""


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """NEWS2 (Royal College of Physicians, 2017) from the newest reading of each input within ``within``.

    ``scale`` 2 is for a hypercapnic target of 88 to 92 %; ``on_oxygen`` None: not known, scale 2 then scores as on air
    and says so. What is known is a lower bound of the total, so a level fires once the partial score reaches it:
    ``red_from`` (7: emergency), ``yellow_from`` (5: urgent), ``yellow_single`` (3 in any one input: urgent; None
    switches that off).
    """

    id: str
    source: str
    advice: str
    scale: Literal[1, 2] = 1
    on_oxygen: bool | None = None
    red_from: int | None = 7
    yellow_from: int | None = 5
    yellow_single: int | None = 3
    within: timedelta = timedelta(hours=12)
    look_back: timedelta = timedelta(days=7)
    rejoin_within: timedelta = timedelta(hours=24)
    priority: Priority | None = None
    type: Literal["score"] = "score"

    def __post_init__(self) -> None:
        levels = (self.red_from, self.yellow_from, self.yellow_single)
        if all(one is None for one in levels):
            raise RuleError(f"rule {self.id}: a score needs at least one level")
        for one, most in zip(levels, (MOST_POINTS, MOST_POINTS, 3), strict=True):
            if one is not None and not 1 <= one <= most:
                raise RuleError(f"rule {self.id}: a level is reached from 1 to {most} points, not from {one}")
        if self.red_from is not None and self.yellow_from is not None and self.yellow_from >= self.red_from:
            raise RuleError(f"rule {self.id}: yellow is reached before the {self.red_from} points of red")
        if self.within <= timedelta(0):
            raise RuleError(f"rule {self.id}: inputs are looked at for some time, not {self.within}")
        check_times(self.id, self.look_back, self.rejoin_within, self.within)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that can give an input."""
        return NEWS2_KINDS
