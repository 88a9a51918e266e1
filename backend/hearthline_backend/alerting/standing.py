"""Where each patient stands, remembered between groups: enough to know that a reading within every limit says nothing.

A reading can only matter if it lies past a limit, or if an alert of its patient is near, which it may clear, split or
void. All others are quiet: what the rules would say of them follows from the reading and its plan alone, so no store is
asked, and the register keeps only which plan they were within.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Limit, ThresholdRule
from hearthline_backend.quick_reading import QuickReading
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.quiet_register import QuietGroup
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.readings import Quality, Reading

MOST_PATIENTS: Final = 100_000
Bounds = tuple[float, float]
"""A value strictly between these is past no limit."""

_WITH_A_NUMBER: Final = (Quality.VALID, Quality.QUESTIONABLE)
_NO_RULE: Final = '{"evaluations": [], "calls": [], "reason": "no_rule_for_this_kind"}'


@dataclass(frozen=True, slots=True)
class Standing:
    """``bounds`` by kind and field are those of the newest plan, which holds from ``since`` on; a kind that is not in
    it has no rule. ``plain`` are the kinds of which every rule there was is a threshold: of any other, a value within
    limits may still be what a change or an average rests on. ``reach`` is how far from a reading an alert can be and
    still be touched by it."""

    team_id: UUID
    since: datetime | None
    bounds: Mapping[str, Mapping[str, Bounds]]
    ruled: frozenset[str]
    plain: frozenset[str]
    reach: timedelta
    within: str

    def quiet(self, content: Reading | QuickReading, at: datetime) -> str | None:
        """What the register keeps of a reading that says nothing, as JSON; None where the rules have to be asked.

        Only where no alert of the patient is within ``reach``.
        """
        if content.synthetic or content.quality not in _WITH_A_NUMBER:
            return None
        if content.kind not in self.ruled:
            return _NO_RULE
        if content.kind not in self.plain:
            return None  # its rules look at more than this one value
        if self.since is None or at < self.since:
            return None  # an older plan judges it
        for name, (low, high) in self.bounds.get(content.kind, {}).items():
            value = content.values.get(name)
            if value is None:
                continue
            if value.comparator is not None or value.value is None or not low < value.value < high:
                return None
        return self.within


@dataclass(frozen=True, slots=True)
class Quieted:
    """``readings`` belong to the rows of ``group``, one to one, and say nothing; ``rest`` are for the rules. ``teams``
    has everybody whose readings they are, each once, with the team."""

    group: QuietGroup
    readings: Sequence[PatientReading]
    rest: Sequence[PatientReading]
    teams: Sequence[tuple[UUID, UUID]]


class Standings:
    """One per process."""

    def __init__(self) -> None:
        self._revision = -1
        self._known: dict[int, Standing] = {}

    @property
    def remembered(self) -> tuple[int, Mapping[int, Standing]]:
        """Where patients stood at this revision of ``care``, by ``UUID.int``."""
        return self._revision, self._known

    async def of(self, unit: Unit, patients: Collection[UUID]) -> Mapping[int, Standing]:
        """Where at least these patients stand now, by ``UUID.int``, whose hash costs a sixth of the id's own. Who is in
        no record is not in it."""
        revision = await unit.revisions.number("care")
        if revision != self._revision or len(self._known) > MOST_PATIENTS:
            self._known = {}
            self._revision = revision
        missing = [one for one in patients if one.int not in self._known]
        if missing:
            histories = await unit.care.plan_histories(missing)
            for patient in await unit.care.patients(ids=missing):
                self._known[patient.id.int] = standing_of(patient.team_id, histories.get(patient.id, ()))
        return self._known


def standing_of(team_id: UUID, history: tuple[Plan, ...]) -> Standing:
    """Where a patient with these plans stands."""
    newest = max(history, key=lambda plan: (plan.valid_from, plan.version), default=None)
    rules = [rule for plan in history for rule in plan.reading_rules]
    plain = _plain_kinds(rules)
    bounds: dict[str, dict[str, Bounds]] = {}
    for rule in () if newest is None else newest.rules:
        if not isinstance(rule, ThresholdRule):
            continue
        fields = bounds.setdefault(rule.kind, {})
        for limit in (*rule.red, *rule.yellow):
            fields[limit.field] = _narrowed(fields.get(limit.field), limit, above=rule.above)
    return Standing(
        team_id=team_id,
        since=None if newest is None else newest.valid_from,
        bounds=bounds,
        ruled=frozenset(kind for rule in rules for kind in rule.kinds),
        plain=plain,
        reach=2 * max((rule.look_back for rule in rules), default=timedelta(0)),
        within="" if newest is None else f'{{"within": {newest.version}}}',
    )


def _plain_kinds(rules: Sequence[ReadingRule]) -> frozenset[str]:
    others = {kind for rule in rules if not isinstance(rule, ThresholdRule) for kind in rule.kinds}
    return frozenset(rule.kind for rule in rules if isinstance(rule, ThresholdRule) and rule.kind not in others)


def _narrowed(bounds: Bounds | None, limit: Limit, *, above: bool) -> Bounds:
    low, high = bounds or (float("-inf"), float("inf"))
    return (low, min(high, limit.value)) if above else (max(low, limit.value), high)
