"""Whether a weighing is a guest's, and how seldom the store is asked for it: only memory saves questions, never an
answer."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.ingest.usual_weights import KEPT_FOR, LIKE_LAST_TIME_KG, UsualWeights, Weighing
from hearthline_backend.ingest.whose import FAR_KG, FAR_SHARE, KIND, LEAST_WEIGHINGS, USUAL_SPAN
from hearthline_backend.storage.memory import MemoryReadings
from hearthline_backend.storage.ports import PatientReading, Span
from hearthline_protocol.readings import Quality, Reading
from tests.fixtures.readings import of_patient, pressure, value
from tests.fixtures.records import NOW

ANA, BEN, CAT = (UUID(int=number) for number in (1, 2, 3))
DAY = timedelta(days=1)


class Asked(MemoryReadings):
    """A store that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.last: list[set[UUID]] = []
        self.spans: list[Sequence[Span]] = []

    async def latest(self, patients: Collection[UUID]) -> Mapping[UUID, Mapping[str, PatientReading]]:
        self.last.append(set(patients))
        return await super().latest(patients)

    async def windows(self, wanted: Sequence[Span]) -> list[list[PatientReading]]:
        self.spans.append(wanted)
        return await super().windows(wanted)

    async def weighed(self, patient: UUID, *kilograms: float, at: datetime = NOW, **other: Any) -> None:
        """One weighing a day, the last one a day before ``at``."""
        days = range(len(kilograms), 0, -1)
        await self.write(
            [
                of_patient(_reading(kg, at - day * DAY, **other), patient)
                for kg, day in zip(kilograms, days, strict=True)
            ]
        )


def _reading(kg: float, at: datetime, **other: Any) -> Reading:
    fields: dict[str, Any] = {
        "kind": KIND,
        "characteristic": "2A9D",
        "values": {"weight": value(kg, "kg")},
        "effective_time": at,
    }
    return pressure(**(fields | other))


def weighing(patient: UUID, kg: float, at: datetime = NOW) -> Weighing:
    return Weighing(patient, uuid4(), kg, at)


@pytest.fixture
def store() -> Asked:
    return Asked()


@pytest.fixture
def weights(store: Asked) -> UsualWeights:
    return UsualWeights(store)


async def test_who_was_never_weighed_is_never_far_and_costs_no_window(store: Asked, weights: UsualWeights) -> None:
    await store.write([of_patient(pressure(), ANA)])
    assert await weights.far([weighing(ANA, 70), weighing(BEN, 80)], NOW) == frozenset()
    assert store.last == [{ANA, BEN}], "both in one question"
    assert await weights.far([weighing(ANA, 71), weighing(BEN, 79)], NOW) == frozenset()
    assert store.last == [{ANA, BEN}], "the first weighings are remembered"
    assert await weights.far([weighing(ANA, 99)], NOW) == frozenset(), "nothing is usual yet"
    assert store.spans == []


async def test_who_weighs_as_last_time_costs_no_window(store: Asked, weights: UsualWeights) -> None:
    await store.weighed(ANA, 60, 60, 60, 69)
    assert await weights.far([weighing(ANA, 69 + LIKE_LAST_TIME_KG)], NOW) == frozenset()
    assert (store.last, store.spans) == ([{ANA}], [])


async def test_all_who_are_doubtful_are_asked_for_at_once(store: Asked, weights: UsualWeights) -> None:
    for patient in (ANA, BEN, CAT):
        await store.weighed(patient, 70, 70, 70, 70)
    far, near, like = weighing(ANA, 90), weighing(BEN, 74), weighing(CAT, 71)
    stranger = weighing(UUID(int=4), 90)
    assert await weights.far([far, near, like, stranger], NOW) == {far.reading_id}
    assert store.spans == [[Span(one.patient_id, KIND, NOW - USUAL_SPAN, NOW) for one in (far, near)]]
    assert store.last == [{ANA, BEN, CAT, stranger.patient_id}]


async def test_what_was_taken_is_remembered_and_the_next_one_like_it_asks_nothing(
    store: Asked, weights: UsualWeights
) -> None:
    await store.weighed(ANA, 70, 70, 70)
    assert await weights.far([weighing(ANA, 75)], NOW) == frozenset(), "doubtful, and not far"
    assert (len(store.last), len(store.spans)) == (1, 1)
    for kg in (77.5, 80, 82.5, 85):
        assert await weights.far([weighing(ANA, kg)], NOW) == frozenset(), "near the last one each time"
    assert (len(store.last), len(store.spans)) == (1, 1)


async def test_what_was_far_is_not_remembered(store: Asked, weights: UsualWeights) -> None:
    await store.weighed(ANA, 70, 70, 70)
    first, second = weighing(ANA, 95), weighing(ANA, 95)
    assert await weights.far([first], NOW) == {first.reading_id}
    assert await weights.far([second], NOW) == {second.reading_id}, "a guest who comes again is still a guest"
    assert len(store.spans) == 2


async def test_memory_holds_for_a_day_and_no_longer(store: Asked, weights: UsualWeights) -> None:
    await weights.far([weighing(ANA, 70)], NOW)
    await weights.far([weighing(ANA, 70)], NOW + KEPT_FOR)
    assert len(store.last) == 1
    await weights.far([weighing(ANA, 70)], NOW + KEPT_FOR + timedelta(seconds=1))
    assert len(store.last) == 2, "using it does not make it younger: another process may have written since"


@pytest.mark.parametrize("others", [LEAST_WEIGHINGS - 1, LEAST_WEIGHINGS])
async def test_far_needs_enough_weighings(store: Asked, weights: UsualWeights, others: int) -> None:
    await store.weighed(ANA, *[70.0] * others)
    one = weighing(ANA, 95)
    assert await weights.far([one], NOW) == ({one.reading_id} if others >= LEAST_WEIGHINGS else frozenset())


async def test_a_last_weight_that_was_not_measured_well_is_no_last_time(store: Asked, weights: UsualWeights) -> None:
    await store.weighed(ANA, 70, 70, 70, at=NOW - DAY)
    await store.weighed(ANA, 95, quality=Quality.QUESTIONABLE)
    one = weighing(ANA, 95)
    assert await weights.far([one], NOW) == {one.reading_id}


HALVES = st.integers(60, 300).map(lambda number: number / 2)
AFTER = st.sampled_from([timedelta(minutes=1), timedelta(hours=6), DAY, 3 * DAY, 30 * DAY, 70 * DAY])


@given(st.lists(st.tuples(HALVES, AFTER), max_size=12))
def test_what_is_remembered_changes_no_answer(steps: list[tuple[float, timedelta]]) -> None:
    """Each weighing is settled before the next one comes: what is taken stands in the store."""

    async def weighed() -> None:
        store, taken, now = MemoryReadings(), list[tuple[datetime, float]](), NOW
        weights = UsualWeights(store)
        for kg, after in steps:
            now += after
            one = weighing(ANA, kg, now)
            usual = [number for at, number in taken if now - USUAL_SPAN <= at < now]
            like_last = bool(taken) and abs(kg - taken[-1][1]) <= LIKE_LAST_TIME_KG
            far = (
                not like_last
                and len(usual) >= LEAST_WEIGHINGS
                and abs(kg - median(usual)) > max(FAR_KG, FAR_SHARE * median(usual))
            )
            assert await weights.far([one], now) == ({one.reading_id} if far else frozenset())
            if not far:
                taken.append((now, kg))
                await store.write([of_patient(_reading(kg, now), ANA)])

    asyncio.run(weighed())
