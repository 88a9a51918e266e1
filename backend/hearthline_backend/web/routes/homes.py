"""What technicians see: the fleet and one home. No name, no measured value, not even by colour."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date

from hearthline_backend.alerting.home_calls import give_back_home_alert
from hearthline_backend.domain.plans import in_force
from hearthline_backend.events import Event
from hearthline_backend.storage.records.home_alerts import HomeAlert
from hearthline_backend.storage.records.homes import Assignment, Gateway, Sensor
from hearthline_backend.storage.records.people import Role
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _, current, n_
from hearthline_backend.web.pages import page
from hearthline_backend.web.routes.remote import own_gateway, remote_parts
from hearthline_backend.web.times import stamp
from hearthline_backend.web.views import home as one_home
from hearthline_backend.web.views import home_alerts, home_road
from hearthline_backend.web.views import homes as fleet

_LONGEST_SEARCH: Final = 60
_DAYS: Final = 7
KIND_OF: Final[Mapping[str, str]] = {
    "cuff": "blood_pressure",
    "oximeter": "oxygen_saturation",
    "scale": "body_weight",
    "thermometer": "body_temperature",
    "glucose_meter": "glucose",
    "heart_rate_strap": "heart_rate",
}
"""What each device measures: for counting, never for showing."""

routes = web.RouteTableDef()


async def _states(visit: Visit, unit: Unit) -> list[fleet.HomeState]:
    now = visit.context.clock()
    gateways = await unit.homes.gateways(visit.user.organisation_id)
    sensors = await unit.homes.sensors([one.name for one in gateways])
    by_gateway: dict[str, list[Sensor]] = {}
    for sensor in sensors:
        by_gateway.setdefault(sensor.gateway, []).append(sensor)
    behind = fleet.Behind(visit.context.broker_away_since(), visit.context.stores_away_since())
    return [fleet.state_of(one, by_gateway.get(one.name, ()), now, behind) for one in gateways]


@routes.get("/homes")
@for_roles(Role.TECHNICIAN, Role.ENGINEER)
async def homes(visit: Visit) -> web.StreamResponse:
    """The fleet."""
    now = visit.context.clock()
    wanted = visit.request.query.get("find", "").strip()[:_LONGEST_SEARCH]
    show = visit.request.query.get("show", "hand")
    async with visit.context.records.read() as unit:
        states = await _states(visit, unit)
        quarantined = await unit.quarantine.counts()
        live = await unit.home_alerts.live([one.gateway.name for one in states])
        people = await unit.people.users(_owners([one for alerts in live.values() for one in alerts]))
    known = {chip.name for chip in fleet.chips(states, show)}
    show = show if show in known else "hand"
    if show == "hand" and not wanted and not any(state.problems for state in states):
        show = "all"
    shown = fleet.visible(states, show, wanted)
    return page(
        visit,
        "homes.html",
        _("Homes: {answer}").format(answer=fleet.answer(states)),
        "/homes",
        over=n_("{n} home", "{n} homes", len(states)).format(n=len(states)),
        h1=fleet.answer(states),
        chips=fleet.chips(states, show),
        show=show,
        find=wanted,
        lines=[
            fleet.line(state, home_alerts.owner_words(live.get(state.gateway.name, ()), people, visit.user.id))
            for state in shown
        ],
        facts=fleet.fleet_facts(states, quarantined, now),
        total=len(states),
    )


@routes.get("/homes/{home}")
@for_roles(Role.TECHNICIAN, Role.ENGINEER)
async def home(visit: Visit) -> web.StreamResponse:
    """One home."""
    now = visit.context.clock()
    async with visit.context.records.read() as unit:
        state = next(
            (one for one in await _states(visit, unit) if one.gateway.home == visit.request.match_info["home"]), None
        )
        if state is None:
            raise web.HTTPNotFound
        kept = await unit.quarantine.listed(gateway=state.gateway.name, limit=20)
        remote = await remote_parts(visit, unit, state.gateway)
        held = await unit.homes.assignments(sensors_at=[sensor.address for sensor in state.sensors])
        alerts = await unit.home_alerts.of_home(state.gateway.name)
        owners = await unit.people.users(_owners(alerts))
        events = await unit.home_alerts.events([one.id for one in alerts])
    heading = one_home.heading(state)
    contact = state.gateway.heard_at
    return page(
        visit,
        "home.html",
        _("Home {home}: {heading}").format(home=state.gateway.home, heading=heading),
        "/homes",
        **remote,
        # The card keeps itself up to date: what is preserved inside it would be lost if it came along.
        refresh=visit.request.headers.get("HX-Target") == "board",
        h1=heading,
        lede=one_home.lede(state),
        road=home_road.road(state),
        step=one_home.next_step(state),
        meters=one_home.meter_lines(state),
        as_of=stamp(contact, now) if contact is not None else "",
        facts=one_home.gateway_facts(state),
        offline=state.offline,
        never=contact is None,
        alerts=home_alerts.lines(alerts, state.sensors, owners, visit.user.id, now),
        happened=one_home.happened(state, kept, home_alerts.entries(alerts, state.sensors, events, now)),
        weekdays=_weekdays(now, state.gateway.time_zone),
        arrived=await _arrived(visit, state, held, now),
    )


@routes.post("/homes/{home}/alerts/{alert}/take")
@for_roles(Role.TECHNICIAN, Role.ENGINEER)
async def take(visit: Visit) -> web.StreamResponse:
    """Take one of a home's alerts, or take it over from whom the page named; nothing changes where somebody else has it
    meanwhile, or it is over."""
    now, form = visit.context.clock(), await visit.request.post()
    async with visit.context.records.begin() as unit:
        gateway = await own_gateway(visit, unit)
        alert = await _alert_of(visit, unit, gateway)
        if await unit.home_alerts.take(alert.id, visit.user.id, now, _seen(str(form.get("had", "")))):
            await unit.notices.cancel(alert.id)
    visit.context.events.publish(Event("gateway", now, gateway=gateway.name))
    raise web.HTTPSeeOther(f"/homes/{gateway.home}")


@routes.post("/homes/{home}/alerts/{alert}/give-back")
@for_roles(Role.TECHNICIAN, Role.ENGINEER)
async def give_back(visit: Visit) -> web.StreamResponse:
    """Have it no more: the other technicians are told again."""
    now = visit.context.clock()
    async with visit.context.records.begin() as unit:
        gateway = await own_gateway(visit, unit)
        await give_back_home_alert(unit, await _alert_of(visit, unit, gateway), visit.user.id, now)
    visit.context.events.publish(Event("gateway", now, gateway=gateway.name))
    raise web.HTTPSeeOther(f"/homes/{gateway.home}")


async def _alert_of(visit: Visit, unit: Unit, gateway: Gateway) -> HomeAlert:
    number = visit.request.match_info["alert"]
    alert = await unit.home_alerts.get(int(number)) if number.isdecimal() and len(number) < 16 else None
    if alert is None or alert.gateway != gateway.name:
        raise web.HTTPNotFound
    return alert


def _seen(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _owners(alerts: Sequence[HomeAlert]) -> set[UUID]:
    return {one.owner_id for one in alerts if one.owner_id is not None}


def _days(now: datetime, zone: str) -> list[datetime]:
    midnight = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return [midnight - timedelta(days=_DAYS - 1 - number) for number in range(_DAYS + 1)]


def _weekdays(now: datetime, zone: str) -> list[str]:
    return [format_date(day.date(), "EEE", locale=current().locale) for day in _days(now, zone)[:_DAYS]]


async def _arrived(
    visit: Visit, state: fleet.HomeState, held: Sequence[Assignment], now: datetime
) -> tuple[one_home.Arrived, ...]:
    days = _days(now, state.gateway.time_zone)
    counts: dict[str, list[int]] = {}
    expected: dict[str, int] = {}
    for sensor in state.sensors:
        kind = KIND_OF.get(sensor.device)
        patients = {one.patient_id for one in held if one.sensor == sensor.address}
        if kind is None or not patients:
            continue
        counts[sensor.address] = [0] * _DAYS
        for patient_id in patients:
            rows = await visit.context.readings.window(patient_id, kind, days[0], days[-1])
            for row in rows:
                if row.reading.sensor == sensor.address and not row.reading.synthetic:
                    index = sum(row.reading.effective_time >= day for day in days[1:])
                    counts[sensor.address][index] += 1
            async with visit.context.records.read() as unit:
                plan = in_force(await unit.care.plan_history(patient_id), now)
            planned = 0 if plan is None else sum(slot.kind == kind for slot in plan.slots)
            expected[sensor.address] = expected.get(sensor.address, 0) + planned
    return one_home.arrived(counts, state.sensors, expected)
