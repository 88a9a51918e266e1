"""From a cuff's indication to the broker's PUBACK and to the backend's receipt, seen on the gateway's own line."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bench.one_gateway import BenchMeter, OneGateway
from bench.rounds import BenchError
from bench.wire import Passage

CUFFS: Final = 4
RATE: Final = 10.0
"""Measurements a second."""
_SUBSCRIBED_WITHIN_S: Final = 60.0
_RECEIPTED_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One reading, in seconds after its indication: on the wire, acknowledged by the broker, receipted."""

    sent: float
    acknowledged: float
    receipted: float


async def measure(folder: Path, count: int) -> Sequence[RoundTrip]:
    """``count`` measurements over connections that are held open. Raises ``BenchError``."""
    meters = [
        BenchMeter(f"cuff-{one}", "blood_pressure", f"C2:48:4C:B0:01:{one:02X}", "generic-blood-pressure", True)
        for one in range(CUFFS)
    ]
    async with OneGateway(folder, meters) as bench:
        await bench.until(lambda: len(bench.heard.subscribed) == CUFFS, _SUBSCRIBED_WITHIN_S, "every cuff subscribed")
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / RATE - loop.time()))
            values = {"systolic": 100 + number % 80, "diastolic": 60 + number // 80 % 30, "pulse": 70}
            await bench.home.measure(meters[number % CUFFS].name, values)
        await bench.until(lambda: _receipted(bench) >= count, _RECEIPTED_WITHIN_S, "a receipt for every reading")
        return _trips(bench)


def _receipted(bench: OneGateway) -> int:
    done = [passage for passage in bench.tap.passages if passage.receipted is not None]
    return len({reading for passage in done for reading in passage.readings})


def _trips(bench: OneGateway) -> Sequence[RoundTrip]:
    """The n-th reading of a cuff is that of its n-th indication: each cuff has one connection, and keeps its order."""
    passages = first_passages(bench.tap.passages)
    trips: list[RoundTrip] = []
    for meter in bench.meters:
        told, indicated = passages[meter.address], bench.heard.indicated.get(meter.name, [])
        if len(told) != len(indicated):
            raise BenchError(f"{meter.name} indicated {len(indicated)} times, and {len(told)} readings of it were sent")
        for passage, event in zip(told, indicated, strict=True):
            if passage.acknowledged is None or passage.receipted is None:
                raise BenchError(f"a reading of {meter.name} went more than once")
            at = datetime.fromisoformat(event["at"]).timestamp()
            trips.append(RoundTrip(passage.sent - at, passage.acknowledged - at, passage.receipted - at))
    return trips


def first_passages(passages: Sequence[Passage]) -> defaultdict[str, list[Passage]]:
    """By sensor: the first passage of each of its readings, in order."""
    found: defaultdict[str, list[Passage]] = defaultdict(list)
    seen: set[str] = set()
    for passage in passages:
        for sensor, reading in passage.readings:
            if reading not in seen:
                seen.add(reading)
                found[sensor].append(passage)
    return found
