"""Synthetic readings: stored, judged and answered like others, never among a patient's, and erased after 48 h."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hearthline_backend.alerting.synthetic import SyntheticAlerts, SyntheticEvents
from hearthline_backend.domain.synthetic import LIMIT, alerting, hours_home
from hearthline_backend.ingest.synthetic import KEPT
from hearthline_backend.operations.metrics import Metrics
from hearthline_backend.storage.schema import due, judged
from hearthline_backend.watch.rounds import synthetic_reading
from hearthline_protocol import topics
from hearthline_protocol.messages import Receipt, ReceiptStatus, SyntheticAlert
from tests.fixtures.ingesting import Ingesting, batch, ingesting
from tests.fixtures.readings import pressure, value
from tests.fixtures.records import NOW, Engine

WATCH = "watch"
HOME = "home-0001"


@pytest.fixture
async def parts(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ingesting]:
    async with ingesting(tmp_path, engine=records_engine) as made:
        yield made


class Told:
    """The two jobs of what is due, at a time that a test sets."""

    def __init__(self, parts: Ingesting) -> None:
        self.now = NOW
        self.jobs = SyntheticAlerts(parts.records, parts.readings, parts.events, lambda: self.now, Metrics())
        self.jobs.answer_through(parts.uplink)


async def _rows(parts: Ingesting) -> tuple[int, int]:
    async with parts.records.read() as unit:
        planned = await unit.connection.scalar(select(func.count()).select_from(due))
        registered = await unit.connection.scalar(select(func.count()).select_from(judged))
    return int(planned or 0), int(registered or 0)


async def test_the_watchdogs_reading_is_stored_judged_and_answered_without_its_being_enrolled(parts: Ingesting) -> None:
    told, reading = Told(parts), synthetic_reading(NOW)
    message = parts.uplink.send(WATCH, batch(reading), None)
    await parts.take()
    assert parts.uplink.acknowledged == [message]
    (topic, payload, _) = parts.uplink.published[0]
    (entry,) = Receipt.model_validate_json(payload).readings
    assert (topic, entry.id, entry.status) == (topics.receipts(WATCH), reading.id, ReceiptStatus.STORED)
    assert parts.commits, "what is due is looked at at once"
    async with parts.events.subscribe() as events:
        assert await told.jobs.tell_due() == 1
        event = await anext(events)
    assert (event.kind, event.gateway, event.patient_id) == ("synthetic", WATCH, None)
    topic, payload, _ = parts.uplink.published[1]
    alert = SyntheticAlert.model_validate_json(payload)
    assert (topic, alert.synthetic_alert, alert.calls_waiting_s) == (topics.receipts(WATCH), reading.id, 0.0)
    assert await told.jobs.tell_due() == 0
    assert (await _rows(parts))[1] == 0, "it is in no patient's register"
    assert parts.judge.given == []
    assert await parts.quarantined() == []


async def test_it_may_come_twice_and_is_one_reading(parts: Ingesting) -> None:
    reading = synthetic_reading(NOW)
    for _ in range(3):
        parts.uplink.send(WATCH, batch(reading))
    await parts.take()
    assert len(await parts.readings.everything(hours_home(NOW))) == 1
    assert (await _rows(parts))[0] == 2, "one alert and one hour to erase"


async def test_a_gateways_proof_is_stored_whosever_the_meter_is_and_raises_nothing(parts: Ingesting) -> None:
    own = pressure(186, 112, synthetic=True)
    strange = pressure(186, 112, synthetic=True, sensor="00:00:00:00:00:00")
    real = pressure()
    parts.uplink.send(HOME, batch(own, real, strange))
    await parts.take()
    (receipt,) = parts.uplink.receipts
    assert {one.id: one.status for one in receipt.readings} == dict.fromkeys(
        (own.id, real.id, strange.id), ReceiptStatus.STORED
    )
    assert parts.judge.given == [real.id]
    stored = await parts.readings.everything(parts.household.patient)
    assert [one.id for one in stored] == [real.id]
    assert await Told(parts).jobs.tell_due() == 0


async def test_nothing_but_synthetic_readings_is_taken_from_the_watchdog(parts: Ingesting) -> None:
    parts.uplink.send(WATCH, batch(synthetic_reading(NOW), pressure()))
    parts.uplink.send("strange-9", batch(synthetic_reading(NOW + timedelta(seconds=1))))
    await parts.take()
    statuses = {one.status for receipt in parts.uplink.receipts for one in receipt.readings}
    assert statuses == {ReceiptStatus.HELD}
    assert await parts.readings.everything(hours_home(NOW)) == []


async def test_they_are_erased_after_48_hours(parts: Ingesting) -> None:
    told = Told(parts)
    parts.uplink.send(WATCH, batch(synthetic_reading(NOW)))
    await parts.take()
    await told.jobs.tell_due()
    told.now = NOW + KEPT
    assert await told.jobs.erase_due() == 0
    assert len(await parts.readings.everything(hours_home(NOW))) == 1
    told.now = NOW + KEPT + timedelta(hours=1)
    assert await told.jobs.erase_due() == 1
    assert await parts.readings.everything(hours_home(NOW)) == []
    assert await _rows(parts) == (0, 0)


async def test_a_call_that_nobody_makes_is_told_with_its_age(parts: Ingesting) -> None:
    told = Told(parts)
    async with parts.records.begin() as unit:
        row = {"id": parts.household.patient, "what": "escalate", "payload": {}, "due_at": NOW - timedelta(seconds=95)}
        await unit.connection.execute(due.insert().values(**row))
    parts.uplink.send(WATCH, batch(synthetic_reading(NOW)))
    await parts.take()
    await told.jobs.tell_due()
    alert = SyntheticAlert.model_validate_json(parts.uplink.published[-1][1])
    assert alert.calls_waiting_s == 95


async def test_synthetic_rows_are_no_escalations_business(parts: Ingesting) -> None:
    parts.uplink.send(WATCH, batch(synthetic_reading(NOW)))
    await parts.take()
    async with parts.records.begin() as unit:
        assert await unit.calls.due_now(NOW + timedelta(days=9), 50) == []
        assert await unit.calls.next_task_at() is None


def test_the_rule_fires_at_its_limit_and_not_below() -> None:
    at, below = (
        synthetic_reading(NOW).model_copy(update={"values": {"rate": value(number, "/min")}})
        for number in (LIMIT, LIMIT - 1)
    )
    assert alerting([at]) == [at.id]
    assert alerting([below]) == []


def test_nothing_was_heard_before_the_first_event() -> None:
    assert SyntheticEvents().last_at is None
