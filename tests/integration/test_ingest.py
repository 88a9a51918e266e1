"""Ingest on real Records: every message ends stored, held or rejected, is answered, and acknowledged no earlier."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from hearthline_backend.events import Event
from hearthline_backend.ingest.held import HeldRetry
from hearthline_backend.ingest.worker import IN_THE_WAY
from hearthline_backend.storage.records.homes import Assignment, Sensor
from hearthline_protocol.messages import GatewayStatus, ReceiptStatus
from hearthline_protocol.topics import readings as readings_topic
from hearthline_protocol.topics import receipts as receipts_topic
from hearthline_protocol.topics import status as status_topic
from tests.fixtures.ingesting import Ingesting, batch, ingesting
from tests.fixtures.readings import pressure
from tests.fixtures.records import NOW, Engine, Household, seed, seed_assignment, seed_gateway

HOME = "home-0001"
WITHIN_S = 10


@pytest.fixture
async def parts(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ingesting]:
    async with ingesting(tmp_path, engine=records_engine) as made:
        yield made


def _answers(parts: Ingesting) -> list[dict[UUID, ReceiptStatus]]:
    return [{entry.id: entry.status for entry in receipt.readings} for receipt in parts.uplink.receipts]


async def test_a_batch_is_stored_judged_acknowledged_and_answered(parts: Ingesting) -> None:
    readings = [pressure(), pressure()]
    message = parts.uplink.send(HOME, batch(*readings), b"batch-7")
    async with parts.events.subscribe() as events:
        await parts.take()
        event = await anext(events)
    assert event == Event("reading", NOW, patient_id=parts.household.patient, team_id=parts.household.team)
    assert len(parts.readings) == 2
    assert parts.judge.given == [one.id for one in readings]
    assert parts.uplink.acknowledged == [message]
    ((topic, payload, correlation),) = parts.uplink.published
    assert (topic, correlation) == (receipts_topic(HOME), b"batch-7")
    assert json.loads(payload) == {
        "batch": "batch-7",
        "readings": [{"id": str(one.id), "status": "stored"} for one in readings],
    }
    assert parts.commits == [None]
    stored = await parts.readings.get(readings[0].id)
    assert stored is not None
    assert (stored.patient_id, stored.gateway, stored.stored_time) == (parts.household.patient, HOME, NOW)
    async with parts.records.read() as unit:
        gateway = await unit.homes.gateway(HOME)
    assert gateway is not None
    assert gateway.heard_at == NOW


async def test_what_comes_again_is_answered_again_and_changes_nothing(parts: Ingesting) -> None:
    reading = pressure()
    for effective in (reading.effective_time, NOW - timedelta(days=3), reading.effective_time):
        parts.uplink.send(HOME, batch(pressure(id=reading.id, effective_time=effective)))
        await parts.take()
    assert len(parts.readings) == 1
    assert parts.judge.given == [reading.id]
    assert _answers(parts) == [{reading.id: ReceiptStatus.STORED}] * 3
    stored = await parts.readings.get(reading.id)
    assert stored is not None
    assert stored.reading.effective_time == reading.effective_time


async def test_the_same_batch_twice_in_one_group(parts: Ingesting) -> None:
    reading = pressure()
    parts.uplink.send(HOME, batch(reading), b"one")
    parts.uplink.send(HOME, batch(reading), b"two")
    await parts.take()
    assert parts.judge.given == [reading.id]
    (receipt,) = parts.uplink.receipts  # one for both: a home settles by ids
    assert receipt.batch == "two"
    assert {entry.id for entry in receipt.readings} == {reading.id}


async def test_stored_but_not_judged_is_judged_as_it_was_stored(parts: Ingesting) -> None:
    reading = pressure()
    parts.judge.fails = {reading.id}
    parts.uplink.send(HOME, batch(reading))
    await parts.take()
    assert len(parts.readings) == 1
    assert _answers(parts) == [{reading.id: ReceiptStatus.HELD}]
    parts.judge.fails = set()
    parts.uplink.send(HOME, batch(pressure(60, 40, id=reading.id)))
    await parts.take()
    assert parts.judge.given == [reading.id]
    assert _answers(parts)[-1] == {reading.id: ReceiptStatus.STORED}
    async with parts.records.read() as unit:
        judgement = await unit.judgements.get(reading.id)
    assert judgement is not None
    assert judgement.effective_time == reading.effective_time


async def test_one_message_that_defeats_us_is_held_whole_and_the_others_flow(parts: Ingesting) -> None:
    good, poison, late = pressure(), pressure(), pressure()
    parts.judge.fails = {poison.id}
    for number, reading in enumerate((good, poison, late)):
        parts.uplink.send(HOME, batch(reading), str(number).encode())
    await parts.take()
    assert parts.judge.given == [good.id, late.id]
    assert _answers(parts) == [
        {good.id: ReceiptStatus.STORED},
        {poison.id: ReceiptStatus.HELD},
        {late.id: ReceiptStatus.STORED},
    ]
    assert len(parts.uplink.acknowledged) == 3
    (row,) = await parts.quarantined()
    assert (row.status, row.reason, row.payload) == ("held", "not_processed", batch(poison))
    assert await parts.ingest.retry_held() == 0
    parts.judge.fails = set()
    assert await parts.ingest.retry_held() == 1
    assert parts.judge.given[-1] == poison.id
    assert _answers(parts)[-1] == {poison.id: ReceiptStatus.STORED}
    assert [row.status for row in await parts.quarantined()] == ["released"]


async def test_a_bad_reading_is_quarantined_and_answered_and_the_others_are_stored(parts: Ingesting) -> None:
    good, bad = pressure(), pressure(400)
    parts.uplink.send(HOME, batch(good, bad), b"mixed")
    parts.uplink.send(HOME, batch(bad), b"again")
    await parts.take()
    assert _answers(parts) == [
        {good.id: ReceiptStatus.STORED, bad.id: ReceiptStatus.REJECTED},
        {bad.id: ReceiptStatus.REJECTED},
    ]
    (row,) = await parts.quarantined()
    assert (row.gateway, row.status, row.reason) == (HOME, "rejected", "impossible_value")
    assert (row.reading_id, row.count) == (bad.id, 2)
    assert "330" in row.message


@pytest.mark.parametrize(
    ("payload", "reason", "status"),
    [
        (b"no json", "not_json", ReceiptStatus.REJECTED),
        (b"{}", "wrong_schema", ReceiptStatus.REJECTED),
        (b'{"schema": 9, "readings": "tomorrow"}', "newer_schema", ReceiptStatus.HELD),
        (b" " * 300_000, "oversized", ReceiptStatus.REJECTED),
    ],
)
async def test_a_message_nobody_can_read_is_answered_by_batch(
    parts: Ingesting, payload: bytes, reason: str, status: ReceiptStatus
) -> None:
    parts.uplink.send(HOME, payload, b"b-1")
    await parts.take()
    (receipt,) = parts.uplink.receipts
    assert (receipt.batch, receipt.readings, receipt.status) == ("b-1", (), status)
    (row,) = await parts.quarantined()
    assert (row.reason, row.status, row.payload_bytes) == (reason, status.value, len(payload))
    assert row.payload is not None
    assert row.payload == payload[: len(row.payload)]


@pytest.mark.parametrize(("correlation", "batch_id"), [(None, ""), (b"\xff\x00", "ff00"), (b"x" * 99, "x" * 64)])
async def test_any_correlation_comes_back_as_it_was(parts: Ingesting, correlation: bytes | None, batch_id: str) -> None:
    parts.uplink.send(HOME, batch(pressure()), correlation)
    await parts.take()
    ((_, _, sent),) = parts.uplink.published
    assert sent == correlation
    assert parts.uplink.receipts[0].batch == batch_id


async def test_a_topic_that_names_no_gateway_is_kept_apart(parts: Ingesting) -> None:
    message = parts.uplink.put(readings_topic("Not A Name"), batch(pressure()))
    await parts.take()
    assert parts.uplink.acknowledged == [message]
    assert [row.reason for row in await parts.quarantined()] == ["bad_topic"]


# --- held until somebody enrols or assigns --------------------------------------------------------------------------


async def test_a_stranger_is_held_whole_and_taken_after_enrolment(tmp_path: Path, records_engine: Engine) -> None:
    async with ingesting(tmp_path, gateway=False, engine=records_engine) as parts:
        good, bad = pressure(), pressure(400)
        parts.uplink.send(HOME, batch(good, bad), b"early")
        await parts.take()
        assert _answers(parts) == [{good.id: ReceiptStatus.HELD, bad.id: ReceiptStatus.HELD}]
        assert await parts.ingest.retry_held() == 0
        assert len(parts.uplink.published) == 1  # nothing new to say
        async with parts.records.begin() as unit:
            await seed_gateway(unit, parts.household)
            await seed_assignment(unit, parts.household)
        assert await parts.ingest.retry_held() == 1
        assert _answers(parts)[-1] == {good.id: ReceiptStatus.STORED, bad.id: ReceiptStatus.REJECTED}
        assert parts.uplink.published[-1][2] == b"early"
        assert parts.judge.given == [good.id]
        statuses = {row.reason: (row.status, row.payload is None) for row in await parts.quarantined()}
        assert statuses == {"unknown_gateway": ("released", True), "impossible_value": ("rejected", False)}


async def test_an_unregistered_then_unassigned_meter_is_held_reading_by_reading(
    tmp_path: Path, records_engine: Engine
) -> None:
    async with ingesting(tmp_path, assignment=False, engine=records_engine) as parts:
        reading, other = pressure(), pressure(sensor="C0:00:00:00:00:99")
        parts.uplink.send(HOME, batch(reading, other))
        await parts.take()
        assert set(_answers(parts)[0].values()) == {ReceiptStatus.HELD}
        rows = await parts.quarantined()
        assert {(row.reason, row.reading_id) for row in rows} == {
            ("not_assigned", reading.id),
            ("unknown_sensor", other.id),
        }
        async with parts.records.begin() as unit:
            await seed_assignment(unit, parts.household)
            await unit.homes.add_sensor(Sensor(other.sensor, HOME, "x", "cuff", NOW))
        assert await parts.ingest.retry_held() == 1
        assert [row.reason for row in await parts.quarantined() if row.status == "held"] == ["not_assigned"]
        async with parts.records.begin() as unit:
            since = parts.household.since
            await unit.homes.assign(Assignment(uuid4(), other.sensor, parts.household.patient, since))
        assert await parts.ingest.retry_held() == 1
        assert len(parts.readings) == 2
        assert {row.status for row in await parts.quarantined()} == {"released"}


async def test_what_is_added_is_noticed_without_being_told(tmp_path: Path, records_engine: Engine) -> None:
    async with ingesting(tmp_path, gateway=False, engine=records_engine) as parts:
        parts.uplink.send(HOME, batch(pressure()))
        await parts.take()
        retrying = asyncio.create_task(HeldRetry(parts.ingest, parts.records, look_every_s=0.01).run())
        async with parts.events.subscribe() as events:
            async with parts.records.begin() as unit:
                await seed_gateway(unit, parts.household)
                await seed_assignment(unit, parts.household)
            async with asyncio.timeout(WITHIN_S):
                while (await anext(events)).kind != "reading":
                    pass
        assert len(parts.readings) == 1
        retrying.cancel()
        await asyncio.gather(retrying, return_exceptions=True)


async def test_a_reading_belongs_to_who_had_the_meter_when_it_was_measured(parts: Ingesting) -> None:
    other = Household(organisation=parts.household.organisation, team=parts.household.team, gateway="home-0002")
    swap = NOW - timedelta(days=1)
    async with parts.records.begin() as unit:
        await seed(unit, other, gateway=False)
        await unit.homes.assign(Assignment(uuid4(), other.sensor, other.patient, swap))
        await unit.homes.assign(Assignment(uuid4(), other.sensor, parts.household.patient, swap, user_slot=2))
    before, after = pressure(effective_time=swap - timedelta(seconds=1)), pressure(effective_time=swap)
    slot, ancient = pressure(user_slot=2), pressure(effective_time=parts.household.since - timedelta(days=1))
    parts.uplink.send(HOME, batch(before, after, slot, ancient))
    await parts.take()
    owners = {}
    for one in (before, after, slot):
        stored = await parts.readings.get(one.id)
        assert stored is not None
        owners[one.id] = stored.patient_id
    mine = parts.household.patient
    assert owners == {before.id: mine, after.id: other.patient, slot.id: mine}
    assert _answers(parts)[0][ancient.id] is ReceiptStatus.HELD


async def test_a_gateway_of_another_organisation_cannot_speak_for_a_meter(parts: Ingesting) -> None:
    theirs = Household(gateway="home-0666", sensor="C0:00:00:00:06:66")
    async with parts.records.begin() as unit:
        await seed(unit, theirs)
    reading = pressure()
    parts.uplink.send(theirs.gateway, batch(reading))
    await parts.take()
    assert _answers(parts) == [{reading.id: ReceiptStatus.HELD}]
    assert len(parts.readings) == 0


# --- outages --------------------------------------------------------------------------------------------------------


async def test_while_a_store_is_away_nothing_is_acknowledged_and_then_all_is(parts: Ingesting) -> None:
    parts.readings.available = False
    message = parts.uplink.send(HOME, batch(pressure()))
    async with parts.events.subscribe() as events:
        taking = asyncio.create_task(parts.take())
        assert (await asyncio.wait_for(anext(events), WITHIN_S)).kind == "store"
        assert (parts.health.delayed_since, parts.uplink.acknowledged, parts.uplink.published) == (NOW, [], [])
        parts.readings.available = True
        await asyncio.wait_for(taking, WITHIN_S)
        assert [(await anext(events)).kind for _ in range(2)] == ["store", "reading"]
    assert (parts.health.delayed_since, parts.uplink.acknowledged) == (None, [message])
    assert len(parts.uplink.published) == 1


async def test_records_away_after_the_reading_was_stored_is_only_tried_again(parts: Ingesting) -> None:
    parts.judge.away = 2
    reading = pressure()
    parts.uplink.send(HOME, batch(reading))
    await asyncio.wait_for(parts.take(), WITHIN_S)
    assert parts.judge.given == [reading.id]
    assert _answers(parts) == [{reading.id: ReceiptStatus.STORED}]


@pytest.mark.parametrize(("times", "outages"), [(IN_THE_WAY - 1, 0), (IN_THE_WAY, 1)])
async def test_somebody_else_in_the_way_is_no_outage_unless_it_goes_on(
    parts: Ingesting, times: int, outages: int
) -> None:
    parts.judge.busy = times
    reading = pressure()
    parts.uplink.send(HOME, batch(reading))
    with capture_logs() as logs:
        await asyncio.wait_for(parts.take(), WITHIN_S)
    assert [one["event"] for one in logs].count("store_unavailable") == outages
    assert parts.health.delayed_since is None
    assert parts.judge.given == [reading.id]
    assert _answers(parts) == [{reading.id: ReceiptStatus.STORED}]


async def test_without_a_connection_the_answer_is_left_out_and_nothing_breaks(parts: Ingesting) -> None:
    parts.uplink.connected = False
    parts.uplink.send(HOME, batch(pressure()))
    await parts.take()
    assert len(parts.readings) == 1


# --- what gateways say of themselves --------------------------------------------------------------------------------


def _status(**fields: object) -> bytes:
    said = GatewayStatus.model_validate({"state": "online", "sent_time": NOW} | fields)
    return said.model_dump_json(by_alias=True).encode()


async def test_a_status_is_kept_with_the_gateway(parts: Ingesting) -> None:
    message = parts.uplink.put(status_topic(HOME), _status(version="1"))
    async with parts.events.subscribe() as events:
        await parts.take()
        assert await anext(events) == Event("gateway", NOW, gateway=HOME)
    assert parts.uplink.acknowledged == [message]
    async with parts.records.read() as unit:
        gateway = await unit.homes.gateway(HOME)
    assert gateway is not None
    assert gateway.status is not None
    assert (gateway.status["state"], gateway.status["version"]) == ("online", "1")
    assert (gateway.status_at, gateway.heard_at) == (NOW, NOW)


async def test_the_brokers_word_is_a_status_but_not_a_sign_of_life(parts: Ingesting) -> None:
    parts.uplink.put(status_topic(HOME), _status(state="offline", sent_time=None))
    parts.uplink.put(status_topic(HOME), _status(sent_time=NOW - timedelta(hours=3)), retained=True)
    await parts.take()
    async with parts.records.read() as unit:
        gateway = await unit.homes.gateway(HOME)
    assert gateway is not None
    assert (gateway.status_at, gateway.heard_at) == (NOW - timedelta(hours=3), None)


async def test_a_last_will_leaves_everything_else_as_it_was_last_told(parts: Ingesting) -> None:
    parts.uplink.put(status_topic(HOME), _status(version="1", adapter="powered"))
    parts.uplink.put(status_topic(HOME), _status(state="offline", sent_time=None))
    await parts.take()
    async with parts.records.read() as unit:
        gone = await unit.homes.gateway(HOME)
    assert gone is not None
    assert gone.status is not None
    told = [gone.status[name] for name in ("state", "sent_time", "version", "adapter")]
    assert told == ["offline", None, "1", "powered"]
    parts.uplink.put(status_topic(HOME), _status(state="offline", sent_time=None), retained=True)
    async with parts.events.subscribe() as events:
        await parts.take()
        parts.events.publish(Event("resync", NOW))
        assert (await anext(events)).kind == "resync", "what the broker repeats is no news"


async def test_a_strangers_and_a_broken_status_are_counted_in_one_row_each(parts: Ingesting) -> None:
    for minute in range(3):
        parts.uplink.put(status_topic("home-0404"), _status(sent_time=NOW + timedelta(minutes=minute)))
        parts.uplink.put(status_topic(HOME), b"broken %d" % minute)
    parts.uplink.put(status_topic(HOME), b"")
    await parts.take()
    rows = {(row.gateway, row.reason): row.count for row in await parts.quarantined()}
    assert rows == {("home-0404", "unknown_gateway"): 3, (HOME, "bad_status"): 3}
    assert len(parts.uplink.acknowledged) == 7
    assert parts.uplink.published == []
