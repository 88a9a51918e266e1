"""Tells the technicians that a hop behind every home was away when measurements were due: once for each absence."""

from datetime import datetime
from typing import Final
from uuid import uuid4

from hearthline_backend.alerting.calling import contacts_for
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.absences import KeptAbsence
from hearthline_backend.storage.records.calls import Notification, Occasion
from hearthline_backend.storage.records.notices import Notice, NoticeKind
from hearthline_backend.storage.records.unit import Unit

PATH: Final = "/homes"


async def call_of_absence(unit: Unit, kept: KeptAbsence, now: datetime) -> None:
    """Every organisation's technicians: the hop is everybody's. Who has no team to call has no homes either."""
    if not await unit.absences.tell(kept, now):
        return
    for organisation in await unit.care.organisations():
        teams = await unit.care.teams(organisation.id)
        people = await unit.people.technicians(organisation.id)
        if not teams or not people:
            continue
        zone, number = teams[0].time_zone, teams[0].emergency_number
        notice = await unit.notices.add(Notice(0, NoticeKind.BEHIND, PATH, zone, number, now))
        rows = [
            Notification(uuid4(), None, user.id, contact.id, Occasion.RAISED, now, now, notice_id=notice.id)
            for user in people
            for contact in contacts_for(Level.YELLOW, await unit.people.contacts(user.id))
        ]
        await unit.calls.add(rows)
