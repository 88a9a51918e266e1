"""Data is delayed: not for a moment's trouble, since when it began, and told to every stream once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hearthline_backend.events import Event, EventBus
from hearthline_backend.operations.data_delay import DataDelay
from hearthline_backend.operations.readiness import Trouble

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Service:
    """A clock, the checks of a process by name, and whether readings are taken."""

    def __init__(self) -> None:
        self.now = NOON
        self.failing: dict[str, datetime] = {}
        self.taken: Trouble | None = None

    def clock(self) -> datetime:
        return self.now

    async def ask(self) -> tuple[bool, Sequence[Mapping[str, Any]]]:
        names = ("running", "records", "readings", "broker", "ingest", "due")
        found = [
            {"check": name, "ok": name not in self.failing}
            | ({"since": self.failing[name].isoformat()} if name in self.failing else {})
            for name in names
        ]
        return not self.failing, found

    async def probe(self) -> Trouble | None:
        return self.taken


class Heard(EventBus):
    """Keeps what is published."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def publish(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
async def told() -> tuple[Service, DataDelay, list[Event]]:
    service, bus = Service(), Heard()
    return service, DataDelay(service.ask, service.probe, bus, service.clock), bus.events


@pytest.mark.parametrize("check", ["records", "readings", "broker", "ingest", "due"])
async def test_each_hop_is_said_after_half_a_minute_and_taken_back(
    told: tuple[Service, DataDelay, list[Event]], check: str
) -> None:
    service, delay, events = told
    service.failing[check] = NOON
    service.now += timedelta(seconds=29)
    await delay.look()
    assert (delay.since, events) == (None, [])
    service.now += timedelta(seconds=2)
    for _ in range(3):
        await delay.look()
    assert (delay.since, [one.kind for one in events]) == (NOON, ["store"])
    service.failing.clear()
    await delay.look()
    assert (delay.since, len(events)) == (None, 2)


async def test_a_process_that_ends_delays_nothing_and_the_first_that_broke_is_said(
    told: tuple[Service, DataDelay, list[Event]],
) -> None:
    service, delay, _events = told
    service.failing = {"running": NOON - timedelta(hours=1)}
    await delay.look()
    assert delay.since is None
    service.failing = {"broker": NOON - timedelta(minutes=2), "readings": NOON - timedelta(minutes=5)}
    await delay.look()
    assert delay.since == NOON - timedelta(minutes=5)


async def test_nobody_who_takes_readings_is_said_since_the_last_that_did(
    told: tuple[Service, DataDelay, list[Event]],
) -> None:
    service, delay, _events = told
    service.taken = Trouble("start a worker", NOON - timedelta(minutes=3))
    await delay.look()
    assert delay.since == NOON - timedelta(minutes=3)
