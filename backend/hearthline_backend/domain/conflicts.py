"""Several conditions on one patient: where their limits disagree, and what holds until a clinician has decided.

"Stricter" means fires earlier on the same side of the same field. Until somebody decides, the stricter limit may raise
yellow, and red only where the looser one is crossed too. A stated oxygen target range always wins; a limit that a
clinician set for this patient wins over those of templates. Every limit ends in one rule, so that a value makes one
alert, however many conditions have an opinion about it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hearthline_backend.domain.adjusting import Conflict, Decided, Holds, Stake
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.holding import hold
from hearthline_backend.domain.limits_of import LimitedRule, Limits, Place, field_at, measure, value_of
from hearthline_backend.domain.rules import RuleError

if TYPE_CHECKING:
    from hearthline_backend.domain.plans import Plan

_OXYGEN: Final = "oxygen_saturation.spo2.below"


@dataclass(frozen=True, slots=True)
class _Contest:
    """Rules with a limit at the same place of the same measure, in the order of the plan."""

    subject: str
    place: Place
    members: tuple[Limits, ...]
    stakes: tuple[Stake, ...]
    """What each asked for, before anything was settled."""

    @property
    def personal(self) -> tuple[Limits, ...]:
        return tuple(one for one in self.members if any(mark.personal for mark in one.at(self.place)))

    @property
    def heard(self) -> tuple[Limits, ...]:
        """Those between whom is held: of personal limits and templates' only the personal ones."""
        return self.personal or self.members

    @property
    def alike(self) -> bool:
        """Whether nobody contradicts another: who has no limit of a level has no word about it."""
        reds = {one.red for one in self.stakes if one.red is not None}
        yellows = {one.yellow for one in self.stakes if one.yellow is not None}
        return len(reds) < 2 and len(yellows) < 2


def conflicts_of(plan: "Plan") -> tuple[Conflict, ...]:
    """Where this version's rules disagreed, and what holds; what a clinician has still to decide comes first."""
    return tuple(sorted(plan.adjusted.conflicts, key=lambda one: not one.open))


def settle(
    rules: Sequence[Rule], decisions: Iterable[Decided] = (), oxygen_rule: str | None = None
) -> tuple[tuple[Rule, ...], tuple[Conflict, ...]]:
    """The rules with one owner for every limit, and the conflicts that were found.

    ``oxygen_rule`` is the one that states an oxygen target range. Raises
    :class:`~hearthline_backend.domain.rules.RuleError` for a decision about something that is no conflict here.
    """
    drafts = [Limits.of(rule) if isinstance(rule, LimitedRule) else rule for rule in rules]
    decided = {one.subject: one for one in decisions}
    found: list[Conflict] = []
    for contest in _contests([one for one in drafts if isinstance(one, Limits)]):
        winner, by = _winner(contest, decided.get(contest.subject), oxygen_rule)
        if winner is None:
            members = contest.heard
            owner, added = hold(members, contest.place)
            drafts += added
        else:
            owner, members = winner, (winner,)
        for one in contest.members:
            if all(one is not it for it in members):
                one.drop(contest.place)
        if not contest.alike:
            found.append(_conflict(contest, owner, by))
    _all_known(decided, found)
    settled = (one.rebuilt() if isinstance(one, Limits) else one for one in drafts)
    return tuple(one for one in settled if one is not None), tuple(found)


def _contests(drafts: Sequence[Limits]) -> list[_Contest]:
    together: dict[tuple[Place, tuple[object, ...]], list[Limits]] = {}
    for one in drafts:
        for place in one.places:
            together.setdefault((place, measure(one.rule)), []).append(one)
    contests: list[_Contest] = []
    taken: set[str] = set()
    for (place, _measure), members in together.items():
        if len(members) > 1:
            subject = _subject(members[0].rule, place)
            # Averages over different spans are measures of their own, and have the same words.
            subject = subject if subject not in taken else f"{subject}.{members[0].rule.id}"
            taken.add(subject)
            stakes = tuple(_stake(one, place) for one in members)
            contests.append(_Contest(subject, place, tuple(members), stakes))
    return contests


def _winner(contest: _Contest, decided: Decided | None, oxygen_rule: str | None) -> tuple[Limits | None, Holds]:
    """Whose limits hold as they are, and why; None where both are held."""
    by_id = {one.rule.id: one for one in contest.members}
    if contest.subject == _OXYGEN and oxygen_rule in by_id:
        return by_id[oxygen_rule], Holds.OXYGEN_TARGET
    if decided is not None:
        if decided.rule_id not in by_id:
            raise RuleError(
                f"{decided.rule_id!r} has no limit in {contest.subject}; those that have: {', '.join(by_id)}"
            )
        return by_id[decided.rule_id], Holds.DECIDED
    if len(contest.personal) == 1:
        return contest.personal[0], Holds.PERSONAL
    return None, Holds.STRICTER


def _conflict(contest: _Contest, owner: Limits, by: Holds) -> Conflict:
    rule, held = contest.members[0].rule, _stake(owner, contest.place)
    return Conflict(
        subject=contest.subject,
        kind=rule.kind,
        field=field_at(rule, contest.place),
        direction=rule.direction,
        unit=owner.at(contest.place)[0].unit,
        stakes=contest.stakes,
        red=held.red,
        yellow=held.yellow,
        by=by,
    )


def _stake(one: Limits, place: Place) -> Stake:
    red, yellow = one.red.get(place), one.yellow.get(place)
    return Stake(
        one.rule.id, value_of(red) if red is not None else None, value_of(yellow) if yellow is not None else None
    )


def _subject(rule: LimitedRule, place: Place) -> str:
    words = [rule.kind, field_at(rule, place), rule.direction]
    if rule.type != "threshold":
        words.append(rule.type)
    if isinstance(place, timedelta):
        words.append(f"{place / timedelta(hours=1):g}h")
    return ".".join(words)


def _all_known(decided: Iterable[str], found: Sequence[Conflict]) -> None:
    known = [one.subject for one in found]
    for subject in decided:
        if subject not in known:
            raise RuleError(f"there is no conflict {subject!r} to decide; there are: {', '.join(known) or 'none'}")
