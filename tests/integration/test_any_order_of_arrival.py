"""Late, twice, in batches of any size, two groups crossing: the same is stored and judged, and the same alerts stand.

Through the real ingest, real stores and the real judge. The pure domain is the measure; where a late reading splits an
episode, the alert that held it whole goes on to hold both parts.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.domain.episodes import Episode, episodes
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level
from hearthline_backend.events import EventBus
from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.ingest.settlement import Settlement
from hearthline_backend.ingest.worker import Ingest
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.alerts import Alert
from hearthline_backend.storage.schema import judged
from hearthline_protocol.readings import Quality, Reading
from tests.fixtures.ingesting import batch
from tests.fixtures.readings import pressure
from tests.fixtures.records import NOW, Engine, Household, pressure_rule, seed, temporary_records
from tests.fixtures.uplinks import FakeUplink

RULE = pressure_rule().id
CHANGED = NOW - timedelta(days=6)
"""From then on a stricter version of the plan is in force."""
SYSTOLIC = (118, 145, 158, 186)
SPAN_H = 14 * 24


@dataclass(slots=True)
class Backend:
    """Two ingests on the same stores, as two processes have them."""

    records: Records
    readings: EmbeddedReadings
    ingests: tuple[tuple[Ingest, FakeUplink], tuple[Ingest, FakeUplink]]
    common: Household

    async def admit(self, home: Household) -> tuple[Plan, ...]:
        """A home with a plan in two versions."""
        async with self.records.begin() as unit:
            await seed(unit, home)
            second = Plan(home.patient, 2, CHANGED, ("hypertension",), (pressure_rule(yellow=140),), (), "stricter")
            await unit.care.add_plan(second, created_at=CHANGED)
        return home.plan, second

    async def arrive(self, home: Household, groups: Sequence[Sequence[Reading]]) -> None:
        """Groups of readings, two at a time, crossing each other."""
        for at in range(0, len(groups), 2):
            taking = []
            for (ingest, uplink), group in zip(self.ingests, groups[at : at + 2], strict=False):
                message = uplink.send(home.gateway, batch(*group))
                taking.append(ingest.take([message]))
            await asyncio.gather(*taking)

    async def account(self, home: Household) -> tuple[dict[UUID, Reading], dict[UUID, Any]]:
        """What is stored, and what is judged, of one home."""
        rows = await self.readings.everything(home.patient)
        async with self.records.read() as unit:
            query = select(judged.c.reading_id, judged.c.kind, judged.c.effective_time)
            found = await unit.connection.execute(query.where(judged.c.patient_id == home.patient))
            register = {row.reading_id: (row.kind, row.effective_time) for row in found}
        assert len(rows) == len({one.id for one in rows})
        return {one.id: one.reading for one in rows}, register

    async def alerts(self, home: Household) -> dict[frozenset[UUID], Alert]:
        """The alerts that stand, by the readings they hold."""
        async with self.records.read() as unit:
            standing = await unit.alerts.of_patient(home.patient, home.since)
            held = await unit.alerts.readings_of([one.id for one in standing])
        return {held[one.id]: one for one in standing if one.state.value != "withdrawn"}


@asynccontextmanager
async def backend(folder: Path, engine: Engine) -> AsyncIterator[Backend]:
    async with AsyncExitStack() as stack:
        records = await stack.enter_async_context(temporary_records(folder, engine))
        readings = await EmbeddedReadings.open(folder / "readings.sqlite3")
        stack.push_async_callback(readings.close)

        def ingest() -> tuple[Ingest, FakeUplink]:
            uplink, events = FakeUplink(), EventBus()
            settlement = Settlement(records, readings, Judge(readings), lambda: NOW)
            health = StoreHealth(events, lambda: NOW)
            return Ingest(uplink, records, settlement, events, health, lambda: NOW), uplink

        yield Backend(records, readings, (ingest(), ingest()), Household())


def _of(home: Household, measured: Sequence[tuple[int, int, Quality]]) -> list[Reading]:
    found = []
    for hours, systolic, quality in measured:
        at = NOW - timedelta(hours=hours, minutes=1)
        more: dict[str, Any] = {"values": {}} if quality is Quality.FAILED else {}
        found.append(pressure(systolic, 80, sensor=home.sensor, effective_time=at, quality=quality, **more))
    return found


def _home(common: Household, number: int) -> Household:
    """One more home of the same team."""
    return Household(
        organisation=common.organisation,
        team=common.team,
        nurse=common.nurse,
        gateway=f"home-{uuid4().hex[:12]}",
        sensor="C1:" + ":".join(f"{byte:02X}" for byte in number.to_bytes(5)),
    )


def _groups(readings: Sequence[Reading], chance: random.Random) -> list[list[Reading]]:
    """In any order, some of them two or three times, in batches of any size."""
    arriving = [*readings, *chance.choices(readings, k=chance.randint(0, len(readings)))]
    chance.shuffle(arriving)
    groups: list[list[Reading]] = []
    while arriving:
        size = chance.randint(1, 6)
        groups.append(arriving[:size])
        arriving = arriving[size:]
    return groups


def _live(alerts: dict[frozenset[UUID], Alert]) -> dict[frozenset[UUID], Alert]:
    return {held: alert for held, alert in alerts.items() if alert.state.live}


def _check_live(alerts: dict[frozenset[UUID], Alert], expected: Sequence[Episode]) -> None:
    """Every episode that needs somebody has one live alert, as bad as it is, and every live alert such an episode."""
    live = _live(alerts)
    left = dict(live)
    for episode in expected:
        if episode.level is not Level.RED and episode.cleared:
            continue
        holding = [(held, alert) for held, alert in live.items() if held >= set(episode.readings)]
        assert len(holding) == 1, f"{len(holding)} live alerts hold the episode of {episode.first_time}"
        ((held, alert),) = holding
        parts = [one for one in expected if held >= set(one.readings)]
        assert alert.level is max((one.level for one in parts), key=lambda level: level.rank)
        assert alert.cleared is parts[-1].cleared
        left.pop(held, None)
    assert not left, f"{len(left)} live alerts belong to no episode that needs somebody"


QUALITIES = st.sampled_from([*[Quality.VALID] * 6, Quality.QUESTIONABLE, Quality.FAILED, Quality.NOT_PATIENT])
MEASURED = st.lists(
    st.tuples(st.integers(0, SPAN_H), st.sampled_from(SYSTOLIC), QUALITIES),
    min_size=1,
    max_size=14,
    unique_by=lambda one: one[0],
)
_numbers = count(1)


@pytest.fixture
async def made(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Backend]:
    async with backend(tmp_path, records_engine) as opened:
        yield opened


@pytest.mark.timeout(240)
@given(measured=MEASURED, chance=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
async def test_the_order_of_arrival_does_not_matter(
    made: Backend, measured: list[tuple[int, int, Quality]], chance: random.Random
) -> None:
    home = _home(made.common, next(_numbers))
    history = await made.admit(home)
    readings = _of(home, sorted(measured, reverse=True))
    await made.arrive(home, _groups(readings, chance))
    stored, register = await made.account(home)
    assert stored == {one.id: one for one in readings}
    assert register == {one.id: (one.kind, one.effective_time) for one in readings}
    expected = episodes([Observation.of(one) for one in readings], history, RULE)
    _check_live(await made.alerts(home), expected)


@pytest.mark.timeout(240)
@given(measured=MEASURED)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
async def test_in_order_every_episode_has_an_alert_of_its_own(
    made: Backend, measured: list[tuple[int, int, Quality]]
) -> None:
    home = _home(made.common, next(_numbers))
    history = await made.admit(home)
    readings = _of(home, sorted(measured, reverse=True))
    for one in readings:
        await made.arrive(home, [[one]])
    alerts = await made.alerts(home)
    expected = episodes([Observation.of(one) for one in readings], history, RULE)
    assert {alert.episode for alert in alerts.values()} == {episode.opened_by for episode in expected}
    _check_live(alerts, expected)
