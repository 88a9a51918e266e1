"""The alert view: what happened, why, who was told, how it ended last time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.rules import Level, ThresholdRule
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Alert, AlertEvent, AlertState, Happened, Outcome
from hearthline_backend.storage.records.calls import Attempt, AttemptOutcome, DueTask, NotificationState, Task, Told
from hearthline_backend.storage.records.people import OnCall
from hearthline_backend.storage.records.silence import MISSING
from hearthline_backend.web.figures import Figure, kind_name, reading_figure, side_figure
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import clock_s, stamp
from hearthline_backend.web.views.findings import Finding, findings, often_words, recorded_findings
from hearthline_backend.web.views.headlines import several_headline
from hearthline_backend.web.views.ownership import next_person, person, waits_for
from hearthline_backend.web.views.patient import Entry
from hearthline_backend.web.views.policy_words import called_all_the_same, nobody_called
from hearthline_protocol.readings import Flag, Quality, Reading, TimeQuality

_TODAY_ENOUGH: Final = timedelta(hours=20)
"""Up to this age a story is told with seconds."""


@dataclass(frozen=True, slots=True)
class Hero:
    """The top of the view. ``mark`` with ``word``; ``taken`` outlines it; ``tint`` only while nobody has a red."""

    mark: str
    word: str
    taken: bool
    tint: bool
    h1: str
    figure: Figure
    beside: str


@dataclass(frozen=True, slots=True)
class Past:
    """One alert like this one that is over."""

    figure: str
    time: str
    text: str
    href: str


def outcome_name(outcome: Outcome) -> str:
    """What an alert turned out to be."""
    return {
        Outcome.TRUE: _("True: the value was right"),
        Outcome.FALSE_ALARM: _("False alarm: in range on a second look"),
        Outcome.MEASUREMENT_ERROR: _("Wrong measurement"),
        Outcome.KNOWN: _("Known, nothing new"),
        Outcome.OTHER: _("Something else"),
        Outcome.CLEARED: _("Back within limits by itself"),
    }[outcome]


def hero(
    alert: Alert,
    name: str,
    owner: str | None,
    rule: Rule | None,
    reading: Reading | None,
    second: bool,
    snoozed: str = "",
) -> Hero:
    """``name`` is the given name; ``owner`` who has it, or had it; ``second``: a newer reading exists; ``snoozed``
    until when."""
    red = alert.shown_level is Level.RED
    level = _("Red") if red else _("Yellow")
    open_ = alert.state is AlertState.OPEN
    words = {
        AlertState.OPEN: _("{level}, nobody yet"),
        AlertState.ACKNOWLEDGED: _("{level}, {owner}"),
        AlertState.RESOLVED: _("{level}, resolved"),
        AlertState.WITHDRAWN: _("Withdrawn"),
    }
    text = _("{level}, snoozed until {time}") if snoozed and alert.state.live else words[alert.state]
    return Hero(
        mark="none" if alert.state is AlertState.WITHDRAWN else "red" if red else "yellow",
        word=text.format(level=level, owner=owner or _("somebody has it"), time=snoozed),
        taken=not open_ or bool(snoozed),
        tint=red and open_ and not snoozed,
        h1=_headline(alert, name, rule),
        figure=reading_figure(reading) if reading is not None else Figure(_("No value"), ""),
        beside=_beside(alert, reading, second),
    )


def _headline(alert: Alert, name: str, rule: Rule | None) -> str:
    kind = kind_name(alert.kind).lower()
    if alert.state is AlertState.WITHDRAWN:
        text = _("{name}’s {kind} alert no longer holds")
    elif alert.rule_id.startswith(MISSING):
        text = _("{name}’s {kind} came") if alert.cleared else _("{name}’s {kind} did not come")
    elif alert.review:
        text = _("{name}’s {kind} was past the red limit, and arrived late")
    elif alert.cleared:
        text = _("{name}’s {kind} was past the limit, and is back")
    elif rule is not None and not isinstance(rule, ThresholdRule):
        text = several_headline(rule, alert.level)
    else:
        above = rule is None or rule.above
        red = alert.level is Level.RED
        if above:
            text = _("{name}’s {kind} is over the red limit") if red else _("{name}’s {kind} is over the yellow limit")
        else:
            text = (
                _("{name}’s {kind} is under the red limit") if red else _("{name}’s {kind} is under the yellow limit")
            )
    return text.format(name=name, kind=kind)


def _beside(alert: Alert, reading: Reading | None, second: bool) -> str:
    said = []
    pulse = side_figure(reading) if reading is not None else None
    if pulse is not None and reading is not None:
        irregular = Flag.IRREGULAR_PULSE in reading.flags
        pulse_text = _("Pulse {pulse}, irregular.") if irregular else _("Pulse {pulse}.")
        said.append(pulse_text.format(pulse=pulse))
    if alert.state.live and not second:
        said.append(_("No second reading yet."))
    return " ".join(said)


def why(
    alert: Alert, rule: Rule | None, reading: Reading | None, explanation: Mapping[str, Any] | None
) -> tuple[Finding, ...]:
    """What fired, what did not; how often it has to. The crossed limit first. ``explanation`` is the register's, of the
    reading: a rule that looks at more than that one is told from it."""
    if not isinstance(rule, ThresholdRule):
        evaluations = explanation.get("evaluations", ()) if explanation is not None else ()
        return recorded_findings(rule, next((one for one in evaluations if one["rule"] == alert.rule_id), None))
    if reading is None:
        return ()
    found = findings(rule, reading)
    if not found or found[0].level is None:
        return found
    first = found[0]
    rest = f"{often_words(rule, alert.level)} {first.rest}".strip()
    return (Finding(first.level, first.lead, rest), *found[1:])


def quality(reading: Reading) -> str:
    """What the meter said about itself, and its clock."""
    said = []
    flags = [
        (Flag.BODY_MOVEMENT, _("movement during the measurement")),
        (Flag.CUFF_TOO_LOOSE, _("a loose cuff")),
        (Flag.IMPROPER_POSITION, _("an arm not in the right position")),
        (Flag.IRREGULAR_PULSE, _("an irregular pulse")),
        (Flag.WEAK_SIGNAL, _("a weak signal")),
        (Flag.POOR_PERFUSION, _("a cold or pale finger")),
        (Flag.SENSOR_FAULT, _("a fault of its sensor")),
        (Flag.STRIP_ERROR, _("a wrong or badly inserted test strip")),
        (Flag.SAMPLE_TOO_SMALL, _("too little blood on the test strip")),
        (Flag.TEMPERATURE_OUT_OF_RANGE, _("that it was too warm or too cold")),
    ]
    seen = [words for flag, words in flags if flag in reading.flags]
    if seen:
        said.append(_("The meter reported {what}.").format(what=", ".join(seen)))
    elif reading.quality is Quality.QUESTIONABLE:
        said.append(_("The meter marked the measurement as questionable."))
    else:
        said.append(_("The meter reported no fault: no movement, no irregular pulse."))
    clocks = {
        TimeQuality.SYNCED: _("Its clock is right."),
        TimeQuality.CORRECTED: _("Its clock was wrong; the time shown is corrected."),
        TimeQuality.ASSUMED: _("Its clock was not compared with ours."),
        TimeQuality.RECEIVED: _("It told no time: the time shown is that of its arrival."),
        TimeQuality.UNKNOWN: _("The time is not certain."),
    }
    said.append(clocks[reading.time_quality])
    return " ".join(said)


def timeline(
    opening: PatientReading | None,
    events: Sequence[AlertEvent],
    told: Sequence[Told],
    task: DueTask | None,
    on_call: Sequence[OnCall],
    viewer: UUID,
    now: datetime,
    names: Mapping[str, str] | None = None,
    snoozed_until: datetime | None = None,
) -> tuple[Entry, ...]:
    """Who was told, oldest first, and what comes next. ``names`` are the initials of people that the history names by
    their ids."""
    dated: list[tuple[datetime, int, Entry]] = []
    if opening is not None:
        measured, stored = opening.reading.effective_time, opening.stored_time
        dated.append((measured, 0, Entry(_at(measured, now), _("Measured in the home"))))
        dated.append((stored, 1, Entry(_at(stored, now), _("Stored"), small=_("The home gets its receipt"))))
    dated += [
        (one.at, 2, _event_entry(one, viewer, now, names or {})) for one in events if one.what is not Happened.CALLED
    ]
    dated += [_told_entry(one, viewer, now) for one in told]
    entries = [entry for _when, _rank, entry in sorted(dated, key=lambda one: one[:2])]
    upcoming = _next_entry(task, on_call, viewer, now) or _snooze_entry(snoozed_until, now)
    return (*entries, upcoming) if upcoming is not None else tuple(entries)


def _at(at: datetime, now: datetime) -> str:
    return clock_s(at) if now - at < _TODAY_ENOUGH else stamp(at, now)


def _snooze_entry(until: datetime | None, now: datetime) -> Entry | None:
    if until is None:
        return None
    text = _("Next: the snooze ends")
    return Entry(stamp(until, now), text, small=_("Comes back if it is still past its limit"), next=True)


def _event_entry(event: AlertEvent, viewer: UUID, now: datetime, names: Mapping[str, str]) -> Entry:
    who = person(event.actor_id, event.initials, viewer)
    red = event.detail.get("level") == Level.RED.value
    to = event.detail.get("to", "")
    given = _("you") if to == str(viewer) else names.get(to, _("a colleague"))
    until = event.detail.get("until")
    words = {
        Happened.RAISED: _("Red alert opened") if red else _("Alert opened"),
        Happened.WORSENED: _("Became red"),
        Happened.EASED: _("Less bad: from red to yellow"),
        Happened.CLEARED: _("Back within limits"),
        Happened.RETURNED: _("Past the limit again"),
        Happened.REOPENED: _("Opened again"),
        Happened.MERGED: _("Joined with an earlier alert"),
        Happened.SPLIT: _("A late reading splits it into two: to be reviewed"),
        Happened.WITHDRAWN: _("Withdrawn by later data"),
        Happened.CORRECTED: _("A reading was corrected; this is what the others say"),
        Happened.CLOSED: _("Closed by itself: back within limits"),
        Happened.ESCALATED: _("Nobody acknowledged: to the next on call"),
        Happened.STARTED_AGAIN: _("Everybody was called; from the first again"),
        Happened.NOBODY_ON_CALL: _("Nobody is on call"),
        Happened.LAST_RESORT: _("Nobody took it: the last resort was called"),
        Happened.NOT_DELIVERED: _("A call could not be delivered"),
        Happened.ACKNOWLEDGED: _("{who} acknowledged").format(who=who),
        Happened.ACKNOWLEDGEMENT_UNDONE: _("{who} gave it back").format(who=who),
        Happened.CAME_BACK: _("Came back: still open"),
        Happened.ASSIGNED: _("{who} gave it to {colleague}").format(who=who, colleague=given),
        Happened.UNASSIGNED: _("{who} gave it back: nobody has it").format(who=who),
        Happened.SNOOZED: _("{who} snoozed it until {time}").format(
            who=who, time=stamp(datetime.fromisoformat(until), now) if until else ""
        ),
        Happened.SNOOZE_ENDED: _("{who} ended the snooze").format(who=who),
        Happened.OPENED_AGAIN: _("{who} opened it again").format(who=who),
        Happened.UNDONE: _("{who} took that back").format(who=who),
        Happened.NOTED: _("Note by {who}").format(who=who),
        Happened.RESOLVED: _("{who} resolved it").format(who=who),
        Happened.GREW: _("Still nothing came"),
    }
    if event.what is Happened.CAME_BACK and "snooze" in event.detail:
        words[Happened.CAME_BACK] = _("Came back: the snooze is over, and it is still there")
    policy = event.detail.get("policy", {})
    said = [nobody_called(policy, now), called_all_the_same(policy, now)]
    said.append(_("“{note}”").format(note=event.note) if event.note else "")
    small = " ".join(part for part in said if part)
    return Entry(_at(event.at, now), words.get(event.what, event.what.value), small=small)


def _told_entry(one: Told, viewer: UUID, now: datetime) -> tuple[datetime, int, Entry]:
    notification = one.notification
    who = person(notification.user_id, one.initials, viewer)
    channel = channel_name(one.channel)
    words = {
        NotificationState.DUE: _("{who}: {channel} is being sent"),
        NotificationState.SENT: _("{who}: {channel} sent"),
        NotificationState.FAILED: _("{who}: {channel} could not be delivered"),
        NotificationState.CANCELLED: _("{who}: {channel} no longer needed"),
    }
    at = notification.sent_at or notification.created_at
    small = _attempts(one.attempts)
    return at, 3, Entry(_at(at, now), words[notification.state].format(who=who, channel=channel), small=small)


def _attempts(attempts: Sequence[Attempt]) -> str:
    sent = [one for one in attempts if one.outcome is AttemptOutcome.SENT]
    failed = sum(one.outcome is AttemptOutcome.FAILED for one in attempts)
    said = []
    if failed:
        said.append(n_("{n} try failed", "{n} tries failed", failed).format(n=failed))
    if sent:
        ended = sent[-1].ended_at or sent[-1].started_at
        said.append(_("Accepted {time}").format(time=clock_s(ended)))
    if any(one.repeat for one in attempts):
        said.append(_("marked “repeat”"))
    return ", ".join(said)


def channel_name(channel: str) -> str:
    """How somebody was told."""
    return {"mail": _("mail"), "webhook": _("on-call app"), "apprise": _("message")}.get(channel, channel)


def _next_entry(task: DueTask | None, on_call: Sequence[OnCall], viewer: UUID, now: datetime) -> Entry | None:
    if task is None:
        return None
    time = stamp(task.due_at, now)
    if task.what is Task.COME_BACK:
        return Entry(time, _("Next: it comes back"), small=_("If it is still open then"), next=True)
    waiting = waits_for(task, now)
    if waiting is not None:
        return Entry(time, waiting, small=_("Unless someone acknowledges"), next=True)
    called = next_person(task, on_call)
    if called is None and task.payload.get("place") == 0:
        return Entry(time, _("Next: others are called"), small=_("Unless someone acknowledges"), next=True)
    if called is None:
        return Entry(time, _("Next: looked for somebody on call again"), next=True)
    who = person(called.user.id, called.user.initials, viewer)
    return Entry(time, _("Next: {who}").format(who=who), small=_("Unless someone acknowledges"), next=True)


def past_text(outcome: Outcome | None, note: str | None, by: str | None, took: str) -> str:
    """How an earlier alert ended."""
    said = [] if outcome is None else [f"{outcome_name(outcome)}."]
    if note:
        said.append(_("“{note}”").format(note=note))
    ended = _("Resolved by {who} in {time}.") if by else _("Closed in {time}.")
    said.append(ended.format(who=by, time=took))
    return " ".join(said)
