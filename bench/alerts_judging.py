"""Processor time of judging, one reading after the other, as replay and backtest do it."""

import gc
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from time import thread_time_ns
from typing import Final
from uuid import UUID

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.change_rule import Change, ChangeRule
from hearthline_backend.domain.combination_rule import AnyOf, Changed, CombinationRule, Crossed
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.replaying import Replay
from hearthline_backend.domain.rules import Limit
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.templates import TEMPLATES
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule
from hearthline_backend.replay.csv_readings import Number
from hearthline_backend.replay.running import plan_of_rules
from hearthline_protocol.readings import Quality

TEN: Final = 10
_START: Final = datetime(2026, 1, 1, 6, tzinfo=UTC)
_APART: Final = timedelta(hours=6)
_ZONE: Final = "Europe/Stockholm"
_PRESSURE: Final = "blood_pressure"
_SYSTOLIC: Final = "systolic"
_MMHG: Final = "mm[Hg]"


@dataclass(frozen=True, slots=True)
class JudgingFound:
    """Medians in microseconds a reading. ``dearest`` is the one rule, of the ten, that costs most by itself."""

    one_us: float
    dearest: str
    ten_us: float


def measure(readings: int) -> JudgingFound:
    """Judge so many blood pressures by ten rules, of seven kinds, that all look at each of them; then by each of the
    ten alone, of which the dearest counts."""
    observed = list(made_readings(readings))
    rules = ten_rules()
    alone = {rule.id: _median_us((rule,), observed) for rule in rules}
    dearest = max(alone, key=alone.__getitem__)
    return JudgingFound(alone[dearest], dearest, _median_us(rules, observed))


def ten_rules() -> tuple[ReadingRule, ...]:
    """The five of the template for high blood pressure, and one of each other kind."""
    template = tuple(rule for rule in TEMPLATES["hypertension"].rules if isinstance(rule, ReadingRule))
    yellow = (Limit(_SYSTOLIC, 20, _MMHG),)
    fall = (Change(40, _MMHG, timedelta(days=2)),)
    crossed = Crossed(_PRESSURE, _SYSTOLIC, "above", 170, _MMHG)
    changed = Changed(_PRESSURE, _SYSTOLIC, "rises", 50, _MMHG)
    more: tuple[ReadingRule, ...] = (
        ChangeRule("bench.change", _PRESSURE, _SYSTOLIC, "falls", (), fall, "s", "a", "baseline", look_back=_days(21)),
        MovingAverageRule(
            "bench.moving_average", _PRESSURE, _SYSTOLIC, "above", (), yellow, "s", "a", against="baseline"
        ),
        CusumRule("bench.cusum", _PRESSURE, _SYSTOLIC, "above", (), (Limit(_SYSTOLIC, 300, _MMHG),), 10, "s", "a"),
        CombinationRule("bench.combination", None, AnyOf((crossed, changed)), _days(2), "s", "a"),
        ScoreRule("bench.score", "s", "a"),
    )
    return (*template, *more)


def _days(number: int) -> timedelta:
    return timedelta(days=number)


def made_readings(count: int) -> Iterator[Observation]:
    """Around the clock, four a day; some past a limit."""
    chance = random.Random(7)
    for number in range(count):
        at = _START + number * _APART
        values = {
            _SYSTOLIC: Number(float(chance.randint(112, 163))),
            "diastolic": Number(float(chance.randint(64, 98))),
            "pulse": Number(float(chance.randint(52, 104))),
        }
        yield Observation(UUID(int=number), _PRESSURE, Quality.VALID, at, at, values)


def _median_us(rules: Sequence[ReadingRule], observed: Sequence[Observation]) -> float:
    replay = Replay((plan_of_rules(rules),), _ZONE)
    spent: list[int] = []
    gc.collect()
    gc.disable()
    try:
        for reading in observed:
            began = thread_time_ns()
            replay.see(reading)
            spent.append(thread_time_ns() - began)
    finally:
        gc.enable()
    return median(spent) / 1000
