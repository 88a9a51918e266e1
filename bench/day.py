"""What a day costs the gateway: processor time and memory.

Nobody waits a day for it. The day's measurements are really made, read, sent and receipted, and each of its 1,440
statuses is really composed; what is left out is the waiting between them. The time in which nothing happens is
measured for a while as it is, and its processor time a second counted for the rest of the day. Connections follow one
another without the pause in which a meter is left alone, and a stream's notifications come fifty times as fast, into
one window. Not part of it: advertisements of the neighbours' devices, which a real adapter may report.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.one_gateway import BenchMeter, OneGateway
from bench.usage import Memory, memory_of, processor_s
from hearthline_gateway.control.client import talking

DAY_S: Final = 86_400.0
STATUSES: Final = 1_440
HOME: Final = ("blood_pressure", "pulse_oximeter", "weight_scale", "thermometer")
CUFFS: Final = ("blood_pressure",)
_STREAM_PERIOD_S: Final = 0.02
_SETTLED_S: Final = 2.0
_ROUND_WITHIN_S: Final = 60.0
_EACH_WITHIN_S: Final = 4.0
_STREAM_WITHIN_S: Final = 90.0
_VALUES: Final[Mapping[str, Mapping[str, Any]]] = {
    "blood_pressure": {"systolic": 128, "diastolic": 82, "pulse": 70},
    "pulse_oximeter": {"spo2": 97, "pulse": 70},
    "weight_scale": {"weight": 81.5},
    "thermometer": {"temperature": 36.6},
}
_MODELS: Final = {
    "blood_pressure": "generic-blood-pressure",
    "pulse_oximeter": "generic-oximeter",
    "weight_scale": "generic-weight-scale",
    "thermometer": "generic-thermometer",
    "heart_rate": "generic-heart-rate",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A day: so many meters of these profiles with so many readings together, and a strap worn for ``stream_s``
    seconds. What the readings and statuses that are ``made`` cost is counted for all."""

    profiles: tuple[str, ...]
    meters: int
    readings: int
    made: int
    statuses_made: int
    stream_s: int
    idle_s: float


@dataclass(frozen=True, slots=True)
class DayCost:
    """Of one gateway: memory after the start and after the day; processor time of the day in seconds, and what of it
    is spent while nothing happens."""

    plan: Plan
    before: Memory
    after: Memory
    cpu_s: float
    idle_cpu_s: float


async def measure(folder: Path, plan: Plan) -> DayCost:
    """Live that day. Raises ``BenchError``."""
    meters = _meters(plan)
    strap = BenchMeter("strap", "heart_rate", "C2:48:4C:B1:FF:FF", _MODELS["heart_rate"])
    async with OneGateway(folder, [*meters, *([strap] if plan.stream_s else [])]) as bench:
        await asyncio.sleep(_SETTLED_S)
        before = memory_of(bench.gateway.pid)
        idle = await _idle(bench, plan.idle_s)
        readings = await _readings(bench, meters, plan.made) * plan.readings / plan.made
        stream = await _stream(bench, strap, plan.stream_s) if plan.stream_s else 0.0
        statuses = await _statuses(bench, plan.statuses_made) * STATUSES / plan.statuses_made
        after = memory_of(bench.gateway.pid)
    return DayCost(plan, before, after, idle * DAY_S + readings + stream + statuses, idle * DAY_S)


def _meters(plan: Plan) -> Sequence[BenchMeter]:
    profiles = [plan.profiles[number % len(plan.profiles)] for number in range(plan.meters)]
    return [
        BenchMeter(f"meter-{number}", profile, f"C2:48:4C:B1:00:{number:02X}", _MODELS[profile])
        for number, profile in enumerate(profiles)
    ]


async def _idle(bench: OneGateway, seconds: float) -> float:
    """Processor time a second while nothing happens."""
    before = _cpu(bench)
    await asyncio.sleep(seconds)
    return (_cpu(bench) - before) / seconds


async def _readings(bench: OneGateway, meters: Sequence[BenchMeter], count: int) -> float:
    """Round after round, in which each meter measures once."""
    before = _cpu(bench)
    for done in range(0, count, len(meters)):
        chosen = meters[: count - done]
        wanted = len(bench.backend.ids) + len(chosen)
        for meter in chosen:
            await bench.home.measure(meter.name, _VALUES[meter.profile])
        if done:
            await bench.collect()
        within_s = _ROUND_WITHIN_S + len(chosen) * _EACH_WITHIN_S
        await bench.until(_come(bench, wanted), within_s, f"{len(chosen)} readings")
    return _cpu(bench) - before


async def _stream(bench: OneGateway, strap: BenchMeter, seconds: int) -> float:
    before, wanted = _cpu(bench), len(bench.backend.ids) + 1
    samples = [{"rate": 60 + number % 20, "intervals": [0.9]} for number in range(seconds)]
    await bench.home.measure(strap.name, {"samples": samples, "period_s": _STREAM_PERIOD_S})
    await bench.until(_come(bench, wanted), _STREAM_WITHIN_S, "the stream's window")
    return _cpu(bench) - before


async def _statuses(bench: OneGateway, count: int) -> float:
    before = _cpu(bench)
    for _ in range(count):
        async with talking(bench.control_socket) as gateway:
            await gateway.state()
    return _cpu(bench) - before


def _come(bench: OneGateway, count: int) -> Callable[[], bool]:
    return lambda: len(bench.backend.ids) >= count


def _cpu(bench: OneGateway) -> float:
    return processor_s(bench.gateway.pid)
