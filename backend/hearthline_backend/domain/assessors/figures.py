"""The numbers that rules compute with: exact, so that sums do not drift and 80.1 to 82.1 kg is a change of 2 kg."""

from collections.abc import Iterable
from math import inf
from typing import Final, Literal, NamedTuple

from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.rules import Level, Limit
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Quality

EXACT: Final = 2_000_000
"""Parts of a unit: a millionth, and half of it, so that the middle of two values is whole as well."""

_MILLION: Final = 1_000_000
_PLAIN: Final = (Quality.VALID, Quality.QUESTIONABLE)


def exact(value: float) -> int:
    """A number in whole parts, to the nearest millionth of its unit."""
    return round(value * _MILLION) * 2


def plain(parts: float) -> float:
    """The number again."""
    return parts / EXACT


def figure(observation: Observation, field: str) -> float | None:
    """The number of a field: infinite where it lies beyond what the meter can process, None where there is none."""
    value = observation.values.get(field)
    if observation.quality in _PLAIN:
        if value is None:
            return None
        if value.comparator is None:
            return value.value
    elif _all_beyond(observation) and field in KINDS[observation.kind].required:
        return inf if observation.quality is Quality.BEYOND_HIGH else -inf
    if value is None:
        return None
    if value.comparator is not None:
        return inf if value.comparator == ">" else -inf
    return value.value


def _all_beyond(observation: Observation) -> bool:
    """A reading that only says "low" or "high", without marking which of its values."""
    marked = any(value.comparator is not None for value in observation.values.values())
    return observation.quality in (Quality.BEYOND_LOW, Quality.BEYOND_HIGH) and not marked


class Bar(NamedTuple):
    """A limit in parts, turned so that larger is worse; ``clears`` is the largest number that counts as back within."""

    level: Level
    value: int
    clears: int | None
    limit: Limit


def bars(red: tuple[Limit, ...], yellow: tuple[Limit, ...], sign: Literal[1, -1]) -> tuple[Bar, ...]:
    """Red first. ``sign`` is -1 for limits that are passed downwards."""
    return tuple(
        Bar(level, sign * exact(limit.value), None if limit.clears is None else sign * exact(limit.clears), limit)
        for level, limits in ((Level.RED, red), (Level.YELLOW, yellow))
        for limit in limits
    )


NOTHING: Final[tuple[Level | None, Level | None]] = (None, None)
"""Neither past a limit nor near one."""


def held_against(bars: tuple[Bar, ...], number: float, count: int = 1) -> tuple[Level | None, Level | None]:
    """``(past, near)`` of a number that is the sum of ``count`` values, in parts: held against each bar so many times,
    since a mean would have to be rounded."""
    near: Level | None = None
    for bar in bars:
        if number >= bar.value * count:
            return bar.level, near
        if near is None and bar.clears is not None and number > bar.clears * count:
            near = bar.level
    return (None, near) if near is not None else NOTHING


def together(found: Iterable[tuple[Level | None, Level | None]]) -> tuple[Level | None, Level | None]:
    """The worst of several ``(past, near)``: a level that is near only counts where it is worse than what is passed."""
    past: Level | None = None
    near: Level | None = None
    for passed, close in found:
        past, near = _worse(past, passed), _worse(near, close)
    return past, near if near is not None and (past is None or near.rank > past.rank) else None


def _worse(one: Level | None, other: Level | None) -> Level | None:
    if one is None or other is None:
        return other if one is None else one
    return one if one.rank >= other.rank else other
