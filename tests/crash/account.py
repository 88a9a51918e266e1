"""The count at the end: what is in the stores and in the mailbox, against what was sent and what follows from it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from uuid import UUID

from sqlalchemy import select

from hearthline_backend.domain.episodes import Episode
from hearthline_backend.storage.ports import ReadingStore, Records
from hearthline_backend.storage.records.alerts import AlertState
from hearthline_backend.storage.records.calls import NotificationState
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.storage.schema import alert_events, alert_readings, alerts, judged, notifications
from tests.crash.ward import RULE, Ward


@dataclass(slots=True)
class Account:
    """What is wrong, in words; ``stored`` are the ids in the store of readings, as often as they stand there, and
    ``repeats`` the calls that went again and said so."""

    stored: Counter[UUID] = field(default_factory=Counter, repr=False)
    repeats: int = 0
    wrong: list[str] = field(default_factory=list)

    def expect(self, right: bool, words: str) -> None:
        """Note what is not right."""
        if not right:
            self.wrong.append(words)


async def account(ward: Ward, readings: ReadingStore, records: Records, mails: Sequence[EmailMessage]) -> Account:
    """Count everything; ``wrong`` is empty where nothing was lost or doubled."""
    found = Account()
    await _stored(found, ward, readings)
    async with records.read() as unit:
        await _judged(found, ward, unit)
        for patient, expected in ward.episodes().items():
            await _alerts(found, patient, expected, unit)
        await _calls(found, ward, unit, mails)
    return found


async def _stored(found: Account, ward: Ward, readings: ReadingStore) -> None:
    expected = ward.readings
    for patient in await readings.patients():
        after = None
        while page := await readings.everything(patient, after, 200):
            after = (page[-1].effective_time, page[-1].id)
            for one in page:
                found.stored[one.id] += 1
                owner, reading = expected.get(one.id, (None, None))
                found.expect(owner == patient, f"{one.id} stands with the wrong patient")
                found.expect(one.reading == reading, f"{one.id} is not as it was sent first")
    missing, twice = expected.keys() - found.stored.keys(), [one for one, count in found.stored.items() if count > 1]
    found.expect(not missing, f"{len(missing)} readings are lost")
    found.expect(not twice, f"{len(twice)} readings stand twice")


async def _judged(found: Account, ward: Ward, unit: Unit) -> None:
    rows = (
        await unit.connection.execute(select(judged.c.reading_id, judged.c.patient_id, judged.c.effective_time))
    ).all()
    expected = {one: (patient, reading.effective_time) for one, (patient, reading) in ward.readings.items()}
    there = {row.reading_id: (row.patient_id, row.effective_time) for row in rows}
    found.expect(len(rows) == len(there), "a reading is judged twice")
    found.expect(
        there == expected, f"{len(expected.keys() ^ there.keys())} readings lack their judgement, or are strange"
    )


async def _alerts(found: Account, patient: UUID, expected: tuple[Episode, ...], unit: Unit) -> None:
    query = select(alerts).where(alerts.c.patient_id == patient, alerts.c.state != AlertState.WITHDRAWN.value)
    left = list(await unit.connection.execute(query))
    for episode in expected:
        holding = []
        for row in left:
            linked = select(alert_readings.c.reading_id).where(alert_readings.c.alert_id == row.id)
            if set(await unit.connection.scalars(linked)) >= set(episode.readings):
                holding.append(row)
        words = f"the episode of {episode.first_time:%d %B} has {len(holding)} alerts"
        found.expect(len(holding) == 1, words)
        for row in holding:
            left.remove(row)
            found.expect(row.rule_id == RULE, f"{words} of another rule")
            found.expect(row.level == episode.level.value, f"{words} of level {row.level}, not {episode.level}")
            found.expect(bool(row.cleared) == episode.cleared, f"{words}, cleared: {row.cleared}")
            raised = select(alert_events.c.id).where(alert_events.c.alert_id == row.id, alert_events.c.what == "raised")
            found.expect(len((await unit.connection.execute(raised)).all()) == 1, f"{words}, not raised once")
    found.expect(not left, f"{len(left)} alerts belong to no episode")


async def _calls(found: Account, ward: Ward, unit: Unit, mails: Sequence[EmailMessage]) -> None:
    rows = (await unit.connection.execute(select(notifications))).all()
    mailed: dict[str, list[bool]] = {}
    for mail in mails:
        mailed.setdefault(str(mail["Message-ID"]).strip("<>").partition("@")[0], []).append("Hearthline-Repeat" in mail)
    found.expect(
        {str(row.id) for row in rows} == mailed.keys(), "a call was not sent, or was sent and is not on record"
    )
    for row in rows:
        found.expect(row.state == NotificationState.SENT.value, f"a call is {row.state} at the end")
    found.repeats = sum(any(repeats) for repeats in mailed.values())
    for repeats in mailed.values():
        found.expect(all(repeats[1:]), "a mail went again and does not say repeat")
    called = Counter((row.alert_id, row.occasion) for row in rows)
    found.expect(set(called.values()) <= {1}, "somebody was called twice for the same")
    live = select(alerts.c.id).where(alerts.c.level == "red", alerts.c.review.is_(False))
    expected = set(await unit.connection.scalars(live))
    found.expect(len(expected) == len(ward.homes), f"{len(expected)} live reds of {len(ward.homes)}")
    raised = {alert for alert, occasion in called if occasion == "raised"}
    found.expect(expected <= raised, f"{len(expected - raised)} live reds called nobody")
