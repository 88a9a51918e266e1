"""The broker or the store was away when a measurement was due: that hop is named, technicians are told once, the care
team is not, and it ends by itself."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hearthline_backend.alerting.intake import IntakeMarks
from hearthline_backend.domain.silence import Absence, Hop
from hearthline_backend.storage.ports import QuietRegister, StoreUnavailableError
from hearthline_backend.storage.records import absences
from hearthline_backend.storage.records.alerts import AlertState
from tests.fixtures.clinic import clinic
from tests.fixtures.records import Engine
from tests.fixtures.silent_home import MORNING_OVER, SilentHome

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def home(tmp_path: Path, records_engine: Engine) -> AsyncIterator[SilentHome]:
    async with clinic(tmp_path, records_engine) as made:
        opened = SilentHome(made)
        await opened.open()
        yield opened


def _process(home: SilentHome, hop: Hop, since: datetime) -> IntakeMarks:
    return IntakeMarks(home.clinic.records, lambda: False, home.clinic.clock, lambda: {hop: since})


async def away(home: SilentHome, hop: Hop, until: datetime) -> None:
    """From now on a hop takes nothing; two processes know, and say so now and then."""
    since = home.now
    marks = [_process(home, hop, since), _process(home, hop, since + timedelta(seconds=1))]
    while home.now < until:
        home.clinic.clock.now = min(home.now + timedelta(hours=1), until)
        for process in marks:
            await process.mark()
        await home.look()


async def mails(home: SilentHome) -> dict[UUID, tuple[str, str | None, str | None]]:
    """What waits to be sent; nobody sends it here, so that it waits for ever."""
    return {one.notification.id: (one.address, one.notice, one.path) for one in await home.waiting()}


async def detail(home: SilentHome) -> dict[str, Any]:
    events = await home.clinic.events_of(await home.silence())
    return next(dict(one.detail) for one in reversed(events) if "hops" in one.detail)


@pytest.mark.parametrize("hop", [Hop.BROKER, Hop.BACKEND])
async def test_a_hop_behind_every_home_is_named_told_to_technicians_once_and_ends_by_itself(
    home: SilentHome, hop: Hop
) -> None:
    await home.until(MORNING_OVER - timedelta(hours=3))
    await away(home, hop, MORNING_OVER - 10 * MINUTE)
    assert await home.silences() == [], "its grace is not over"
    await away(home, hop, MORNING_OVER + timedelta(hours=12, minutes=20))  # the evening too
    alert = await home.silence()
    assert await home.hops() == [hop.value]
    assert (await detail(home))["away"] is True
    assert ((await detail(home))["care"], (await detail(home))["technician"]) == (False, True)
    assert await home.clinic.told(alert) == []
    assert await home.home_alerts() == (), "nothing is wrong in the home"
    told = await mails(home)
    assert list(told.values()) == [("jt@example.org", "behind", "/homes")]
    await home.until(home.now + timedelta(minutes=40))
    assert (await home.silence()).state is AlertState.OPEN
    assert await home.hops() == [hop.value], "what was due while it was away stays its"
    await home.measured_at(home.now - timedelta(hours=3))  # what had waited in the home
    await home.look()
    assert (await home.silence()).state is AlertState.RESOLVED
    assert await mails(home) == told, "nobody else, and not again"


async def test_the_next_slot_is_judged_by_itself_when_the_hop_is_back(home: SilentHome) -> None:
    await home.until(MORNING_OVER - timedelta(hours=3))
    await away(home, Hop.BROKER, MORNING_OVER + 10 * MINUTE)
    assert await home.hops() == ["broker"]
    await home.says()
    await home.until(MORNING_OVER + timedelta(hours=12, minutes=1))
    assert await home.hops() == ["not_measured", "meter"]
    assert (await detail(home))["slots"] == 1
    assert next(one[:3] for one in await home.clinic.told(await home.silence())) == ("E.S.", "mail", "raised")


async def test_one_workers_trouble_is_nobodys_while_another_takes_all(home: SilentHome) -> None:
    await home.until(MORNING_OVER - timedelta(hours=3))
    await home.says()
    async with home.clinic.records.begin() as unit:
        await unit.absences.seen(Absence(Hop.BROKER, home.now, MORNING_OVER))
    await home.until(MORNING_OVER + MINUTE)
    assert await home.hops() == ["not_measured", "meter"]


async def test_nothing_is_said_of_what_closed_before_anybody_saw_the_hop_away(home: SilentHome) -> None:
    home.clinic.clock.now = MORNING_OVER  # nobody ran until now, and the broker is away as the first one starts
    await away(home, Hop.BROKER, MORNING_OVER + timedelta(hours=6))
    assert await home.silences() == []


class _Clocked:
    """A clock, Records that can be made to be away, and what a process knows of its hops."""

    def __init__(self, home: SilentHome) -> None:
        self.home = home
        self.broken = False
        self.since: dict[Hop, datetime | None] = {}

    def begin(self) -> Any:
        if self.broken:
            raise StoreUnavailableError("away, for this test")
        return self.home.clinic.records.begin()

    def read(self) -> Any:
        return self.home.clinic.records.read()

    @property
    def quiet(self) -> QuietRegister | None:
        return self.home.clinic.records.quiet

    async def close(self) -> None:
        """It is the clinic's."""

    async def rows(self) -> list[Absence]:
        async with self.home.clinic.records.read() as unit:
            start = self.home.now - timedelta(days=400)
            return [one.absence for one in await unit.absences.since(start, self.home.now)]


async def test_rows_grow_short_ones_are_not_kept_and_an_absent_store_is_told_of_when_it_is_back(
    home: SilentHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, clock, start = _Clocked(home), home.clinic.clock, home.now
    marks = IntakeMarks(process, lambda: not process.since, clock, lambda: process.since)
    process.since = {Hop.BROKER: start}
    clock.turn(minutes=1)
    await marks.mark()
    assert await process.rows() == []
    clock.turn(minutes=4)
    await marks.mark()
    clock.turn(minutes=4)
    await marks.mark()
    assert await process.rows() == [Absence(Hop.BROKER, start, start + 9 * MINUTE)]
    process.since, process.broken = {}, True
    for _minute in range(5):
        clock.turn(minutes=1)
        with pytest.raises(StoreUnavailableError):
            await marks.mark()
    process.broken = False
    clock.turn(minutes=1)
    await marks.mark()
    stored = Absence(Hop.BACKEND, start + 10 * MINUTE, start + 14 * MINUTE)
    assert (await process.rows())[1:] == [stored]
    clock.turn(minutes=1)
    await marks.mark()
    assert (await process.rows())[1:] == [stored], "it is over"
    monkeypatch.setattr(absences, "MOST", 3)
    for number in range(6):
        async with home.clinic.records.begin() as unit:
            await unit.absences.seen(Absence(Hop.BROKER, clock.now + number * MINUTE, clock.now + number * MINUTE))
    clock.turn(minutes=10)
    assert len(await process.rows()) == 3
    clock.turn(days=91)
    async with home.clinic.records.begin() as unit:
        await unit.absences.seen(Absence(Hop.BROKER, clock.now, clock.now))
    assert len(await process.rows()) == 1
