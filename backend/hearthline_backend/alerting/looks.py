"""What has to be read of a patient before the rules can be asked about new readings."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.alerting.keeping import PatientFile
from hearthline_backend.domain.evaluation import reach
from hearthline_backend.domain.plans import Plan
from hearthline_backend.storage.ports import PatientReading, ReadingStore, Span

_AHEAD: Final = timedelta(hours=1)
"""A window that reaches so far past now holds every newer reading there is."""


@dataclass(frozen=True, slots=True)
class Look:
    """New readings of one patient that rules look at, and by kind between which moments others matter to them."""

    file: PatientFile
    new: tuple[PatientReading, ...]
    spans: Mapping[str, tuple[datetime, datetime]]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that look at one of the new readings, in the order of the plans."""
        return rules_of(self.file.history, {one.kind for one in self.new})

    def new_of(self, rule_id: str) -> list[PatientReading]:
        """The new readings that one rule looks at."""
        kinds = kinds_of(self.file.history, rule_id)
        return [one for one in self.new if one.kind in kinds]


@dataclass(frozen=True, slots=True)
class Windows:
    """The readings that matter to one look, by kind, each by its id; the new ones among them."""

    by_kind: Mapping[str, Mapping[UUID, PatientReading]]

    def of(self, kinds: Iterable[str]) -> dict[UUID, PatientReading]:
        """Those of some kinds together."""
        return {number: one for kind in kinds for number, one in self.by_kind.get(kind, {}).items()}


def look_of(file: PatientFile, new: Iterable[PatientReading]) -> Look | None:
    """What has to be read for these; None where no rule looks at any of them."""
    ours = tuple(one for one in new if rules_of(file.history, {one.kind}))
    if not ours:
        return None
    spans: dict[str, tuple[datetime, datetime]] = {}
    for rule_id in rules_of(file.history, {one.kind for one in ours}):
        kinds = kinds_of(file.history, rule_id)
        times = [one.effective_time for one in ours if one.kind in kinds]
        # Whether a rule fires rests on one look-back before a reading, and a reading matters for one look-back after
        # itself: two on each side make everything within one of them exact.
        span = 2 * reach(file.history, rule_id)
        start, end = min(times) - span, max(times) + span
        for kind in kinds:
            known = spans.get(kind, (start, end))
            spans[kind] = (min(start, known[0]), max(end, known[1]))
    return Look(file, ours, spans)


def rules_of(history: tuple[Plan, ...], kinds: Iterable[str]) -> tuple[str, ...]:
    """Every rule there was that looks at one of these kinds."""
    wanted = frozenset(kinds)
    found = (rule for plan in history for rule in plan.reading_rules)
    return tuple(dict.fromkeys(rule.id for rule in found if not wanted.isdisjoint(rule.kinds)))


def kinds_of(history: tuple[Plan, ...], rule_id: str) -> frozenset[str]:
    """Every kind that a rule has looked at, in whichever version."""
    rules = (rule for plan in history for rule in plan.reading_rules if rule.id == rule_id)
    return frozenset(kind for rule in rules for kind in rule.kinds)


async def windows_of(store: ReadingStore, looks: Sequence[Look]) -> list[Windows]:
    """The windows of each, one for each kind, all asked for together."""
    asked = [(index, kind) for index, look in enumerate(looks) for kind in sorted(look.spans)]
    found: list[dict[str, dict[UUID, PatientReading]]] = [defaultdict(dict) for _ in looks]
    spans = [Span(looks[index].file.patient.id, kind, *looks[index].spans[kind]) for index, kind in asked]
    stored = await store.windows(spans) if spans else []
    for (index, kind), rows in zip(asked, stored, strict=True):
        new = (one for one in looks[index].new if one.kind == kind)
        found[index][kind] = {one.id: one for one in (*new, *rows) if not one.content.synthetic}
    return [Windows(one) for one in found]


async def latest_of(
    store: ReadingStore, looks: Sequence[Look], now: datetime
) -> Mapping[UUID, Mapping[str, PatientReading]]:
    """The last readings of those of whom a newer one may lie outside of the windows; no reading is dated later than its
    arrival by more than some minutes."""
    asked = {look.file.patient.id for look in looks if any(end < now + _AHEAD for _, end in look.spans.values())}
    return await store.latest(asked) if asked else {}
