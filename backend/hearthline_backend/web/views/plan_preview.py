"""What a changed plan would have done: rule by rule beside the plan in force, on the chart, and what it adds up to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level, ThresholdRule
from hearthline_backend.replay.backtest import Backtest, Side, Stretch
from hearthline_backend.web.figures import main_fields, number_text
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import age_text, stamp
from hearthline_backend.web.views.plan_changes import RuleChange, change_lines, rule_changes, told
from hearthline_backend.web.views.plan_chart import Measure, PlanChart, Point, plan_chart
from hearthline_backend.web.views.rule_titles import condition_of, rule_title

MOST_LISTED: Final = 60
"""Episodes that the table lists, the newest first."""
MOST_CHARTS: Final = 4


@dataclass(frozen=True, slots=True)
class Fired:
    """How often one side of a rule fired. None of both: that side does not have the rule."""

    red: int | None
    yellow: int | None

    @property
    def words(self) -> str:
        """3 red, 11 yellow; not watched."""
        if self.red is None or self.yellow is None:
            return _("not watched")
        if not self.red + self.yellow:
            return _("never")
        parts = [(_("{n} red"), self.red), (_("{n} yellow"), self.yellow)]
        return ", ".join(words.format(n=n) for words, n in parts if n)


@dataclass(frozen=True, slots=True)
class ComparedRule:
    """One changed rule: what it says on each side, and how often it would have fired."""

    title: str
    condition: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    now: Fired | None
    then: Fired | None


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """One episode in the table."""

    when: str
    side: str
    level: Level
    word: str
    rule: str
    lasted: str


@dataclass(frozen=True, slots=True)
class Totals:
    """A backtest in two sentences: ``heading`` is the answer, ``load`` the alerts per patient-week."""

    heading: str
    load: str
    note: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that is seen before saving."""

    totals: Totals
    changes: tuple[str, ...]
    rules: tuple[ComparedRule, ...]
    charts: tuple[PlanChart, ...]
    episodes: tuple[EpisodeRow, ...]
    unlisted: int


def measures_of(changes: Sequence[RuleChange]) -> tuple[Measure, ...]:
    """What the changed rules look at, one chart each."""
    found: dict[Measure, None] = {}
    for change in changes:
        for rule in (change.after, change.before):
            if rule is not None and change.replayed:
                for kind in sorted(getattr(rule, "kinds", ())):
                    found[Measure(kind, _fields(rule, kind))] = None
    return tuple(found)[:MOST_CHARTS]


def preview(
    before: Plan,
    draft: Plan,
    found: Backtest,
    points: Mapping[Measure, Sequence[Point]],
    start: datetime,
    now: datetime,
) -> Preview:
    """``found`` is the backtest of both; ``points`` is what was measured since ``start``."""
    changes = rule_changes(before, draft)
    ids = {one.rule.id for one in changes}
    sides = ((_("As now"), found.in_force), (_("With the change"), found.proposed))
    rows = sorted(
        ((one.opened, name, one) for name, side in sides for one in side.stretches if one.rule_id in ids),
        key=lambda row: (row[0], row[1]),
        reverse=True,
    )
    titles = {one.rule.id: rule_title(one.rule) for one in changes}
    return Preview(
        totals=totals(found, ids),
        changes=change_lines(before, draft),
        rules=tuple(compared(one, found) for one in changes),
        charts=tuple(
            _chart(measure, changes, found, points.get(measure, ()), start, now) for measure in measures_of(changes)
        ),
        episodes=tuple(_row(name, one, titles, now) for _at, name, one in rows[:MOST_LISTED]),
        unlisted=max(0, sum(_count(side, one) for _name, side in sides for one in ids) - MOST_LISTED),
    )


def totals(found: Backtest, ids: set[str]) -> Totals:
    """The changed rules together, and the load of all rules."""
    now, then = (sum(_count(side, one) for one in ids) for side in (found.in_force, found.proposed))
    heading = _("{then} in the last {days} days; as the plan is now, {now}.").format(
        then=n_("It would have fired {n} time", "It would have fired {n} times", then).format(n=then),
        now=n_("{n} time", "{n} times", now).format(n=now),
        days=found.days,
    )
    load = _("All rules together: {then} alerts per patient-week instead of {now}.").format(
        then=_rate(found.per_week(found.proposed)), now=_rate(found.per_week(found.in_force))
    )
    people = n_("{n} patient", "{n} patients", found.patients).format(n=found.patients)
    readings = n_("{n} reading", "{n} readings", found.readings).format(n=found.readings)
    return Totals(
        heading,
        load,
        _("{readings} of {patients} were looked at. Nothing is saved yet.").format(readings=readings, patients=people),
    )


def _rate(alerts: float) -> str:
    """Of a whole team it is often far below one."""
    return number_text(alerts, 1 if alerts >= 1 else 2)


def _count(side: Side, rule_id: str) -> int:
    return sum((side.of(rule_id) or {}).values())


def compared(change: RuleChange, found: Backtest) -> ComparedRule:
    """One changed rule beside itself."""
    rule = change.rule
    sides = [_fired(side.of(rule.id)) if change.replayed else None for side in (found.in_force, found.proposed)]
    return ComparedRule(rule_title(rule), condition_of(rule.id), told(change.before), told(change.after), *sides)


def _fired(counts: dict[str, int] | None) -> Fired:
    return Fired(None, None) if counts is None else Fired(counts[Level.RED], counts[Level.YELLOW])


def _fields(rule: object, kind: str) -> tuple[str, ...]:
    main = main_fields(kind)
    limits = (*rule.red, *rule.yellow) if isinstance(rule, ThresholdRule | AverageRule) else ()
    fields = tuple(dict.fromkeys(limit.field for limit in limits))
    return main if not fields or set(fields) & set(main) else fields[:1]


def _chart(
    measure: Measure,
    changes: Sequence[RuleChange],
    found: Backtest,
    points: Sequence[Point],
    start: datetime,
    now: datetime,
) -> PlanChart:
    mine = [one for one in changes if one.replayed and measure in measures_of([one])]
    ids = {one.rule.id for one in mine}
    lanes = []
    for side, words in ((found.in_force, _("As now: {n}")), (found.proposed, _("With the change: {n}"))):
        stretches = [one for one in side.stretches if one.rule_id in ids]
        many = sum(_count(side, one) for one in ids)
        lanes.append((words.format(n=n_("{n} time", "{n} times", many).format(n=many)), stretches))
    return plan_chart(measure, points, _limits(mine, measure), lanes, start, now)


def _limits(changes: Sequence[RuleChange], measure: Measure) -> dict[tuple[float, str, Level], bool]:
    """The limits of single readings that are not the same on both sides; True for new ones."""
    found: dict[tuple[float, str, Level], bool] = {}
    for change in changes:
        old, new = (_marks(rule, measure) for rule in (change.before, change.after))
        found |= {one: False for one in old if one not in new}
        found |= {one: True for one in new if one not in old}
    return found


def _marks(rule: object, measure: Measure) -> list[tuple[float, str, Level]]:
    if not isinstance(rule, ThresholdRule):
        return []
    return [
        (limit.value, limit.field, level)
        for level in reversed(Level)
        for limit in rule.limits(level)
        if limit.field in measure.fields
    ]


def _row(side: str, one: Stretch, titles: Mapping[str, str], now: datetime) -> EpisodeRow:
    lasted = _("goes on") if one.ended is None else age_text(max(one.ended - one.opened, timedelta(0)))
    word = _("Red") if one.level is Level.RED else _("Yellow")
    return EpisodeRow(stamp(one.opened, now), side, one.level, word, titles[one.rule_id], lasted)
