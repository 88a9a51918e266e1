"""From Bluetooth to the outbox: each meter in order, none waiting for another, nothing dropped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from hearthline_gateway.ble import delivery as delivery_module
from hearthline_gateway.ble.delivery import Delivery
from hearthline_gateway.frame import Frame
from tests.fixtures.cuff_frames import SENSOR, cuff_frame

OTHER = "A4:C1:38:0A:0B:0C"


class Sink:
    """Keeps what it is given, in order; a sensor in ``blocked`` waits for its event first."""

    def __init__(self) -> None:
        self.log: list[tuple[str, object]] = []
        self.blocked: dict[str, asyncio.Event] = {}
        self.refusals = 0

    async def heard(self, frame: Frame) -> None:
        if frame.sensor in self.blocked:
            await self.blocked[frame.sensor].wait()
        if self.refusals:
            self.refusals -= 1
            raise OSError("no space left on device")
        self.log.append((frame.sensor, frame.payload))

    async def connection_ended(self, sensor: str) -> None:
        self.log.append((sensor, "ended"))


@asynccontextmanager
async def delivering(sink: Sink) -> AsyncIterator[Delivery]:
    delivery = Delivery(sink)
    running = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def drained(delivery: Delivery) -> None:
    async with asyncio.timeout(15):
        await delivery.drained()


async def test_a_meter_that_waits_for_the_disk_holds_up_no_other_and_keeps_its_order() -> None:
    sink = Sink()
    sink.blocked[SENSOR] = asyncio.Event()
    async with delivering(sink) as delivery:
        mine = [cuff_frame(number) for number in range(5)]
        for frame in mine:
            delivery.frame(frame)
        delivery.ended(SENSOR)
        delivery.frame(replace(cuff_frame(9), sensor=OTHER))
        delivery.ended(OTHER)
        async with asyncio.timeout(15):
            while len(sink.log) < 2:  # noqa: ASYNC110 - the sink announces nothing
                await asyncio.sleep(0)
        assert [sensor for sensor, _ in sink.log] == [OTHER, OTHER]
        sink.blocked[SENSOR].set()
        await drained(delivery)
        assert sink.log[2:] == [*((SENSOR, frame.payload) for frame in mine), (SENSOR, "ended")]


async def test_what_is_refused_is_offered_again_before_what_came_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "_FIRST_RETRY_S", 0.01)
    sink = Sink()
    sink.refusals = 3
    async with delivering(sink) as delivery:
        frames = [cuff_frame(number) for number in range(3)]
        for frame in frames:
            delivery.frame(frame)
        await drained(delivery)
        assert sink.log == [(SENSOR, frame.payload) for frame in frames]
        assert delivery.problem is None


async def test_while_nothing_can_be_kept_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "_FIRST_RETRY_S", 60.0)
    sink = Sink()
    sink.refusals = 1
    async with delivering(sink) as delivery:
        delivery.frame(cuff_frame())
        async with asyncio.timeout(15):
            while delivery.problem is None:  # noqa: ASYNC110 - it announces itself to nobody
                await asyncio.sleep(0)
        assert "no space left" in delivery.problem
        assert "check the disk" in delivery.problem


async def test_what_came_before_it_ran_is_delivered_too() -> None:
    sink = Sink()
    delivery = Delivery(sink)
    delivery.frame(cuff_frame())
    running = asyncio.create_task(delivery.run())
    await drained(delivery)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(sink.log) == 1
