"""The three questions of the benchmark of queries, put to a store of readings and timed one after the other."""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from bench.queries_population import END, FIVE_YEARS, KIND, RECENT, Population
from bench.rounds import BenchError
from hearthline_backend.storage.ports import ReadingStore, Width

ZONE: Final = ZoneInfo("Europe/Madrid")
T = TypeVar("T")
WARD: Final = 200
_UNTIMED: Final = 2


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each question is put, each time of other patients."""

    patient: int
    years: int
    ward: int


@dataclass(frozen=True, slots=True)
class Answers:
    """Milliseconds of every answer, by the question's name: ``patient_90d``, ``five_years_by_day``, ``ward_latest``."""

    ms: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Questions:
    """Who is asked about; two stores with the same readings are asked the same."""

    patients: Sequence[UUID]
    long: Sequence[UUID]
    wards: Sequence[Sequence[UUID]]

    @classmethod
    def of(cls, population: Population, counts: Counts) -> "Questions":
        """Drawn once and for all."""
        rng = random.Random(11)
        everybody, long = population.everybody, population.long
        return cls(
            rng.choices(everybody, k=counts.patient),
            rng.choices(long, k=counts.years),
            [rng.sample(everybody, min(WARD, len(everybody))) for _ in range(counts.ward)],
        )

    def some(self, share: int) -> "Questions":
        """One in ``share`` of each, three at least."""
        patients, years, wards = (max(3, len(one) // share) for one in (self.patients, self.long, self.wards))
        return Questions(self.patients[:patients], self.long[:years], self.wards[:wards])


async def ask(store: ReadingStore, asked: Questions) -> Answers:
    """Put every question. What comes back is used: each reading of a window, and each last value, is taken apart.

    Raises :class:`BenchError` where an answer is empty that cannot be.
    """

    async def patient_90d(patient: UUID) -> int:
        return sum(len(one.content.values) for one in await store.window(patient, KIND, END - RECENT, END))

    async def five_years_by_day(patient: UUID) -> int:
        return len(await store.buckets(patient, KIND, END - FIVE_YEARS, END, Width.DAY, ZONE))

    async def ward_latest(ward: Sequence[UUID]) -> int:
        found = await store.latest(ward)
        return sum(len(one.content.values) for kinds in found.values() for one in kinds.values())

    return Answers(
        {
            "patient_90d": await timed(patient_90d, asked.patients),
            "five_years_by_day": await timed(five_years_by_day, asked.long),
            "ward_latest": await timed(ward_latest, asked.wards),
        }
    )


async def timed(question: Callable[[T], Awaitable[int]], whom: Sequence[T]) -> list[float]:
    """Milliseconds of each; the first few are put once before, so that nothing is opened or compiled in the timed
    ones."""
    for one in whom[:_UNTIMED]:
        await question(one)
    found = []
    for one in whom:
        began = time.perf_counter()
        size = await question(one)
        found.append((time.perf_counter() - began) * 1000)
        if not size:
            raise BenchError(f"{question.__name__}: an answer is empty")
    return found
