"""A measure over the days of a backtest, with two lanes under it: which episodes there were, and would have been.

Coordinates are per cent of the drawing, so that text and marks keep their size at any width.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hearthline_backend.domain.rules import Level
from hearthline_backend.replay.backtest import Stretch
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.web.figures import field_name, kind_name, main_fields, number_text, plain_figure
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import day_stamp
from hearthline_backend.web.views.series import SCALES, scale_of
from hearthline_protocol.readings import Quality

MOST_POINTS: Final = 400
"""So many readings are drawn; of more, the lowest and the highest of each stretch of time."""
_BREAK: Final = timedelta(days=3)

Point = tuple[datetime, tuple[float, ...]]
"""When something was measured, and a number a field."""


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit: ``y`` from the top; ``new`` for one that the proposed plan has and the plan in force has not."""

    y: float
    words: str
    new: bool


@dataclass(frozen=True, slots=True)
class LaneMark:
    """One episode: its shape's level, where it opened and how long it lasted."""

    level: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """The episodes of one side."""

    name: str
    marks: tuple[LaneMark, ...]


@dataclass(frozen=True, slots=True)
class PlanChart:
    """``stems`` are (x, top, bottom), ``path`` joins a single number; ``ticks`` are (x, words, anchor) along the time,
    ``steps`` (y, words) along the value. ``name`` says what the eye sees."""

    id: str
    title: str
    name: str
    stems: tuple[tuple[float, float, float], ...]
    path: str
    limits: tuple[LimitLine, ...]
    steps: tuple[tuple[float, str], ...]
    ticks: tuple[tuple[float, str, str], ...]
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """What one chart draws: fields of a kind, in their order."""

    kind: str
    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        """The kind, or the field beside its main ones."""
        return kind_name(self.kind) if self.fields == main_fields(self.kind) else field_name(self.kind, self.fields[0])


def plan_chart(
    measure: Measure,
    points: Sequence[Point],
    limits: Mapping[tuple[float, str, Level], bool],
    sides: Sequence[tuple[str, Sequence[Stretch]]],
    start: datetime,
    now: datetime,
) -> PlanChart:
    """``points`` are the readings from ``start`` to ``now``. ``limits`` are (number, field, level), True for a new one;
    ``sides`` the words of each lane with its episodes."""
    values = [value for _at, numbers in points for value in numbers]
    low, high = _scale(measure, values, [number for number, _field, _level in limits])

    def y(value: float) -> float:
        return round(100 - (value - low) / (high - low) * 100, 2)

    def x(at: datetime) -> float:
        return round(min(max((at - start) / (now - start) * 100, 0), 100), 2)

    drawn = _thinned(points)
    several = len(measure.fields) > 1
    return PlanChart(
        id=f"{measure.kind}-{measure.fields[0]}",
        title=measure.name,
        name=_name(measure, points, sides),
        stems=tuple((x(at), y(max(numbers)), y(min(numbers))) for at, numbers in drawn) if several else (),
        path="" if several else _path([(at, x(at), y(numbers[0])) for at, numbers in drawn]),
        limits=tuple(
            LimitLine(y(number), _limit_words(measure.kind, number, field, level, new=new), new)
            for (number, field, level), new in limits.items()
        ),
        steps=tuple((y(one), number_text(one, 0)) for one in _steps(low, high)),
        ticks=_ticks(start, now),
        lanes=tuple(Lane(words, tuple(_mark(one, x, now) for one in stretches)) for words, stretches in sides),
    )


def points_of(measure: Measure, readings: Iterable[PatientReading]) -> list[Point]:
    """What of readings can be drawn: of the patient, with a number for every field."""
    found = []
    for row in readings:
        reading = row.content
        if reading.quality in (Quality.FAILED, Quality.NOT_PATIENT) or reading.synthetic:
            continue
        values = [reading.values[name].value for name in measure.fields if name in reading.values]
        numbers = tuple(one for one in values if one is not None)
        if len(numbers) == len(measure.fields):
            found.append((row.effective_time, numbers))
    return found


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    if len(points) <= MOST_POINTS:
        return points
    size = -(-len(points) * 2 // MOST_POINTS)
    kept: list[Point] = []
    for first in range(0, len(points), size):
        group = points[first : first + size]
        ends = {min(group, key=lambda one: one[1][0])[0], max(group, key=lambda one: one[1][0])[0]}
        kept += [one for one in group if one[0] in ends]
    return kept


def _scale(measure: Measure, values: Sequence[float], limits: Sequence[float]) -> tuple[float, float]:
    if measure.fields == main_fields(measure.kind):
        low, high = scale_of(measure.kind, values, limits if measure.kind not in SCALES else ())
    else:
        low, high = scale_of("", [*values, *limits])
    return (low, high) if high > low else (low - 1, high + 1)


def _steps(low: float, high: float) -> list[float]:
    step = next(one for one in (1, 2, 5, 10, 20, 50, 100, 200, 500) if (high - low) / one <= 5 or one == 500)
    first = -(-low // step) * step
    return [first + number * step for number in range(int((high - first) // step) + 1)]


def _ticks(start: datetime, now: datetime) -> tuple[tuple[float, str, str], ...]:
    places = ((0.0, "start"), (50.0, "middle"), (100.0, "end"))
    return tuple((part, day_stamp(start + (now - start) * part / 100, now), anchor) for part, anchor in places)


def _path(points: Sequence[tuple[datetime, float, float]]) -> str:
    parts, last = [], None
    for at, across, down in points:
        parts.append(f"{'L' if last is not None and at - last <= _BREAK else 'M'}{across:g} {down:g}")
        last = at
    return "".join(parts)


def _mark(one: Stretch, x: Callable[[datetime], float], now: datetime) -> LaneMark:
    return LaneMark(one.level.value, x(one.opened), round(x(one.ended or now) - x(one.opened), 2))


def _limit_words(kind: str, number: float, field: str, level: Level, *, new: bool) -> str:
    figure = plain_figure(kind, field, number)
    if new:
        words = _("new red limit {limit}") if level is Level.RED else _("new yellow limit {limit}")
    else:
        words = _("red limit {limit} now") if level is Level.RED else _("yellow limit {limit} now")
    return words.format(limit=figure)


def _name(
    measure: Measure,
    points: Sequence[Point],
    sides: Sequence[tuple[str, Sequence[Stretch]]],
) -> str:
    readings = n_("{n} reading", "{n} readings", len(points)).format(n=len(points))
    return ". ".join((measure.name, readings, *(words for words, _stretches in sides))) + "."
