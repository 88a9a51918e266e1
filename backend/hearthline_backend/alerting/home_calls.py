"""Opens and closes what is wrong in homes, and tells the technicians."""

from datetime import datetime
from uuid import UUID, uuid4

from hearthline_backend.alerting.calling import contacts_for
from hearthline_backend.domain.home_faults import Fault
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.calls import Notification, Occasion
from hearthline_backend.storage.records.home_alerts import HomeAlert, HomeHappened
from hearthline_backend.storage.records.homes import Gateway
from hearthline_backend.storage.records.notices import Notice, NoticeKind
from hearthline_backend.storage.records.unit import Unit

_EMERGENCY = "112"
"""Where no team says another number."""


async def open_home_alert(unit: Unit, gateway: str, fault: Fault, now: datetime) -> HomeAlert:
    """The one live alert of this fault. Its technicians are told when it is new."""
    alert, new = await unit.home_alerts.open(gateway, fault, now)
    if new:
        home = await unit.homes.gateway(gateway)
        if home is not None:
            await _call(unit, alert, home, now)
    elif alert.hops != fault.hops:
        await unit.home_alerts.change(alert, fault.hops, now)
    return alert


async def close_home_alert(unit: Unit, alert: HomeAlert, now: datetime) -> None:
    """It is no longer so: nobody has to be told any more."""
    await unit.home_alerts.close(alert.id, now)
    await unit.notices.cancel(alert.id)


async def give_back_home_alert(unit: Unit, alert: HomeAlert, user_id: UUID, now: datetime) -> bool:
    """Who has it has it no more, and the other technicians are told again; False where they had it not."""
    if not await unit.home_alerts.give_back(alert.id, user_id, now):
        return False
    home = await unit.homes.gateway(alert.gateway)
    if home is not None:
        await _call(unit, alert, home, now, but=user_id)
    return True


async def _call(unit: Unit, alert: HomeAlert, home: Gateway, now: datetime, but: UUID | None = None) -> None:
    teams = await unit.care.teams(home.organisation_id)
    number = teams[0].emergency_number if teams else _EMERGENCY
    path = f"/homes/{home.home}"
    wanted = Notice(0, NoticeKind.HOME, path, home.time_zone, number, now, home_alert_id=alert.id)
    notice = await unit.notices.add(wanted)
    rows = [
        Notification(uuid4(), None, user.id, contact.id, Occasion.RAISED, now, now, notice_id=notice.id)
        for user in await unit.people.technicians(home.organisation_id)
        if user.id != but
        for contact in contacts_for(Level.YELLOW, await unit.people.contacts(user.id))
    ]
    await unit.calls.add(rows)
    what = HomeHappened.CALLED if rows else HomeHappened.NOBODY_TO_CALL
    await unit.home_alerts.record(alert.id, now, what, detail={"users": sorted({str(row.user_id) for row in rows})})
