"""Readiness: what is wrong, since when, what to do; never asked twice at once, however often a probe comes."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hearthline_backend.operations import readiness as module
from hearthline_backend.operations.checks import broker_connected, due_ticks, ingest_moves
from hearthline_backend.operations.readiness import Readiness, Trouble

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Part:
    """A part that can be well, in trouble, broken or hanging."""

    def __init__(self) -> None:
        self.asked = 0
        self.trouble: Trouble | None = None
        self.breaks: Exception | None = None
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def probe(self) -> Trouble | None:
        self.asked += 1
        await self.goes_on.wait()
        if self.breaks is not None:
            raise self.breaks
        return self.trouble


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer is asked for anew."""
    monkeypatch.setattr(module, "KEPT_FOR_S", 0.0)


async def answer(readiness: Readiness) -> tuple[bool, dict[str, object]]:
    ready, checks = await readiness.answer()
    (only,) = checks
    return ready, only


@pytest.mark.usefixtures("fresh")
async def test_trouble_says_since_when_until_it_is_over() -> None:
    now, part = [NOON], Part()
    readiness = Readiness(lambda: now[0])
    readiness.add("store", part.probe)
    assert await answer(readiness) == (True, {"check": "store", "ok": True})
    part.trouble = Trouble("start it")
    expected = {"check": "store", "ok": False, "since": NOON.isoformat(), "next_step": "start it"}
    assert await answer(readiness) == (False, expected)
    now[0] += timedelta(minutes=5)
    assert await answer(readiness) == (False, expected), "since it began, not since it was asked"
    part.trouble = None
    assert await answer(readiness) == (True, {"check": "store", "ok": True})
    part.trouble = Trouble("start it", NOON - timedelta(hours=1))
    assert (await answer(readiness))[1]["since"] == (NOON - timedelta(hours=1)).isoformat(), "the part knows it better"


@pytest.mark.usefixtures("fresh")
async def test_a_part_that_hangs_is_asked_once_and_waited_for_briefly() -> None:
    part = Part()
    part.goes_on.clear()
    readiness = Readiness(lambda: NOON, within_s=0.02)
    readiness.add("store", part.probe)
    answers = [await answer(readiness) for _ in range(5)]
    assert part.asked == 1
    assert all(not ready and "did not answer within 0.02 s" in str(check["next_step"]) for ready, check in answers)
    part.goes_on.set()
    async with asyncio.timeout(10):
        while not (await answer(readiness))[0]:  # noqa: ASYNC110  # the answer of the try that hung comes by itself
            await asyncio.sleep(0)
    assert (await answer(readiness))[0]
    await readiness.close()


async def test_one_answer_serves_everybody_who_asks_within_a_second() -> None:
    part = Part()
    readiness = Readiness(lambda: NOON)
    readiness.add("store", part.probe)
    answers = await asyncio.gather(*(answer(readiness) for _ in range(50)))
    assert part.asked == 1
    assert all(ready for ready, _ in answers)


@pytest.mark.usefixtures("fresh")
async def test_a_defect_is_an_answer_without_the_values_in_its_text() -> None:
    part = Part()
    part.breaks = ValueError("Anna 186")
    readiness = Readiness(lambda: NOON)
    readiness.add("store", part.probe)
    ready, check = await answer(readiness)
    assert not ready
    assert "ValueError" in str(check["next_step"])
    assert "Anna" not in str(check)


async def test_what_is_in_hand_too_long_and_a_store_that_takes_nothing_are_trouble() -> None:
    oldest: list[datetime | None] = [None]
    delayed: list[datetime | None] = [None]
    probe = ingest_moves(lambda: oldest[0], lambda: delayed[0], lambda: NOON)
    assert await probe() is None
    oldest[0] = NOON - timedelta(seconds=29)
    assert await probe() is None
    oldest[0] = NOON - timedelta(seconds=31)
    found = await probe()
    assert found is not None
    assert found.since == oldest[0]
    delayed[0] = NOON - timedelta(seconds=5)
    found = await probe()
    assert found is not None
    assert found.since == delayed[0]


async def test_the_broker_and_what_is_due() -> None:
    assert await broker_connected(lambda: None)() is None
    found = await broker_connected(lambda: NOON)()
    assert found is not None
    assert found.since == NOON
    assert await due_ticks(lambda: 29.0)() is None
    assert await due_ticks(lambda: 31.0)() is not None
