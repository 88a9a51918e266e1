"""Two groups of readings under way at once: while one is in Records, the next one is already written.

Whatever fails or changes between them, they are acknowledged in order, and end as if they had come one after the other.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.events import EventBus
from hearthline_backend.ingest import worker
from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.ingest.settlement import Settlement
from hearthline_backend.ingest.worker import Ingest
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.ports import PatientReading, QuietRegister, ReadingStore, StoreUnavailableError
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.quiet_register import Look, QuietGroup
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.uplink.port import Message
from hearthline_protocol.readings import Reading
from tests.fixtures.influxd import INFLUXD_PATIENCE, influx_readings
from tests.fixtures.ingesting import batch
from tests.fixtures.readings import pressure
from tests.fixtures.records import NOW, Engine, Household, pressure_rule, seed, temporary_records
from tests.fixtures.uplinks import FakeUplink

pytestmark = INFLUXD_PATIENCE
WITHIN_S = 30.0
STORES: tuple[tuple[str, Engine], ...] = (("embedded", "sqlite"), ("influxdb", "postgresql"), ("influxdb", "sqlite"))


@dataclass
class Step:
    """A step of the service: a test sees it passed, holds it, and lets it fail so many times."""

    failures: int = 0
    passed: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self._open.set()

    def hold(self) -> None:
        """Whoever comes here waits."""
        self._open.clear()

    def release(self) -> None:
        """Until now."""
        self._open.set()

    async def __call__(self) -> None:
        """Pass, unless the store is away just now."""
        self.passed += 1
        async with self._changed:
            self._changed.notify_all()
        await self._open.wait()
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError("the store is not available: switched off")

    async def reached(self, passings: int) -> None:
        """Wait for so many passings since the beginning."""
        async with asyncio.timeout(WITHIN_S), self._changed:
            await self._changed.wait_for(lambda: self.passed >= passings)


class _Quiet:
    def __init__(self, inner: QuietRegister, entered: Step) -> None:
        self._inner, self._entered = inner, entered

    async def look(self, asked: Collection[UUID]) -> Look:
        return await self._inner.look(asked)

    async def add(self, group: QuietGroup, heard: Collection[str], now: datetime) -> frozenset[int] | None:
        await self._entered()
        return await self._inner.add(group, heard, now)


class _Records:
    def __init__(self, inner: SqlRecords, entered: Step) -> None:
        self._inner, self._entered = inner, entered

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def quiet(self) -> QuietRegister | None:
        return None if self._inner.quiet is None else _Quiet(self._inner.quiet, self._entered)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Unit]:
        await self._entered()
        async with self._inner.begin() as unit:
            yield unit


class _Readings:
    def __init__(self, inner: ReadingStore, before: Step, written: Step) -> None:
        self._inner, self._before, self._written = inner, before, written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        await self._before()
        new = await self._inner.write(rows)
        await self._written()
        return new


class OneByOne(FakeUplink):
    """Each message is a group of its own, but for when they come ``together``. ``told`` is set at every receipt, which
    follows the acknowledgement."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()
        self.together = False

    async def messages(self, most: int, linger_s: float) -> Sequence[Message]:
        """The next one, or all there are."""
        return await super().messages(most if self.together else 1, linger_s)

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool = False) -> bool:
        """Keep it, and tell."""
        self.told.set()
        return super().publish(topic, payload, correlation, retain=retain)


@dataclass
class Service:
    """``entered`` is the way into Records, ``before`` and ``written`` are around the store of readings."""

    uplink: OneByOne
    records: SqlRecords
    readings: ReadingStore
    household: Household
    entered: Step
    before: Step
    written: Step

    def send(self, *readings: Reading) -> Message:
        """One group."""
        return self.uplink.send(self.household.gateway, batch(*readings))

    async def acknowledged(self, count: int) -> list[Message]:
        """Wait for so many acknowledgements and receipts."""
        async with asyncio.timeout(WITHIN_S):
            while len(self.uplink.acknowledged) < count or len(self.uplink.published) < count:
                self.uplink.told.clear()
                await self.uplink.told.wait()
        return self.uplink.acknowledged

    async def judged(self, *readings: Reading) -> frozenset[UUID]:
        """Those that stand in the register."""
        async with self.records.read() as unit:
            return await unit.judgements.known([one.id for one in readings])

    async def outcome(self) -> list[Any]:
        """Every alert with the readings it rests on, without what differs from run to run."""
        found: list[Any] = []
        async with self.records.read() as unit:
            for one in await unit.alerts.of_patient(self.household.patient, self.household.since):
                linked = await unit.alerts.readings_of([one.id])
                happened = Counter(event.what for event in await unit.alerts.events(one.id))
                found.append(
                    (one.rule_id, one.level, one.state, one.cleared, one.plan_version, linked[one.id], happened)
                )
        return found


@asynccontextmanager
async def serving(folder: Path, kept_in: str, engine: Engine) -> AsyncIterator[Service]:
    """The service with one household; what it remembers of the patient is there, after a first reading."""
    async with AsyncExitStack() as stack:
        records = await stack.enter_async_context(temporary_records(folder, engine))
        store: ReadingStore
        if kept_in == "influxdb":
            store = await stack.enter_async_context(influx_readings(records))
        else:
            store = await EmbeddedReadings.open(folder / "readings.sqlite3")
            stack.push_async_callback(store.close)
        home, entered, before, written = Household(), Step(), Step(), Step()
        async with records.begin() as unit:
            await seed(unit, home)
        uplink, events = OneByOne(), EventBus()
        judge = Judge(store)
        settlement = Settlement(_Records(records, entered), _Readings(store, before, written), judge, lambda: NOW)
        health = StoreHealth(events, lambda: NOW)
        ingest = Ingest(uplink, records, settlement, events, health, lambda: NOW)
        running = asyncio.create_task(ingest.run())
        stack.push_async_callback(_ended, running)
        service = Service(uplink, records, store, home, entered, before, written)
        service.send(pressure(118, 78, effective_time=NOW - timedelta(days=3)))
        await service.acknowledged(1)
        yield service


async def _ended(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(params=STORES, ids="-".join)
def stores(request: pytest.FixtureRequest) -> tuple[str, Engine]:
    """Where readings and Records are kept."""
    found: tuple[str, Engine] = request.param
    return found


def measured(systolic: float, minutes_ago: float) -> Reading:
    """A pressure of the household."""
    return pressure(systolic, 78, effective_time=NOW - timedelta(minutes=minutes_ago))


async def test_the_second_group_is_written_while_the_first_is_in_records_and_waits_for_it(
    tmp_path: Path, stores: tuple[str, Engine]
) -> None:
    first, second = measured(121, 50), measured(122, 40)
    async with serving(tmp_path, *stores) as service:
        entered, written = service.entered.passed, service.written.passed
        service.entered.hold()
        messages = [service.send(one) for one in (first, second)]
        await service.entered.reached(entered + 1)
        await service.written.reached(written + 2)
        assert (await service.readings.get_many([first.id, second.id])).keys() == {first.id, second.id}
        assert await service.judged(first, second) == frozenset()
        assert len(service.uplink.acknowledged) == 1
        service.entered.release()
        assert (await service.acknowledged(3))[1:] == messages
        assert await service.judged(first, second) == {first.id, second.id}
        answered = [entry.id for receipt in service.uplink.receipts[1:] for entry in receipt.readings]
        assert answered == [first.id, second.id]


async def test_what_comes_while_a_group_is_under_way_is_gathered_until_that_is_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GATHER_S", WITHIN_S)
    first, *others = (measured(121, minutes) for minutes in (60, 50, 40, 30))
    async with serving(tmp_path, "embedded", "sqlite") as service:
        service.uplink.together = True
        written = service.written.passed
        service.entered.hold()
        service.send(first)
        await service.written.reached(written + 1)
        for one in others:
            service.send(one)
        assert not service.uplink.queue.empty(), "nobody takes them yet"
        service.entered.release()
        async with asyncio.timeout(WITHIN_S / 2):  # sooner than the longest they would be gathered
            await service.acknowledged(3)
        assert service.written.passed == written + 2
        assert await service.judged(first, *others) == {one.id for one in (first, *others)}


@pytest.mark.parametrize("fault", ["readings before", "readings written", "records"])
async def test_a_first_group_that_is_tried_again_ends_as_if_it_had_gone_at_once(
    tmp_path: Path, stores: tuple[str, Engine], fault: str
) -> None:
    story = [measured(186, 60), measured(121, 50), measured(120, 40), measured(164, 30)]
    async with serving(tmp_path / "disturbed", *stores) as service:
        broken = {
            "readings before": service.before,
            "readings written": service.written,
            "records": service.entered,
        }[fault]
        broken.failures = 3
        passed = broken.passed
        messages = [service.send(one) for one in story]
        assert (await service.acknowledged(5))[1:] == messages
        assert broken.failures == 0
        assert broken.passed >= passed + 3 + len(story)
        assert await service.judged(*story) == {one.id for one in story}
        disturbed = await service.outcome()
    async with serving(tmp_path / "alone", *stores) as service:
        for number, one in enumerate(story, 2):
            service.send(one)
            await service.acknowledged(number)
        assert disturbed == await service.outcome()
    assert len(disturbed) >= 1


async def test_a_plan_that_changes_between_two_groups_judges_what_is_not_yet_in_records(
    tmp_path: Path, stores: tuple[str, Engine]
) -> None:
    first, second = measured(141, 50), measured(142, 40)
    async with serving(tmp_path, *stores) as service:
        entered, written = service.entered.passed, service.written.passed
        service.entered.hold()
        service.send(first)
        service.send(second)
        await service.entered.reached(entered + 1)
        await service.written.reached(written + 2)
        stricter = replace(
            service.household.plan, version=2, valid_from=NOW - timedelta(hours=2), rules=(pressure_rule(yellow=140),)
        )
        async with service.records.begin() as unit:
            await unit.care.add_plan(stricter, created_at=NOW)
        service.entered.release()
        await service.acknowledged(3)
        ((rule_id, level, _, cleared, version, linked, _),) = await service.outcome()
        assert (rule_id, level, cleared, version) == ("pressure_high", "yellow", False, 2)
        assert linked == {first.id, second.id}
