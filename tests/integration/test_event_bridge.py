"""Live events reach the other processes of one PostgreSQL: soon, not too often, and never silently not at all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final, cast, get_args
from uuid import UUID, uuid4

import pytest
from sqlalchemy import make_url

from hearthline_backend.event_bridge import (
    CHANNEL,
    EVENTS_A_ROUND,
    IN_ORDER,
    MOST_WAITING,
    ROUND_S,
    EventBridge,
    bridged,
)
from hearthline_backend.events import Event, EventBus, EventKind
from hearthline_backend.storage.records.signals import signals
from tests.fixtures.postgresql import empty_database, shared_server
from tests.fixtures.records import NOW, records_url

WITHIN_S: Final = 30
TEAM: Final = uuid4()
LISTENERS: Final = """SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'hearthline events' AND datname = $1 AND state = 'idle' AND query <> ''"""


class Process:
    """A bus with its bridge, and all that was ever heard on it."""

    def __init__(self, url: str) -> None:
        self.bus = EventBus(backlog=1_000_000)
        self.heard: list[Event] = []
        self._url = url
        self._changed = asyncio.Event()

    async def run(self, stack: AsyncExitStack) -> None:
        events = await stack.enter_async_context(self.bus.subscribe())
        await stack.enter_async_context(bridged(self._url, self.bus, lambda: NOW))
        listening = asyncio.create_task(self._listen(events))
        stack.callback(listening.cancel)

    async def hears(self, *wanted: Event) -> None:
        """Wait until all of these were heard."""
        async with asyncio.timeout(WITHIN_S):
            while not set(wanted) <= set(self.heard):
                self._changed.clear()
                await self._changed.wait()

    async def _listen(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            self.heard.append(event)
            self._changed.set()


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with empty_database() as made:
        yield made


@pytest.fixture
async def both(url: str) -> AsyncIterator[tuple[Process, Process]]:
    async with AsyncExitStack() as stack:
        one, other = Process(url), Process(url)
        for process in (one, other):
            await process.run(stack)
        await _listening(url, 2)
        yield one, other


async def _listening(url: str, number: int) -> None:
    connection = await shared_server().connect()
    try:
        async with asyncio.timeout(WITHIN_S):
            while await connection.fetchval(LISTENERS, _name(url)) < number:  # noqa: ASYNC110 - a server tells nobody
                await asyncio.sleep(0.01)
    finally:
        await connection.close()


def _name(url: str) -> str:
    return str(make_url(url).database)


def _reading(patient: UUID) -> Event:
    return Event("reading", NOW, patient, TEAM)


async def test_what_changed_is_told_to_the_others_with_whose_it_is_and_not_to_oneself(
    both: tuple[Process, Process],
) -> None:
    one, other = both
    told = [
        Event("alert", NOW, uuid4(), TEAM, alert_id=17),
        Event("gateway", NOW, gateway="home-0001"),
        _reading(uuid4()),
    ]
    for event in told:
        one.bus.publish(event)
    await other.hears(*told)
    answer = _reading(uuid4())
    other.bus.publish(answer)
    await one.hears(answer)
    assert Counter(one.heard) == Counter([*told, answer])
    assert Counter(other.heard) == Counter([*told, answer])


async def test_what_is_each_process_s_own_stays_there(both: tuple[Process, Process]) -> None:
    one, other = both
    last = _reading(uuid4())
    for event in (Event("store", NOW), Event("broker", NOW), last):
        one.bus.publish(event)
    await other.hears(last)
    assert other.heard == [last]


def test_every_kind_is_carried_but_what_is_each_process_s_own() -> None:
    assert set(IN_ORDER) == set(get_args(EventKind)) - {"store", "broker"}


async def test_a_flood_is_told_once_a_round_and_its_end_is_told(both: tuple[Process, Process]) -> None:
    one, other = both
    patients = [uuid4() for _ in range(50)]
    started = asyncio.get_running_loop().time()
    for number in range(25_000):
        one.bus.publish(_reading(patients[number % len(patients)]))
        if number % 500 == 0:
            await asyncio.sleep(0.01)
    for patient in patients:
        one.bus.publish(replace(_reading(patient), gateway="the last"))
    await other.hears(*(replace(_reading(patient), gateway="the last") for patient in patients))
    rounds = (asyncio.get_running_loop().time() - started) / ROUND_S + 2
    most = max(Counter((event.patient_id, event.gateway) for event in other.heard).values())
    assert most <= rounds
    assert len(other.heard) < 25_000 / 5


async def test_an_alert_goes_before_the_readings_that_wait(both: tuple[Process, Process]) -> None:
    one, other = both
    for _ in range(4 * EVENTS_A_ROUND):
        one.bus.publish(_reading(uuid4()))
    alert = Event("alert", NOW, uuid4(), TEAM, alert_id=1)
    one.bus.publish(alert)
    await other.hears(alert)
    assert len(other.heard) <= 2 * EVENTS_A_ROUND


async def test_more_than_can_wait_becomes_one_word_to_ask_again(both: tuple[Process, Process]) -> None:
    one, other = both
    for _ in range(MOST_WAITING + 1):
        one.bus.publish(_reading(uuid4()))
    await other.hears(Event("resync", NOW))
    assert other.heard == [Event("resync", NOW)]


async def test_after_a_gap_the_screens_ask_again_and_nothing_published_meanwhile_is_lost(
    both: tuple[Process, Process], url: str
) -> None:
    one, other = both
    operator = await shared_server().connect()
    cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1 AND datname = $2"
    await operator.execute(cut, "hearthline events", _name(url))
    await operator.close()
    meanwhile = _reading(uuid4())
    one.bus.publish(meanwhile)
    await one.hears(Event("resync", NOW))
    await other.hears(Event("resync", NOW))
    await _listening(url, 2)
    after = _reading(uuid4())
    one.bus.publish(after)
    await other.hears(after)
    told = [event for event in other.heard if event.kind == "reading"]
    assert set(told) <= {meanwhile, after}  # what was told before the other listened again is in its resync


async def test_what_cannot_be_said_is_logged_and_the_screens_ask_again(both: tuple[Process, Process]) -> None:
    one, other = both
    one.bus.publish(Event("gateway", NOW, gateway=cast("str", object())))
    await other.hears(Event("resync", NOW))
    after = Event("gateway", NOW, gateway="home-0001")
    one.bus.publish(after)
    await other.hears(after)


async def test_a_word_of_another_release_makes_the_screens_ask_again(both: tuple[Process, Process], url: str) -> None:
    one, other = both
    strange = ["no JSON", '[["reading"]]', '[["unheard", "2026-11-22T07:30:00+00:00", null, null, null, null]]']
    async with signals(url, CHANNEL, lambda _: None) as line:
        for word in strange:
            await line.say([word])
    after = Event("gateway", NOW, gateway="home-0001")
    one.bus.publish(after)
    await other.hears(after)
    assert [event for event in other.heard if event.kind != "resync"] == [after]
    assert Event("resync", NOW) in other.heard


async def test_what_was_published_before_the_end_is_told_yet(both: tuple[Process, Process], url: str) -> None:
    _, other = both
    last = _reading(uuid4())
    async with AsyncExitStack() as stack:
        third = Process(url)
        await third.run(stack)
        await _listening(url, 3)
        third.bus.publish(last)
    await other.hears(last)
    assert other.heard == [last]


async def test_where_the_server_is_away_nothing_waits_and_the_line_comes_by_itself(tmp_path: Path) -> None:
    bus = EventBus()
    bridge = EventBridge(f"postgresql+asyncpg://hearthline@/records?host={tmp_path}", bus, lambda: NOW)
    running = asyncio.create_task(bridge.run())
    await asyncio.sleep(0)
    bus.publish(_reading(uuid4()))
    await asyncio.wait_for(bridge.flush(), 5)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not bus.listened("reading")


async def test_with_sqlite_there_is_one_process(tmp_path: Path) -> None:
    bus = EventBus()
    async with bridged(records_url(tmp_path / "records.sqlite3"), bus, lambda: NOW):
        assert not bus.listened("reading")
