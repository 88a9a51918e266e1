"""The patient's own view: what was stored, who was told, who looked. Plain words, whole dates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.rules import Level, ThresholdRule
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Alert, AlertEvent, AlertState, Happened
from hearthline_backend.storage.records.calls import Told
from hearthline_backend.storage.records.people import Access
from hearthline_backend.web.figures import Figure, kind_name, quality_words, reading_figure
from hearthline_backend.web.language import _
from hearthline_backend.web.people_words import staff_name, title_name
from hearthline_backend.web.times import When, ago, clock, spoken_stamp
from hearthline_backend.web.views.alert import channel_name
from hearthline_backend.web.views.findings import crossed
from hearthline_backend.web.views.patient import Entry, view_name
from hearthline_protocol.readings import Quality


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reading, what it means, and what became of it."""

    title: str
    figure: Figure
    at: When
    meaning: str
    advice: str
    warn: bool
    story: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored reading."""

    name: str
    figure: Figure
    time: str
    note: str


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody, and when."""

    text: str
    time: str


def answer(latest: PatientReading | None, alert: Alert | None, owner_title: str | None, now: datetime) -> str:
    """The heading."""
    if latest is None:
        return _("No readings yet")
    if now - latest.reading.effective_time > timedelta(days=2):
        return _("Your last reading arrived {time}").format(
            time=spoken_stamp(latest.reading.effective_time, now).lower()
        )
    if alert is None or alert.state is AlertState.WITHDRAWN:
        return _("Your reading arrived")
    if alert.state is AlertState.OPEN:
        return _("Your reading arrived, and your care team is being told")
    if alert.state is AlertState.RESOLVED:
        return _("Your reading arrived, and your care team has looked at it")
    if (owner_title or "").lower() == "doctor":
        return _("Your reading arrived, and a doctor has it")
    return _("Your reading arrived, and a nurse has it")


def latest_card(
    row: PatientReading,
    rules: Sequence[ThresholdRule],
    alert: Alert | None,
    fired: Rule | None,
    events: Sequence[AlertEvent],
    told: Sequence[Told],
    now: datetime,
) -> Latest:
    """The card on top. ``fired`` is the rule of the alert, which may look at more than this reading."""
    reading = row.reading
    past = [(rule, one) for rule in rules for one in crossed(rule, reading)]
    worst = max(past, key=lambda pair: pair[1].level.rank, default=None)
    meaning, advice, warn = "", "", False
    if worst is not None:
        above = worst[0].direction == "above"
        meaning = (
            _("This is higher than the limit you and your doctor agreed on.")
            if above
            else _("This is lower than the limit you and your doctor agreed on.")
        )
        advice = _("Please sit for 5 minutes, then measure again.")
        warn = worst[1].level is Level.RED
    elif fired is not None and alert is not None and alert.state.live and not isinstance(fired, ThresholdRule):
        meaning = together_meaning(fired)
        advice = _("Please measure as your plan says. Your care team looks at it.")
        warn = alert.level is Level.RED
    elif reading.quality is Quality.FAILED:
        advice = _("The meter measured nothing. Please measure again.")
    elif rules and (alert is None or not alert.state.live):
        meaning = _("This is within the limits you and your doctor agreed on.")
    at = reading.effective_time
    return Latest(
        _("Your {kind}").format(kind=kind_name(reading.kind).lower()),
        reading_figure(reading),
        When(at.isoformat(), spoken_stamp(at, now), ago(now - at)),
        meaning,
        advice,
        warn,
        _story(row, alert, events, told),
    )


def together_meaning(rule: Rule) -> str:
    """What a rule says that looks at more than one reading, to the person it is about."""
    if isinstance(rule, ChangeRule):
        return (
            _("It has risen faster than you and your doctor agreed on.")
            if rule.rises
            else _("It has fallen faster than you and your doctor agreed on.")
        )
    if isinstance(rule, AverageRule):
        return (
            _("Your readings of the last days are on average higher than the limit you and your doctor agreed on.")
            if rule.above
            else _("Your readings of the last days are on average lower than the limit you and your doctor agreed on.")
        )
    if isinstance(rule, MovingAverageRule | CusumRule):
        return (
            _("Your readings have slowly become higher than is usual for you.")
            if rule.above
            else _("Your readings have slowly become lower than is usual for you.")
        )
    return _("Several of your readings together are worth a look.")


def _story(
    row: PatientReading, alert: Alert | None, events: Sequence[AlertEvent], told: Sequence[Told]
) -> tuple[Entry, ...]:
    entries = [
        Entry(clock(row.reading.effective_time), _("You measured")),
        Entry(clock(row.stored_time), _("Stored safely"), small=_("The box in your living room gets the receipt")),
    ]
    sent = [one for one in told if one.notification.sent_at is not None]
    if sent and sent[0].notification.sent_at is not None:
        at = sent[0].notification.sent_at
        duty = _("The {title} on duty was told").format(title=title_name(sent[0].title).lower())
        entries.append(Entry(clock(at), duty))
    for event in events:
        who = staff_name(event.title or "", event.initials or "").strip()
        if event.what is Happened.ACKNOWLEDGED and alert is not None and alert.owner_id == event.actor_id:
            entries.append(Entry(clock(event.at), _("{who} has it").format(who=who)))
        if event.what is Happened.RESOLVED:
            small = _("“{note}”").format(note=event.note) if event.note else ""
            entries.append(Entry(clock(event.at), _("{who} looked at it and closed it").format(who=who), small=small))
    return tuple(entries)


def stored(rows: Sequence[PatientReading], now: datetime) -> tuple[Stored, ...]:
    """Every reading of the last days, newest first."""
    shown = [row for row in rows if not row.reading.synthetic and row.reading.quality is not Quality.NOT_PATIENT]
    shown.sort(key=lambda row: row.reading.effective_time, reverse=True)
    return tuple(
        Stored(
            kind_name(row.reading.kind),
            reading_figure(row.reading),
            spoken_stamp(row.reading.effective_time, now),
            ". ".join(quality_words(row.reading)),
        )
        for row in shown
    )


def told_lines(
    told: Sequence[Told], now: datetime, words: Callable[[datetime, datetime], str] = spoken_stamp
) -> tuple[Line, ...]:
    """Who was told, in the order given; the channels of one call together. ``words`` says a time."""
    lines: list[tuple[tuple[str, str], list[str]]] = []
    for one in told:
        sent = one.notification.sent_at or one.notification.created_at
        key = (staff_name(one.title, one.initials), words(sent, now))
        if lines and lines[-1][0] == key:
            lines[-1][1].append(channel_name(one.channel))
        else:
            lines.append((key, [channel_name(one.channel)]))
    return tuple(
        Line(_("{who}, by {channel}").format(who=who, channel=_(" and ").join(dict.fromkeys(channels))), time)
        for (who, time), channels in lines
    )


def looked_lines(entries: Sequence[Access], now: datetime) -> tuple[Line, ...]:
    """Every look, newest first, with what was looked at; the same look twice in a minute is one line."""
    lines = []
    for one in entries:
        who = staff_name(one.title, one.initials)
        team = f", {one.team}" if one.team else ""
        lines.append(Line(f"{who}{team}: {view_name(one.view)}", spoken_stamp(one.at, now)))
    return tuple(dict.fromkeys(lines))
