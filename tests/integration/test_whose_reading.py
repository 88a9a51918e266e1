"""Two people, one meter: slots map to people; a scale without slots waits for a person's word; guests stay apart."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.correction_errors import NotWaitingError
from hearthline_backend.correction_finishing import CorrectionFinishing
from hearthline_backend.corrections import ReadingCorrections
from hearthline_backend.ingest.whose import FAR_KG, is_far, likeliest
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.homes import Assignment, Sensor
from hearthline_backend.unclear_readings import suggestion, unclear_readings
from hearthline_protocol.messages import ReceiptStatus
from hearthline_protocol.readings import Reading
from tests.fixtures.ingesting import Ingesting, batch, ingesting
from tests.fixtures.readings import pressure, value
from tests.fixtures.records import NOW, Engine

SCALE = "C0:00:00:00:00:51"
FIRST, SECOND = uuid4(), uuid4()
KG = st.floats(30, 200)


def weighing(kg: float, *, days_ago: float = 0, slot: int | None = None) -> Reading:
    return pressure(
        kind="body_weight",
        sensor=SCALE,
        user_slot=slot,
        characteristic="2A9D",
        values={"weight": value(kg, "kg")},
        effective_time=NOW - timedelta(days=days_ago, seconds=1),
    )


@pytest.fixture
async def scale(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ingesting]:
    """A scale in the home, of nobody yet, and two people who live there."""
    async with ingesting(tmp_path, engine=records_engine) as parts:
        house = parts.household
        async with parts.records.begin() as unit:
            await unit.homes.add_sensor(Sensor(SCALE, house.gateway, "generic-weight-scale", "scale", house.since))
            for one in (FIRST, SECOND):
                await unit.care.add_patient(Patient(one, house.team, "Ana", "Test", 1950, "Europe/Madrid", house.since))
        yield parts


async def belongs(parts: Ingesting, patient: UUID, *, slot: int | None = None, shared: bool = False) -> None:
    async with parts.records.begin() as unit:
        await unit.homes.assign(Assignment(uuid4(), SCALE, patient, parts.household.since, slot, shared=shared))


def corrections(parts: Ingesting) -> ReadingCorrections:
    def clock() -> datetime:
        return NOW

    finishing = CorrectionFinishing(parts.records, parts.readings, Judge(parts.readings), parts.events, clock)
    return ReadingCorrections(parts.records, parts.readings, finishing, parts.events, clock, parts.ingest.retry)


async def suggested(parts: Ingesting) -> dict[UUID, UUID | None]:
    """Whose each reading that waits probably is."""
    async with parts.records.read() as unit:
        found = await unclear_readings(unit)
    return {one.reading_id: await suggestion(parts.readings, one, one.reading()) for one in found}


async def weigh(parts: Ingesting, *weighings: Reading) -> dict[UUID, ReceiptStatus]:
    parts.uplink.published.clear()
    parts.uplink.send(parts.household.gateway, batch(*weighings))
    await parts.take()
    return {entry.id: entry.status for receipt in parts.uplink.receipts for entry in receipt.readings}


async def kilograms(parts: Ingesting, patient: UUID) -> list[float | None]:
    rows = await parts.readings.window(patient, "body_weight", parts.household.since, NOW + timedelta(days=1))
    return [row.reading.values["weight"].value for row in rows]


async def test_each_slot_is_its_person_s(scale: Ingesting) -> None:
    await belongs(scale, FIRST, slot=1)
    await belongs(scale, SECOND, slot=2)
    await weigh(scale, weighing(80, slot=1), weighing(55, slot=2), weighing(20, slot=None))
    assert await kilograms(scale, FIRST) == [80]
    assert await kilograms(scale, SECOND) == [55]
    assert [row.reason for row in await scale.quarantined()] == ["not_assigned"], "a guest has no slot"


async def test_a_guest_on_one_person_s_scale_is_kept_apart(scale: Ingesting) -> None:
    await belongs(scale, FIRST)
    await weigh(scale, *[weighing(80 + day / 10, days_ago=5 - day) for day in range(4)])
    guest, usual = weighing(58), weighing(82.9)
    answers = await weigh(scale, guest, usual)
    assert answers == {guest.id: ReceiptStatus.HELD, usual.id: ReceiptStatus.STORED}, "2.5 kg more is news, not a guest"
    assert 58 not in await kilograms(scale, FIRST)
    assert await suggested(scale) == {guest.id: None}
    await corrections(scale).claim(guest.id, None, None)
    assert 58 not in await kilograms(scale, FIRST)
    assert "guest" in {row.reason for row in await scale.quarantined()}
    assert (await weigh(scale, guest))[guest.id] is ReceiptStatus.REJECTED, "told again, it is a guest's again"


async def test_the_first_weighings_of_a_scale_are_its_person_s(scale: Ingesting) -> None:
    await belongs(scale, FIRST)
    await weigh(scale, weighing(80, days_ago=2), weighing(95, days_ago=1))
    assert await kilograms(scale, FIRST) == [80, 95], "nothing is usual yet"


async def test_a_shared_scale_asks_and_suggests_by_weight(scale: Ingesting) -> None:
    await belongs(scale, FIRST)
    await weigh(scale, *[weighing(80, days_ago=9 - day) for day in range(3)])
    async with scale.records.begin() as unit:
        await unit.homes.assign(Assignment(uuid4(), SCALE, FIRST, NOW - timedelta(days=3), shared=True))
        await unit.homes.assign(Assignment(uuid4(), SCALE, SECOND, NOW - timedelta(days=3), shared=True))
    mine, other = weighing(81), weighing(55, days_ago=1)
    answers = await weigh(scale, mine, other)
    assert set(answers.values()) == {ReceiptStatus.HELD}
    assert await suggested(scale) == {mine.id: FIRST, other.id: None}
    await corrections(scale).claim(mine.id, FIRST, None)
    await corrections(scale).claim(other.id, SECOND, None)
    assert await kilograms(scale, FIRST) == [80, 80, 80, 81]
    assert await kilograms(scale, SECOND) == [55]
    assert mine.id in scale.judge.given
    assert await suggested(scale) == {}


async def test_only_what_waits_can_be_claimed(scale: Ingesting) -> None:
    with pytest.raises(NotWaitingError, match="whose list"):
        await corrections(scale).claim(uuid4(), FIRST, None)


@given(weight=KG, usual=KG)
def test_a_change_that_the_rules_look_for_is_never_a_guest(weight: float, usual: float) -> None:
    if abs(weight - usual) <= FAR_KG:
        assert not is_far(weight, usual)
    assert not is_far(weight, None)


@given(weight=KG, first=KG, second=KG)
def test_a_suggestion_does_not_depend_on_the_order_and_is_the_nearest(
    weight: float, first: float, second: float
) -> None:
    one = likeliest(weight, {FIRST: first, SECOND: second})
    assert one == likeliest(weight, {SECOND: second, FIRST: first})
    if one is not None:
        usual = {FIRST: first, SECOND: second}
        assert abs(weight - usual[one]) == min(abs(weight - other) for other in usual.values())
