"""The patient's own view."""

from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import web

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Alert, AlertState
from hearthline_backend.storage.records.people import Role
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.routes.patient import chart_place, kinds_of, opened_by, series_of
from hearthline_backend.web.times import long_date
from hearthline_backend.web.views import my_data as view
from hearthline_backend.web.views.corrected import for_patient
from hearthline_backend.web.views.facts import PatientFacts, gather
from hearthline_backend.web.views.limits import rules_of
from hearthline_backend.web.views.my_pauses import my_pauses
from hearthline_backend.web.views.my_reports import my_reports
from hearthline_backend.web.views.patient import slot_lines
from hearthline_backend.web.views.series import RANGES

_SPAN: Final = "14d"
_AHEAD: Final = timedelta(minutes=5)
_TOLD: Final = 60
_LOOKED: Final = 200
_CORRECTED: Final = timedelta(days=365)

routes = web.RouteTableDef()


@routes.get("/my-data")
@for_roles(Role.PATIENT)
async def my_data(visit: Visit) -> web.StreamResponse:
    """What was stored, who was told, reports, who looked, the plan and its pauses."""
    now, place = visit.context.clock(), visit.request[PLACE]
    if place.patient is None:
        raise web.HTTPNotFound
    async with visit.context.records.read() as unit:
        (facts,) = await gather(visit.context, unit, [place.patient], now)
        _alerts, fired = await opened_by(unit, place.patient, now - RANGES[_SPAN])
        told = await unit.calls.of_patient(place.patient.id, _TOLD)
        looked = await unit.people.looks(place.patient.id, _LOOKED)
        corrected = await unit.corrections.of_patient(place.patient.id, now - _CORRECTED, _TOLD)
        reports = await my_reports(unit, place.patient.id, facts.history, now, _TOLD)
        pauses = my_pauses(await unit.pauses.history(place.patient.id), now)
        top = await _top(unit, facts, now)
    kinds = kinds_of(facts)
    rows: list[PatientReading] = []
    charts = []
    for kind in kinds:
        rows += await visit.context.readings.window(place.patient.id, kind, now - RANGES[_SPAN], now + _AHEAD)
        series = await series_of(visit, facts, kind, _SPAN, frozenset(fired))
        if series.readings:
            charts.append(chart_place(series, place.patient.id, _SPAN))
    return page(
        visit,
        "my_data.html",
        _("My readings"),
        "/my-data",
        patient=place.patient,
        day=long_date(now),
        stored=view.stored(rows, now),
        charts=charts,
        told=view.told_lines(told, now),
        looked=view.looked_lines(looked, now),
        corrected=for_patient(corrected, place.patient.id, now),
        reports=reports,
        pauses=pauses,
        slots=slot_lines(facts.plan),
        phone=place.team.phone if place.team is not None else None,
        **top,
    )


async def _top(unit: Unit, facts: PatientFacts, now: datetime) -> dict[str, Any]:
    newest = facts.newest
    if newest is None:
        return {"h1": view.answer(None, None, None, now), "latest": None}
    alert = await _alert_of(unit, newest)
    events = await unit.alerts.events(alert.id) if alert is not None else ()
    told = await unit.calls.of_alert(alert.id) if alert is not None else ()
    owner = await unit.people.user(alert.owner_id) if alert is not None and alert.owner_id is not None else None
    rules = rules_of(facts.plan, newest.reading.kind)
    return {
        "h1": view.answer(newest, alert, owner.title if owner is not None else None, now),
        "latest": view.latest_card(newest, rules, alert, _rule_of(facts, alert), events, told, now),
    }


def _rule_of(facts: PatientFacts, alert: Alert | None) -> Rule | None:
    """The rule that raised the alert, in the version that judged."""
    if alert is None:
        return None
    plan = next((one for one in facts.history if one.version == alert.plan_version), None)
    return None if plan is None else plan.rule(alert.rule_id)


async def _alert_of(unit: Unit, newest: PatientReading) -> Alert | None:
    found = [one for one in await unit.alerts.with_reading(newest.reading.id) if one.state is not AlertState.WITHDRAWN]
    return max(found, key=lambda one: one.shown_level.rank, default=None)
