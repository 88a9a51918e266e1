"""From the radio into a real outbox: what a connection brought is what the next one does not ask for again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hearthline_gateway.ble.collector import Collector
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.clock import Clock
from hearthline_gateway.frame_reader import FrameReader
from hearthline_gateway.outbox.rows import Pending
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.pipeline import Pipeline
from hearthline_protocol.readings import Quality, Reading
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.glucose import GlucoseMeter, GlucoseRecord
from hearthline_simulator.meters.xiaomi_scale import AdvertisedRecord
from tests.fixtures.ble_home import WITHIN_S, bus, eventually
from tests.fixtures.ble_meters import GLUCOSE, GLUCOSE_SPEC, XIAOMI, XIAOMI_SPEC

__all__ = ["bus"]


class Kept:
    """Which readings were new, and what stands in the outbox in the end."""

    def __init__(self) -> None:
        self.added: set[int] = set()
        self.readings: list[Reading] = []

    def tell(self, pending: Sequence[Pending]) -> None:
        self.added |= {row.seq for row in pending}

    async def until(self, number: int) -> None:
        await eventually(lambda: len(self.added) >= number, within_s=WITHIN_S)


@asynccontextmanager
async def gateway(folder: Path, kept: Kept) -> AsyncIterator[Collector]:
    """The radio side of a gateway, its memory on disk."""
    async with Outbox(folder / "outbox.sqlite") as outbox:
        clock = Clock(trust=True)
        pipeline = Pipeline(outbox, FrameReader(ZoneInfo("UTC")), clock, added=kept.tell, quiet_s=0.2, context_s=0.3)
        collector = Collector(
            [
                ConfiguredMeter(GLUCOSE_SPEC.address, GLUCOSE),
                ConfiguredMeter(XIAOMI_SPEC.address, replace(XIAOMI, services=("181D",))),
            ],
            pipeline,
            memory=outbox,
            home_zone=UTC,
            clock_synchronised=lambda: True,
        )
        running = asyncio.create_task(collector.run())
        try:
            yield collector
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await pipeline.close()
            kept.readings = [Reading.model_validate_json(row.reading) for row in await outbox.load(sorted(kept.added))]


async def test_a_glucose_meter_is_read_once_across_connections_and_restarts(bus: str, tmp_path: Path) -> None:
    kept = Kept()
    async with SimulatedHome(bus, [GLUCOSE_SPEC, XIAOMI_SPEC], home_zone=UTC) as home:
        meter = home.meter("glucose")
        assert isinstance(meter, GlucoseMeter)
        meter.hang_up_after = 2
        async with gateway(tmp_path, kept):
            await meter.measure(
                GlucoseRecord(glucose=95, minutes_ago=600, meal="fasting", carbohydrate=45),
                GlucoseRecord(glucose=5.6, unit="mmol/L", minutes_ago=300),
                GlucoseRecord(glucose=180, minutes_ago=1),
            )
            await kept.until(3)
        async with gateway(tmp_path, kept):
            await meter.measure(GlucoseRecord(glucose=float("-inf"), minutes_ago=3 * 365 * 1440))
            await kept.until(4)
            await home.meter("xiaomi").measure(AdvertisedRecord(weight=81.2))
            await kept.until(5)
        asked = [event.payload for event in home.events if event.event is MeterHappening.REQUESTED]
    assert [reading.sequence for reading in kept.readings] == [1, 2, 3, 4, None]
    assert kept.readings[0].context["meal"] == "fasting"
    assert [reading.live for reading in kept.readings] == [False, False, True, True, True]
    low = kept.readings[3]
    assert low.quality is Quality.BEYOND_LOW
    assert abs(low.effective_time - low.received_time) < timedelta(seconds=1), "a single new record is of now"
    assert kept.readings[4].kind == "body_weight"
    assert "0103010300" in asked, "after the interruption it goes on from the third record"
    assert "0103010400" in asked, "after the restart only what is new is asked for"
