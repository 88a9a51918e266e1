"""A care team's morning: how many are red, yellow, silent and green. Where all are green nobody is told."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from hearthline_backend.alerting.calling import contacts_for
from hearthline_backend.domain.local_time import day_of, first_instant
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.calls import Notification, Occasion
from hearthline_backend.storage.records.care import Team
from hearthline_backend.storage.records.digests import Digest
from hearthline_backend.storage.records.notices import Notice, NoticeKind
from hearthline_backend.storage.records.silence import MISSING
from hearthline_backend.storage.records.unit import Unit

MORNING: Final = time(7)
AT_ONCE: Final = 20
PATH: Final = "/worklist"


def next_morning(zone: str, now: datetime) -> datetime:
    """When the next morning of a team begins, by the clock on its wall."""
    tz = ZoneInfo(zone)
    today = day_of(now, tz)
    coming = (first_instant(today + timedelta(days=number), MORNING, tz) for number in (0, 1))
    return next(at for at in coming if at > now)


class MorningDigest:
    """One for each team and day; a morning on which nobody ran is told later that day."""

    def __init__(self, records: Records, *, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._clock = clock

    async def run_due(self) -> int:
        """Tell the teams whose morning has come; returns how many those were."""
        now = self._clock()
        async with self._records.read() as unit:
            first = await unit.silence.next_digest_at()
        if first is None or first > now:
            return 0
        async with self._records.begin() as unit:
            teams = await unit.silence.claim_digests(now, AT_ONCE)
            for team_id in teams:
                team = await unit.care.team(team_id)
                if team is not None:
                    await self._of_team(unit, team, now)
                    await unit.silence.digest_at(team_id, next_morning(team.time_zone, now))
        return len(teams)

    async def _of_team(self, unit: Unit, team: Team, now: datetime) -> None:
        tz = ZoneInfo(team.time_zone)
        today = day_of(now, tz)
        if now < first_instant(today, MORNING, tz):
            return  # a team that is watched from now on
        digest = await counted(unit, team.id, today.isoformat(), now)
        kept = await unit.digests.add(digest)
        if kept is None or digest.all_green:
            return
        wanted = Notice(0, NoticeKind.DIGEST, PATH, team.time_zone, team.emergency_number, now, digest_id=kept)
        notice = await unit.notices.add(wanted)
        on_call = [one.user.id for one in await unit.people.on_call(team.id, now)]
        people = on_call or [one.id for one in await unit.people.care_team(team.id)]
        rows = [
            Notification(uuid4(), None, user, contact.id, Occasion.RAISED, now, now, notice_id=notice.id)
            for user in dict.fromkeys(people)
            for contact in contacts_for(Level.YELLOW, await unit.people.contacts(user))
        ]
        await unit.calls.add(rows)


async def counted(unit: Unit, team_id: UUID, day: str, now: datetime) -> Digest:
    """How a team's patients stand: the worst of each counts."""
    patients = {one.id for one in await unit.care.patients(team_id=team_id)}
    red: set[UUID] = set()
    yellow: set[UUID] = set()
    silent: set[UUID] = set()
    for one in await unit.alerts.open_of_team(team_id):
        alert = one.alert
        if alert.shown_level is Level.RED:
            red.add(alert.patient_id)
        elif alert.rule_id.startswith(MISSING):
            silent.add(alert.patient_id)
        else:
            yellow.add(alert.patient_id)
    yellow -= red
    silent -= red | yellow
    green = len(patients - red - yellow - silent)
    unread = len(await unit.reports.waiting_of_team(team_id))
    return Digest(team_id, day, now, len(red), len(yellow), len(silent), green, unread)
