"""What a plan would have done takes a while: everybody else's pages go on meanwhile, and it ends with who asked."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from hearthline_backend.replay import backtest as replayed
from hearthline_backend.replay.backtest import Backtest, compare
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.web import ward_backtests
from hearthline_backend.web.routes import plan as plan_routes
from tests.browser.ward import Ward, reading
from tests.browser.ward_filling import open_ward
from tests.integration.test_web_plan import RED, YELLOW, followed, opened, posted, words
from tests.integration.web_visitor import Visitor, visitor

GENEROUS_S: Final = 30


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    """With somebody in it who measures every half an hour."""
    async with open_ward(tmp_path) as filled:
        astrid, now = filled.patient_id("Astrid"), filled.clock.now
        often = [now - timedelta(minutes=30 * number) for number in range(1, 1800)]
        rows = [reading("blood_pressure", at, systolic=120 + at.hour, diastolic=80) for at in often]
        await filled.readings.write([PatientReading(astrid, "home-0417", one, one.received_time) for one in rows])
        yield filled


@pytest.fixture
async def nurse(ward: Ward) -> AsyncIterator[Visitor]:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        yield client


class Gate:
    """Work of another thread waits at it until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached = asyncio.Event()
        self.through = 0
        self._open = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._see_all = replayed._see_all
        monkeypatch.setattr(replayed, "_see_all", self._wait)

    def _wait(self, *arguments: Any) -> None:
        self.through += 1
        self._loop.call_soon_threadsafe(self.reached.set)
        self._open.wait(GENEROUS_S)
        self._see_all(*arguments)

    async def open(self) -> None:
        """Let through who waits, and see them out."""
        self._open.set()
        await asyncio.to_thread(lambda: None)


@pytest.fixture
async def gate(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gate]:
    made = Gate(monkeypatch)
    yield made
    await made.open()


async def test_the_loop_has_its_turns_in_every_part_of_a_preview(
    ward: Ward, nurse: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, seen = asyncio.get_running_loop(), dict[str, int]()

    def watched(place: Any, name: str) -> None:
        work: Callable[..., Any] = getattr(place, name)

        def with_a_turn(*arguments: Any) -> Any:
            turn = threading.Event()
            loop.call_soon_threadsafe(turn.set)
            assert turn.wait(GENEROUS_S), f"{name} holds the loop"
            seen[name] = seen.get(name, 0) + 1
            return work(*arguments)

        monkeypatch.setattr(place, name, with_a_turn)

    for name in ("observed", "_see_all"):
        watched(replayed, name)
    for name in ("points_of", "preview"):
        watched(plan_routes, name)
    _page, form = await opened(ward, nurse)
    answer = await posted(ward, nurse, form.put({RED: "160", YELLOW: "140"}), "/preview")
    assert answer.status == 200
    assert "It would have fired" in await answer.text()
    assert seen.keys() == {"observed", "_see_all", "points_of", "preview"}
    assert seen["_see_all"] > seen["observed"], "a month of many readings is looked at in parts"


async def test_a_preview_ends_with_whoever_asked_for_it(
    ward: Ward, nurse: Visitor, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def until_it_is_cancelled(*arguments: Any) -> None:
        try:
            await compare(*arguments)
        except asyncio.CancelledError:
            ended.set()
            raise

    monkeypatch.setattr(plan_routes, "compare", until_it_is_cancelled)
    _page, form = await opened(ward, nurse)
    asking = asyncio.create_task(posted(ward, nurse, form.put({RED: "160"}), "/preview"))
    async with asyncio.timeout(GENEROUS_S):
        await gate.reached.wait()
        asking.cancel()
        await ended.wait()
    await gate.open()
    assert gate.through == 1
    assert (await nurse.get("/worklist")).status == 200


async def test_who_is_not_looked_at_to_the_end_is_not_counted(ward: Ward, gate: Gate) -> None:
    async with ward.records.read() as unit:
        patient = await unit.care.patient(ward.patient_id("Astrid"))
        history = await unit.care.plan_history(ward.patient_id("Astrid"))
    assert patient is not None
    found = Backtest(90)
    work = asyncio.create_task(compare(found, ward.readings, patient, history[-1], history[-1], ward.clock.now))
    await gate.reached.wait()
    work.cancel()
    await asyncio.wait([work])
    await gate.open()
    assert work.cancelled()
    assert found == Backtest(90)
    await compare(found, ward.readings, patient, history[-1], history[-1], ward.clock.now)
    assert found.readings >= 1799
    assert found.in_force.counts.total == found.proposed.counts.total > 0


async def test_the_team_s_backtest_stops_in_the_middle_of_a_patient(
    ward: Ward, nurse: Visitor, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(*_arguments: Any) -> None:
        """For the one patient whose page it is, above the team's."""

    monkeypatch.setattr(plan_routes, "compare", at_once)
    _page, form = await opened(ward, nurse)
    page = await (await posted(ward, nurse, form.put({RED: "160"}), "/ward")).text()
    address = re.search(r"/patients/[^\"]+/plan/ward/[\w-]+", page)
    assert address is not None
    async with asyncio.timeout(GENEROUS_S):
        await gate.reached.wait()
        answer = await nurse.post(f"{address[0]}/stop", htmx=True)
    assert "Stopped. 0 of" in words(await answer.text())
    assert gate.through == 1


async def test_the_team_s_backtest_ends_when_nobody_follows_it(
    ward: Ward, nurse: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ward_backtests, "UNWATCHED", timedelta(days=-1))
    _page, form = await opened(ward, nurse)
    page = await (await posted(ward, nurse, form.put({RED: "160"}), "/ward")).text()
    assert "Stopped. 0 of" in await followed(nurse, page)
