"""Fills the ward with what is about people and silence: a rota with a gap, a missing reading, a home that is away."""

from datetime import time, timedelta
from uuid import NAMESPACE_URL, uuid5

from hearthline_backend.alerting.home_calls import open_home_alert
from hearthline_backend.domain.home_faults import Fault
from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.domain.rotas import Holiday, StandIn
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.silence import Hop
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened
from hearthline_backend.storage.records.reports import Report
from hearthline_backend.storage.records.rota_content import QuietContent, RotaContent, StepContent, TurnContent
from tests.browser.ward import ZONE, Ward

_WEEKEND = (4, 6)


async def rota(ward: Ward) -> None:
    """Two versions by two people; nobody is on call from Friday to Sunday evening."""
    me, other, doctor = (ward.users[one].id for one in ("nurse", "second", "doctor"))
    now = ward.clock()
    first = (
        *(TurnContent(weekday=day, at=time(8), people=(me,)) for day in range(5)),
        *(TurnContent(weekday=day, at=time(20), people=(other, me)) for day in range(4)),
        TurnContent(weekday=_WEEKEND[0], at=time(20), people=()),
        TurnContent(weekday=_WEEKEND[1], at=time(20), people=(doctor,)),
    )
    second = (TurnContent(weekday=0, at=time(8), people=(doctor,)), TurnContent(weekday=4, at=time(8), people=()))
    content = RotaContent(
        zone=ZONE,
        first_week=now.date(),
        places=(first, second),
        steps=(
            StepContent(place=0, wait=timedelta(minutes=10)),
            StepContent(title="Doctor", wait=timedelta(minutes=15)),
        ),
        last_resort=(doctor,),
        quiet=(QuietContent(begins=time(22), ends=time(7), zone=ZONE),),
    )
    async with ward.records.begin() as unit:
        if await unit.rotas.newest(ward.team):
            return
        before = now - timedelta(days=3)
        await unit.rotas.add_version(
            ward.team, content, valid_from=before, created_at=before, reason="as agreed", author_id=doctor
        )
        newer = content.model_copy(update={"quiet": ()})
        await unit.rotas.add_version(
            ward.team, newer, valid_from=now, created_at=now, reason="no quiet hours", author_id=me
        )
        away = StandIn(other, me, now + timedelta(days=2), now + timedelta(days=3))
        await unit.rotas.add_stand_in(ward.team, away, "leave", created_at=now, author_id=me)
        day = Holiday((now + timedelta(days=5)).date(), like=6)
        await unit.rotas.add_holiday(ward.team, day, "Midsummer", created_at=now, author_id=me)


async def of_astrid(ward: Ward) -> None:
    """What Astrid reads about herself: a report that somebody has confirmed, and pauses that are over."""
    now, astrid, day = ward.clock(), ward.patient_id("Astrid"), timedelta(days=1)
    async with ward.records.begin() as unit:
        if await unit.reports.of_patient(astrid, 1):
            return
        for begins, length, kind, note in ((60, 9, PauseKind.AWAY, None), (30, 6, PauseKind.HOSPITAL, "Ward 12")):
            start = now - begins * day
            pause = Pause(kind, start, start + length * day)
            await unit.pauses.begin(astrid, pause, now=start, note=note, by=ward.users["doctor"].id)
            await unit.pauses.end(astrid, now=start + (length - 2) * day, by=ward.users["nurse"].id)
        (other, *_) = await unit.reports.of_patient(ward.patient_id("Ingrid"), 1)
        content = await unit.reports.content(other.id)
        (alert, *_) = await unit.alerts.open_of_patient(astrid)
        made = now - timedelta(minutes=7)
        wanted = Report(0, astrid, 0, made, made + timedelta(hours=4), None, (alert.alert.id,))
        report = await unit.reports.add(wanted, content)
    if report is not None:
        who = ward.users["second"]
        await ward.context().confirmations.confirm(astrid, report.number, who, "Called. She feels well.")


async def silence(ward: Ward) -> int:
    """The number of an alert about what did not come."""
    now, patient = ward.clock(), ward.patient_id("Per")
    episode = uuid5(NAMESPACE_URL, f"silence/{patient}")
    wanted = Alert(
        id=0,
        patient_id=patient,
        rule_id="missing.blood_pressure",
        episode=episode,
        kind="blood_pressure",
        level=Level.YELLOW,
        state=AlertState.OPEN,
        cleared=False,
        review=False,
        plan_version=1,
        opened_at=now,
        effective_time=now - timedelta(hours=30),
        last_effective_time=now - timedelta(hours=6),
        worst_reading=episode,
    )
    detail = {
        "slots": 2,
        "hops": [Hop.NOT_MEASURED.value, Hop.METER.value],
        "since": (now - timedelta(days=2)).isoformat(),
        "care": True,
        "technician": True,
    }
    async with ward.records.begin() as unit:
        alert, new = await unit.alerts.add(wanted)
        if new:
            await unit.alerts.record(alert.id, now, Happened.RAISED, detail=detail)
    return alert.id


async def home_alert(ward: Ward) -> str:
    """A home with an alert that the technician has."""
    async with ward.records.begin() as unit:
        (gateway,) = [one for one in await unit.homes.gateways() if one.home == "0219"]
        fault = Fault("silent_hop", "", (Hop.GATEWAY, Hop.NETWORK), gateway.heard_at)
        alert = await open_home_alert(unit, gateway.name, fault, ward.clock())
        await unit.home_alerts.take(alert.id, ward.users["technician"].id, ward.clock())
    return gateway.home
