"""Replays a patient's past through the real judge, in order of arrival, with the clock of that day.

What the past called is marked sent at its time, so that the backend which starts afterwards sends none of it.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, zip_longest
from typing import Final

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.alerting.keeping import Changed
from hearthline_backend.alerting.report_confirming import ReportConfirmations
from hearthline_backend.events import EventBus
from hearthline_backend.storage.ports import PatientReading, ReadingStore, Records
from hearthline_backend.storage.records.alerts import AlertState, Happened
from hearthline_backend.storage.records.calls import AttemptOutcome
from hearthline_backend.storage.records.unit import Unit
from hearthline_simulator.ward.care_given import Act, acts_for
from hearthline_simulator.ward.enrolment import patient_id
from hearthline_simulator.ward.profiles import Profile
from hearthline_simulator.ward.readings import Sent
from hearthline_simulator.ward.staff import Staff
from hearthline_simulator.ward.stories import stories

_NOTABLE: Final = (158, 98)
"""From here on, in mmHg, a reading may change an alert; so may the first one after that."""
_SENT_AFTER: Final = timedelta(seconds=0.4)
_LEASE: Final = timedelta(minutes=1)
_CHANNELS: Final = ("mail", "webhook")
_MOST_CALLS: Final = 100


class PlayedClock:
    """A clock that shows the moment being replayed."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The moment."""
        return self.now


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the past is written."""

    records: Records
    readings: ReadingStore


class Replay:
    """One patient's past."""

    def __init__(self, stores: Stores, staff: Staff, profile: Profile, now: datetime) -> None:
        self._stores, self._staff, self._profile, self._end = stores, staff, profile, now
        self._clock = PlayedClock(now)
        self._judge = Judge(stores.readings)
        self._actions = ReportConfirmations(stores.records, EventBus(), self._clock)
        self._stories = stories(profile, now)
        self._acts: list[tuple[datetime, int, Act]] = []
        self._order = count()
        self._changed = False

    async def run(self, history: Sequence[Sent]) -> None:
        """Write and judge everything, and do what the team did about it."""
        for group in self._groups(history):
            await self._act_until(group[0].arrived)
            await self._take(group)
        await self._act_until(self._end)

    def _groups(self, history: Sequence[Sent]) -> Iterator[list[Sent]]:
        """Calm stretches as a whole; each ends with what may change an alert, at the second that this arrived.

        What a home sent together after days without internet stays together: a newer reading decides about an older.
        """
        group: list[Sent] = []
        ends = False
        for one, following in zip_longest(history, history[1:]):
            group.append(one)
            ends = ends or self._changed or notable(one)
            if following is None or (ends and following.arrived != one.arrived):
                ends = self._changed = False
                yield group
                group = []

    async def _take(self, group: list[Sent]) -> None:
        self._clock.now = group[-1].arrived
        gateway, patient = self._profile.gateway, patient_id(self._profile)
        rows = [PatientReading(patient, gateway, one.reading, one.arrived) for one in group]
        await self._stores.readings.write(rows)
        async with self._stores.records.begin() as unit:
            judged = await self._judge.judge(unit, rows, self._clock.now)
            if judged.called:
                await _mark_sent(unit, self._clock.now)
            for changed in judged.alerts:
                await self._follow(unit, changed)

    async def _follow(self, unit: Unit, changed: Changed) -> None:
        self._changed = True
        alert = await unit.alerts.get(changed.alert_id)
        if alert is None or changed.what not in (Happened.RAISED, Happened.REOPENED, Happened.WORSENED):
            return
        for act in acts_for(
            self._profile, alert.id, alert.level, self._clock.now, alert.last_effective_time, self._stories
        ):
            heapq.heappush(self._acts, (act.at, next(self._order), act))

    async def _act_until(self, moment: datetime) -> None:
        while self._acts and self._acts[0][0] < moment:
            await self._act(heapq.heappop(self._acts)[2])

    async def _act(self, act: Act) -> None:
        async with self._stores.records.begin() as unit:
            alert = await unit.alerts.get(act.alert_id)
            user = self._staff.on_call(act.by)
            await unit.people.log_access(user.id, patient_id(self._profile), "alert", act.at)
            report = (await unit.reports.of_alerts([act.alert_id])).get(act.alert_id)
        self._clock.now = act.at
        if act.outcome is not None and report is not None and report.waiting:  # who ends an alert reads its report
            await self._actions.confirm(report.patient_id, report.number, user)
        if alert is None or not alert.state.live:
            return  # a yellow that closed by itself meanwhile
        if act.outcome is None:
            if alert.state is AlertState.OPEN:
                await self._actions.acknowledge(act.alert_id, user)
        else:
            await self._actions.resolve(act.alert_id, user, act.outcome, act.note or "")


def notable(one: Sent) -> bool:
    """Whether this reading may change an alert."""
    values = one.reading.values
    limits = zip(("systolic", "diastolic"), _NOTABLE, strict=True)
    return any((values[name].value or 0) >= limit for name, limit in limits if name in values)


async def _mark_sent(unit: Unit, now: datetime) -> None:
    for claim in await unit.calls.claim(dict.fromkeys(_CHANNELS, _MOST_CALLS), now, _LEASE):
        sent = now + _SENT_AFTER
        await unit.calls.end_attempt(claim.notification.id, claim.attempt, AttemptOutcome.SENT, sent, None)
        await unit.calls.sent(claim.notification.id, sent)
