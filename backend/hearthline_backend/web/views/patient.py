"""The patient view's parts: newest readings, days measured as planned, what happened, who looked, the plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.pauses import Pause
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rule_words import asked_beside, conditions
from hearthline_backend.domain.rules import Level, Limit, ThresholdRule
from hearthline_backend.domain.schedule import openings
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Alert, AlertState
from hearthline_backend.storage.records.people import Access
from hearthline_backend.web.figures import (
    Figure,
    field_name,
    kind_name,
    plain_figure,
    quality_words,
    reading_figure,
    side_figure,
)
from hearthline_backend.web.language import _, current, n_
from hearthline_backend.web.people_words import staff_name
from hearthline_backend.web.phrases import say
from hearthline_backend.web.times import OLD_AFTER, When, age_text, day_stamp, stamp, when
from hearthline_backend.web.views.headlines import rule_subject
from hearthline_backend.web.views.limits import limit_field
from hearthline_backend.web.views.series import LATE

CHART_ORDER: Final = (
    "blood_pressure",
    "body_weight",
    "oxygen_saturation",
    "body_temperature",
    "glucose",
    "heart_rate",
    "respiratory_rate",
    "peak_flow",
)
"""The order of tiles and charts."""

DAYS: Final = 14
ROWS_A_PAGE: Final = 60


@dataclass(frozen=True, slots=True)
class Tile:
    """One newest reading."""

    name: str
    figure: Figure
    at: When
    old: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the calendar: how many of the planned readings came. ``look`` is day, part or miss."""

    number: int
    text: str
    look: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """Two weeks, Monday first where the first day is a Monday."""

    weekdays: tuple[str, ...]
    days: tuple[Day, ...]
    note: str
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a history."""

    time: str
    text: str
    href: str = ""
    small: str = ""
    next: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the patient's data."""

    who: str
    what: str
    time: str


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One rule of the plan in words."""

    kind: str
    red: str
    yellow: str
    source: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """One reading in a table. ``struck``: it was entered in error. ``corrected`` is its history, the newest first;
    ``href`` where it is corrected, for those who may."""

    time: str
    figure: str
    side: str
    note: str
    struck: bool = False
    corrected: tuple[str, ...] = ()
    href: str = ""


def tiles(latest: Mapping[str, PatientReading], now: datetime) -> tuple[Tile, ...]:
    """The newest reading of each kind, a cuff's pulse beside it."""
    found: list[Tile] = []
    for kind in sorted(latest, key=lambda one: CHART_ORDER.index(one) if one in CHART_ORDER else len(CHART_ORDER)):
        reading = latest[kind].reading
        at = when(reading.effective_time, now, today=True)
        old = now - reading.effective_time > OLD_AFTER
        if old:
            at = When(at.iso, _("Old: {time}").format(time=at.text), at.age)
        found.append(Tile(kind_name(kind), reading_figure(reading), at, old, ". ".join(quality_words(reading))))
        pulse = side_figure(reading)
        if pulse is not None and kind == "blood_pressure":
            found.append(Tile(field_name(kind, "pulse"), pulse, at, old))
    return tuple(found)


def calendar(
    plan: Plan | None,
    readings: Mapping[str, Sequence[PatientReading]],
    zone: str,
    now: datetime,
    since: datetime,
    pauses: Sequence[Pause] = (),
) -> Calendar | None:
    """The last two weeks against the plan's slots; None where nothing is planned. What was due on pause and did not
    come does not count."""
    if plan is None or not plan.slots:
        return None
    tz = ZoneInfo(zone)
    today = now.astimezone(tz).date()
    first = max(today - timedelta(days=DAYS - 1), since.astimezone(tz).date())
    days = [first + timedelta(days=number) for number in range((today - first).days + 1)]
    counted = [_day(plan, readings, zone, day, now, pauses) for day in days]
    done, due = sum(one[0] for one in counted), sum(one[1] for one in counted)
    shown = tuple(
        Day(day.day, _day_text(got, planned + later, due=day == today), look)
        for day, (got, planned, later, look) in zip(days, counted, strict=True)
    )
    share = round(100 * done / due) if due else 100
    note = _("{share} %, {done} of {due}").format(share=share, done=done, due=due).replace(" %", "\u00a0%")
    silent = sum(look == "miss" for *_rest, look in counted)
    name = _("{start} to {end}: {done} of {due} planned readings came. {silent}").format(
        start=format_date(first, "d MMM", locale=current().locale),
        end=format_date(today, "d MMM", locale=current().locale),
        done=done,
        due=due,
        silent=n_("{n} day without any.", "{n} days without any.", silent).format(n=silent),
    )
    names = tuple(format_date(day, "EEE", locale=current().locale) for day in days[:7])
    return Calendar(names, shown, note, name)


def _day_text(got: int, planned: int, *, due: bool) -> str:
    if planned == 0:
        return _("pause")
    return _("due") if due and got < planned else f"{got}/{planned}"


def _day(
    plan: Plan,
    readings: Mapping[str, Sequence[PatientReading]],
    zone: str,
    day: date,
    now: datetime,
    pauses: Sequence[Pause],
) -> tuple[int, int, int, str]:
    got = planned = later = 0
    for kind in dict.fromkeys(slot.kind for slot in plan.slots):
        times = [row.reading.effective_time for row in readings.get(kind, ())]
        for one in openings(plan, kind, zone, day, day):
            came = any(one.counts_from <= at <= one.closes for at in times)
            if not came and any(pause.touches(one.opens, one.closes) for pause in pauses):
                continue
            got += came
            if came or one.closes <= now:
                planned += 1
            else:
                later += 1
    if not planned and not later:
        return 0, 0, 0, "part"
    look = "part" if later else "miss" if planned and not got else "day" if got >= planned else "part"
    return got, planned, later, look


def history(
    alerts: Sequence[Alert], plans: Sequence[Plan], owners: Mapping[UUID, str], now: datetime
) -> tuple[Entry, ...]:
    """Alerts and plan changes, newest first."""
    dated = [(one.effective_time, _alert_entry(one, owners, now)) for one in alerts]
    dated += [(one.valid_from, _plan_entry(one, now)) for one in plans]
    return tuple(entry for _at, entry in sorted(dated, key=lambda pair: pair[0], reverse=True))


def _alert_entry(alert: Alert, owners: Mapping[UUID, str], now: datetime) -> Entry:
    red = alert.shown_level is Level.RED
    text = (_("Red alert, {kind}") if red else _("Yellow alert, {kind}")).format(kind=kind_name(alert.kind).lower())
    return Entry(day_stamp(alert.effective_time, now), text, f"/alerts/{alert.id}", _alert_small(alert, owners, now))


def _alert_small(alert: Alert, owners: Mapping[UUID, str], now: datetime) -> str:
    owner = owners.get(alert.owner_id) if alert.owner_id is not None else None
    if alert.state is AlertState.OPEN:
        return _("Nobody yet")
    if alert.state is AlertState.ACKNOWLEDGED:
        return _("{who} has it").format(who=owner or _("Somebody"))
    if alert.state is AlertState.WITHDRAWN:
        return _("Withdrawn by later data")
    ended = alert.resolved_at or now
    took = age_text(ended - alert.opened_at)
    if owner is None:
        return _("Closed by itself after {time}").format(time=took)
    return _("Resolved in {time} by {who}").format(time=took, who=owner)


def _plan_entry(plan: Plan, now: datetime) -> Entry:
    text = _("Plan version {version}").format(version=plan.version)
    small = plan.reason if plan.author is None else f"{plan.reason} {plan.author}"
    return Entry(day_stamp(plan.valid_from, now), text, "", small)


def looks(entries: Sequence[Access], viewer: UUID, now: datetime) -> tuple[Look, ...]:
    """Who looked, newest first, the same person's looks within the hour as one."""
    found: list[tuple[Access, Look]] = []
    for one in entries:
        if found and found[-1][0].user_id == one.user_id and found[-1][0].at - one.at < timedelta(hours=1):
            continue
        who = staff_name(one.title, one.initials)
        if one.user_id == viewer:
            who = _("{who} (you)").format(who=who)
        time = _("now") if now - one.at < timedelta(minutes=1) else stamp(one.at, now)
        found.append((one, Look(who, view_name(one.view), time)))
    return tuple(look for _entry, look in found)


def view_name(view: str) -> str:
    """What was looked at, in words for patients too."""
    names = {
        "worklist": _("the list of all patients"),
        "patient": _("readings and plan"),
        "plan": _("the plan"),
        "plan_change": _("the plan, and changed it"),
        "alert": _("an alert"),
        "series": _("readings"),
        "reading": _("one reading"),
        "pause": _("pauses"),
        "report": _("a report"),
        "whose": _("readings that may be yours"),
        "quarantine": _("what a meter sent and could not be taken"),
    }
    return names.get(view, view)


def plan_lines(plan: Plan | None) -> tuple[LimitLine, ...]:
    """Every rule of the plan: its limits and where they come from."""
    if plan is None:
        return ()
    return tuple(
        LimitLine(
            kind_name(rule.kind),
            _limits_text(rule, Level.RED),
            _limits_text(rule, Level.YELLOW),
            rule.source,
        )
        if isinstance(rule, ThresholdRule)
        else _several_line(rule)
        for rule in plan.rules
    )


def _several_line(rule: Rule) -> LimitLine:
    """A rule that looks at more than one reading, or at what did not come."""
    watched = conditions(rule, Level.RED), (*conditions(rule, Level.YELLOW), *asked_beside(rule))
    red, yellow = (" ".join(say(one) for one in phrases) for phrases in watched)
    return LimitLine(rule_subject(rule), red, yellow, rule.source)


def _limits_text(rule: ThresholdRule, level: Level) -> str:
    """Red: systolic 180 mmHg or over, diastolic 120 mmHg or over."""
    limits = [_limit_phrase(rule, limit) for limit in rule.limits(level)]
    if not limits:
        return ""
    persistence = rule.persistence(level)
    if persistence.m > 1:
        limits[-1] += _(", {n} of the last {m} readings").format(n=persistence.n, m=persistence.m)
    words = _("Red: {limits}") if level is Level.RED else _("Yellow: {limits}")
    return words.format(limits=", ".join(limits))


def _limit_phrase(rule: ThresholdRule, limit: Limit) -> str:
    figure = plain_figure(rule.kind, limit.field, limit.value)
    field = limit_field(rule.kind, limit.field)
    words = _("{value} or over") if rule.direction == "above" else _("{value} or under")
    phrase = words.format(value=f"{field} {figure}".strip())
    return _("{limit} (personal)").format(limit=phrase) if limit.personal else phrase


def slot_lines(plan: Plan | None) -> tuple[tuple[str, str], ...]:
    """Each planned kind with its times of day: blood pressure, morning and evening."""
    if plan is None:
        return ()
    words = {"morning": _("morning"), "midday": _("midday"), "evening": _("evening")}
    kinds = dict.fromkeys(slot.kind for slot in plan.slots)
    return tuple(
        (kind_name(kind), _(" and ").join(words[slot.name] for slot in plan.slots if slot.kind == kind))
        for kind in kinds
    )


def table_rows(
    readings: Sequence[PatientReading],
    now: datetime,
    fired: Mapping[UUID, int],
    corrected: Mapping[UUID, tuple[str, ...]] | None = None,
    href: str = "",
) -> tuple[TableRow, ...]:
    """Readings newest first, with what one must know about each. ``corrected`` are their histories in words; ``href``
    is the address of a reading without its id."""
    return tuple(
        replace(
            _table_row(row, now, fired),
            struck=row.aside,
            corrected=(corrected or {}).get(row.id, ()),
            href=f"{href}{row.id}" if href else "",
        )
        for row in sorted(readings, key=lambda row: row.effective_time, reverse=True)
    )


def _table_row(row: PatientReading, now: datetime, fired: Mapping[UUID, int]) -> TableRow:
    reading = row.reading
    notes = quality_words(reading)
    late = reading.received_time - reading.effective_time
    if late > LATE:
        notes.append(_("Arrived {age} late").format(age=age_text(late)))
    if reading.id in fired:
        notes.insert(0, _("Alert {number}").format(number=fired[reading.id]))
    pulse = side_figure(reading)
    return TableRow(
        stamp(reading.effective_time, now),
        str(reading_figure(reading)),
        str(pulse) if pulse is not None else "",
        ". ".join(notes),
    )
