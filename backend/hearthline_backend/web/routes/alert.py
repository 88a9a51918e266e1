"""One alert: what happened and why, and the acts on it."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hearthline_backend.alerting.acting import MAX_NOTE
from hearthline_backend.alerting.actions import CHOICES, note_required
from hearthline_backend.alerting.holding import taken_by
from hearthline_backend.alerting.timing import DEFAULT
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.silence_rules import MissingRule
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened, Outcome
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.storage.records.silence import MISSING
from hearthline_backend.storage.records.snoozes import Snooze
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.figures import kind_name, reading_figure
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.pages import page
from hearthline_backend.web.people_words import staff_name
from hearthline_backend.web.phrases import advised
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.routes.patient import chart_place, log_view, opened_by, series_of
from hearthline_backend.web.times import age_text, day_stamp, stamp, when
from hearthline_backend.web.views import alert as view
from hearthline_backend.web.views.act_words import snooze_choices, toast_of
from hearthline_backend.web.views.beside import did_not_fire
from hearthline_backend.web.views.facts import gather
from hearthline_backend.web.views.ownership import person
from hearthline_backend.web.views.report_lines import alert_line
from hearthline_backend.web.views.series import RANGES
from hearthline_backend.web.views.silence_findings import silence_findings, silent_hero
from hearthline_backend.web.views.silence_words import last_told
from hearthline_backend.web.views.worklist_row import born, full_name

_SIMILAR: Final = timedelta(days=90)
_SPAN: Final = "14d"
DIALOGS: Final = ("resolve", "snooze", "assign")
"""What opens over the view, also without a script: by its name in the address."""

routes = web.RouteTableDef()


async def own_alert(visit: Visit, unit: Unit) -> tuple[Alert, Patient]:
    """The alert of the address, if of the viewer's team; else there is nothing here."""
    number = visit.request.match_info["alert"]
    alert = await unit.alerts.get(int(number)) if number.isdecimal() and len(number) < 16 else None
    patient = await unit.care.patient(alert.patient_id) if alert is not None else None
    if alert is None or patient is None or visit.user.team_id is None or patient.team_id != visit.user.team_id:
        raise web.HTTPNotFound
    return alert, patient


def _rule(alert: Alert, history: tuple[Plan, ...]) -> tuple[Plan | None, Rule | None]:
    plan = next((one for one in history if one.version == alert.plan_version), None)
    return plan, plan.rule(alert.rule_id) if plan is not None else None


async def parts_of(visit: Visit, unit: Unit, alert: Alert, patient: Patient) -> dict[str, Any]:
    """What changes while the view is open: hero, timeline, bar."""
    now, viewer = visit.context.clock(), visit.user.id
    history = await unit.care.plan_history(patient.id)
    plan, rule = _rule(alert, history)
    reading = await visit.context.readings.get(alert.worst_reading)
    opening = reading if alert.episode == alert.worst_reading else await visit.context.readings.get(alert.episode)
    latest = (await visit.context.readings.latest([patient.id])).get(patient.id, {}).get(alert.kind)
    owner = await unit.people.user(alert.owner_id) if alert.owner_id is not None else None
    events = await unit.alerts.events(alert.id)
    end = next((one for one in reversed(events) if one.what is Happened.RESOLVED), None)
    tasks = await unit.calls.next_tasks([alert.id])
    snooze = await _snooze_of(unit, alert, now)
    mentioned = {UUID(one.detail["to"]) for one in events if "to" in one.detail}
    names = {str(key): one.initials for key, one in (await unit.people.users(mentioned)).items()}
    by = taken_by(events) if alert.state is AlertState.ACKNOWLEDGED else None
    second = latest is not None and reading is not None and latest.reading.id != reading.reading.id
    silent = alert.rule_id.startswith(MISSING)
    hero = view.hero(
        alert,
        patient.given_name,
        person(owner.id, owner.initials, viewer) if owner is not None else None,
        rule,
        reading.reading if reading is not None else None,
        second,
        stamp(snooze.until, now) if snooze is not None else "",
    )
    return {
        "alert": alert,
        "patient": patient,
        "plan": plan,
        "rule": rule,
        "reading": reading,
        "hero": hero
        if not silent
        else silent_hero(hero, None if latest is None else latest.reading.effective_time, now),
        "silence": silence_findings(
            last_told(events), alert.kind, rule if isinstance(rule, MissingRule) else None, alert.level, now
        )
        if silent
        else (),
        "measured": when(reading.reading.effective_time, now, today=True) if reading is not None else None,
        "arrived": stamp(reading.stored_time, now) if reading is not None and alert.review else "",
        "newer": _newer(latest, now) if second and latest is not None else None,
        "timeline": view.timeline(
            opening,
            events,
            await unit.calls.of_alert(alert.id),
            tasks.get(alert.id) if alert.state.live else None,
            visit.request[PLACE].on_call,
            viewer,
            now,
            names,
            snooze.until if snooze is not None and alert.state.live else None,
        ),
        "mine": owner is not None and owner.id == viewer,
        "ended": None if end is None else (person(end.actor_id, end.initials, viewer), stamp(end.at, now), end.note),
        "outcome": view.outcome_name(alert.outcome) if alert.outcome is not None else "",
        "csrf": visit.csrf,
        "come_back": age_text(DEFAULT.come_back_after),
        "snooze": snooze,
        "snoozed_until": stamp(snooze.until, now) if snooze is not None else "",
        "given": by is not None and by.what is Happened.ASSIGNED and by.actor_id != viewer and alert.owner_id == viewer,
        "put_off": by is not None and by.what is Happened.SNOOZED,
        "toast": toast_of(alert, events, patient.given_name, viewer, now),
    }


async def _snooze_of(unit: Unit, alert: Alert, now: datetime) -> Snooze | None:
    """What keeps this alert quiet."""
    in_force = (await unit.snoozes.in_force([alert.patient_id], now)).get(alert.patient_id, ())
    return next((one for one in in_force if one.holds(alert.rule_id, alert.shown_level, now)), None)


def _newer(latest: PatientReading, now: datetime) -> tuple[str, str]:
    return str(reading_figure(latest.reading)), stamp(latest.reading.effective_time, now)


@routes.get("/alerts/{alert}")
@for_roles(Role.CARE)
async def alert_page(visit: Visit) -> web.StreamResponse:
    """The whole view."""
    asked = next((one for one in DIALOGS if one in visit.request.query), "")
    return await alert_view(visit, dialog=asked)


async def alert_view(
    visit: Visit, *, dialog: str = "", problem: str = "", typed: tuple[str, str] = ("", ""), status: int = 200
) -> web.Response:
    """The whole view with one of :data:`DIALOGS` open; ``problem`` and what was ``typed`` are about that one."""
    now = visit.context.clock()
    async with visit.context.records.read() as unit:
        alert, patient = await own_alert(visit, unit)
    await log_view(visit, patient.id, "alert", always=True)
    async with visit.context.records.read() as unit:
        parts = await parts_of(visit, unit, alert, patient)
        (facts,) = await gather(visit.context, unit, [patient], now)
        _alerts, fired = await opened_by(unit, patient, now - RANGES[_SPAN])
        similar = await unit.alerts.similar(alert, now - _SIMILAR)
        judged = await unit.judgements.get(alert.worst_reading)
        colleagues = [one for one in await unit.people.care_team(patient.team_id) if one.role is Role.CARE]
        report = (await unit.reports.of_alerts([alert.id])).get(alert.id)
        past = [await _past(visit, one.alert, one.note, one.resolved_by) for one in similar]
    rule, reading = parts["rule"], parts["reading"]
    series = await series_of(visit, facts, alert.kind, _SPAN, frozenset(fired))
    team = visit.request[PLACE].team
    return page(
        visit,
        "alert.html",
        _("Alert {number}: {word}").format(number=alert.id, word=parts["hero"].word.lower()),
        "/worklist",
        status=status,
        **parts,
        name=full_name(facts),
        born=born(patient.birth_year, now),
        why=parts["silence"]
        or view.why(
            alert,
            rule,
            reading.reading if reading is not None else None,
            None if judged is None else judged.explanation,
        ),
        quality=view.quality(reading.reading) if reading is not None else "",
        beside=did_not_fire(
            None if judged is None else judged.explanation,
            parts["plan"],
            alert.rule_id,
            reading.reading if reading is not None else None,
        ),
        plan_words=_plan_words(parts["plan"], in_force(facts.history, now), now),
        advice=advised(rule.advice) if rule is not None else "",
        chart=chart_place(series, patient.id, _SPAN),
        past=past,
        past_note=n_("{n} alert like this in 90 days", "{n} alerts like this in 90 days", len(past)).format(
            n=len(past)
        ),
        phone=patient.phone,
        team_phone=team.phone if team is not None else None,
        choices=[(one.value, view.outcome_name(one)) for one in CHOICES],
        note_needed=note_required(alert, Outcome.TRUE),
        max_note=MAX_NOTE,
        report=alert_line(report, now) if report is not None else None,
        dialog=dialog if alert.state.live or dialog == "note" else "",
        colleagues=[(str(one.id), _colleague(one, visit.user.id)) for one in colleagues if one.id != alert.owner_id],
        snooze_choices=snooze_choices(alert, now),
        snooze_note=alert.shown_level is Level.RED,
        problem=problem,
        typed=typed,
        kind=kind_name(alert.kind),
    )


def _colleague(user: User, viewer: UUID) -> str:
    name = staff_name(user.title, user.initials)
    return _("{name} (you)").format(name=name) if user.id == viewer else name


async def _past(visit: Visit, alert: Alert, note: str | None, by: str | None) -> view.Past:
    reading = await visit.context.readings.get(alert.worst_reading)
    took = age_text((alert.resolved_at or alert.opened_at) - alert.opened_at)
    return view.Past(
        str(reading_figure(reading.reading)) if reading is not None else kind_name(alert.kind),
        stamp(alert.effective_time, visit.context.clock()),
        view.past_text(alert.outcome, note, by, took),
        f"/alerts/{alert.id}",
    )


def _plan_words(plan: Plan | None, current: Plan | None, now: datetime) -> str:
    if plan is None:
        return ""
    day = day_stamp(plan.valid_from, now)
    if plan.author is None:
        text = _("Plan version {version}, since {day}").format(version=plan.version, day=day)
    else:
        text = _("Plan version {version}, set {day} by {author}").format(
            version=plan.version, day=day, author=plan.author
        )
    if current is not None and current.version != plan.version:
        text += _(" (version {version} holds now)").format(version=current.version)
    return text


@routes.get("/alerts/{alert}/parts")
@for_roles(Role.CARE, passive=True)
async def alert_parts(visit: Visit) -> web.StreamResponse:
    """Hero, timeline and bar as they are now."""
    async with visit.context.records.read() as unit:
        alert, patient = await own_alert(visit, unit)
        parts = await parts_of(visit, unit, alert, patient)
    await log_view(visit, patient.id, "alert", always=False)
    return html(render("alert_parts.html", **parts))
