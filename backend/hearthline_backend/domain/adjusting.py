"""What a clinician changes for one patient, and what the plan remembers of it: limits, decisions, oxygen, conflicts.

All of it is data in the plan's own version, so that the history of plans is the history of who changed what, and why.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.rules import Level, RuleError


@dataclass(frozen=True, slots=True)
class Override:
    """A clinician's own limit for one patient: it replaces, or adds, the limit of that field and level in one rule.

    In a rule about change, ``within`` says which change is meant; None: the rule has one of that level only.
    ``author``, ``reason`` and ``at`` are those of the plan's version that brought it, where they are not given. Of two
    about the same limit the later one holds; the earlier one stays as history.
    """

    rule_id: str
    level: Level
    field: str
    value: float
    unit: str
    within: timedelta | None = None
    clears: float | None = None
    author: str | None = None
    reason: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OxygenTarget:
    """The range in per cent in which oxygen is to stay, both ends included. Wherever one is stated it wins over every
    limit of another template. ``source`` is the guideline, or the clinician's words."""

    low: int
    high: int
    source: str
    author: str | None = None
    at: datetime | None = None

    def __post_init__(self) -> None:
        if not 80 <= self.low < self.high <= 100:
            raise RuleError(
                f"an oxygen target lies between 80 and 100 %, low before high, not {self.low} to {self.high}"
            )
        if not self.source.strip():
            raise RuleError("an oxygen target says where it comes from")

    @property
    def hypercapnic(self) -> bool:
        """Whether it is the range for which NEWS2 has its scale 2: none above 92 %."""
        return self.high <= 92


class Holds(StrEnum):
    """Why what holds in a conflict does."""

    STRICTER = "stricter"
    """Nobody has decided: the stricter limit raises yellow, red comes only where the looser one is crossed too."""
    OXYGEN_TARGET = "oxygen_target"
    PERSONAL = "personal"
    """A clinician set one of the limits for this patient."""
    DECIDED = "decided"


@dataclass(frozen=True, slots=True)
class Stake:
    """What one rule asks for; None where it has no limit of the level."""

    rule_id: str
    red: float | None
    yellow: float | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Several rules want different limits on one side of one field. ``subject`` names it, such as
    ``blood_pressure.systolic.above``; ``red`` and ``yellow`` hold now, in ``unit``, because of ``by``."""

    subject: str
    kind: str
    field: str
    direction: str
    unit: str
    stakes: tuple[Stake, ...]
    red: float | None
    yellow: float | None
    by: Holds

    @property
    def open(self) -> bool:
        """Whether a clinician has still to decide."""
        return self.by is Holds.STRICTER


@dataclass(frozen=True, slots=True)
class Decided:
    """A clinician's word in a conflict: in ``subject`` the limits of ``rule_id`` hold, with its persistence."""

    subject: str
    rule_id: str
    author: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if not (self.author.strip() and self.reason.strip()):
            raise RuleError(f"a decision about {self.subject} names its author and its reason")
        if self.at.tzinfo is None:
            raise RuleError(f"a decision about {self.subject} is made at an instant with its zone")


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What became of the templates in one version of a plan. ``rules`` are those that no template brought, as they were
    asked for: what they share with others may have been settled since."""

    overrides: tuple[Override, ...] = ()
    decisions: tuple[Decided, ...] = ()
    oxygen_target: OxygenTarget | None = None
    conflicts: tuple[Conflict, ...] = ()
    rules: tuple[Rule, ...] = ()


AS_THE_TEMPLATES = Adjusted()
