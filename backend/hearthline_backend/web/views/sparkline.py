"""Some days of one measure as a line of 200 by 40: band, limit, gaps, the last point; and the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.domain.plans import Plan
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.web.figures import field_name, kind_name, main_fields, plain_figure, stepped_figure
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.views.limits import agreed_range, range_text, red_limits
from hearthline_backend.web.views.series import find_gaps, numbers, shown, slot_length, usual_band

SPAN: Final = timedelta(days=7)
_WIDTH: Final = 200.0
_HEIGHT: Final = 40.0
_EDGE: Final = 4.0


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Coordinates are rounded numbers in the drawing's own units; ``name`` says what the eye sees."""

    name: str
    caption: str
    path: str
    band: tuple[float, float] | None
    limit: float | None
    gaps: tuple[tuple[float, float], ...]
    last: tuple[float, float] | None
    fired: tuple[float, float] | None


def _y(value: float, scale: tuple[float, float]) -> float:
    low, high = scale
    part = (min(max(value, low), high) - low) / (high - low)
    return round(_HEIGHT - 2 - part * (_HEIGHT - 8), 1)


def _x(at: datetime, start: datetime, span: timedelta) -> float:
    return round(_EDGE + (at - start) / span * (_WIDTH - 2 * _EDGE), 1)


def build_sparkline(
    kind: str,
    readings: Sequence[PatientReading],
    plan: Plan | None,
    now: datetime,
    opened_by: UUID | None = None,
    span: timedelta = SPAN,
) -> Sparkline:
    """The last seven days, or another ``span``, of a kind's first field. ``opened_by`` is the reading that opened the
    alert shown beside."""
    start = now - span
    field = main_fields(kind)[0]
    rows = [row for row in shown(readings, kind) if row.reading.effective_time >= start]
    points = [(row, numbers(row, kind)[0]) for row in rows]
    wanted = agreed_range(plan, kind, field)
    usual = usual_band(readings) if kind == "body_weight" else None
    low, high = usual if usual is not None else (wanted.low, wanted.high)
    reds = red_limits(plan, kind, (field,))
    last_value = points[-1][1] if points else None
    limit = min((one.value for _rule, one in reds), key=lambda one: abs(one - (last_value or one)), default=None)
    seen = [value for _row, value in points] + [one for one in (low, high, limit) if one is not None]
    scale = (min(seen), max(seen)) if seen and min(seen) < max(seen) else (0.0, (seen[0] * 2 if seen else 1.0))
    slot = slot_length(plan, kind)
    gaps = find_gaps([row.reading.effective_time for row in rows], now, slot)
    fired = next(
        (
            (_x(row.reading.effective_time, start, span), _y(value, scale))
            for row, value in points
            if row.reading.id == opened_by
        ),
        None,
    )
    end = (_x(points[-1][0].reading.effective_time, start, span), _y(points[-1][1], scale)) if points else None
    return Sparkline(
        name=_name(kind, field, [value for _row, value in points], limit, bool(gaps), span),
        caption=_caption(kind, field, limit, range_text(kind, wanted) if usual is None else None, usual, span),
        path=_path(points, start, scale, slot, span),
        band=_band(low, high, scale),
        limit=None if limit is None else _y(limit, scale),
        gaps=tuple(
            (_x(gap.start, start, span), round(_x(gap.end, start, span) - _x(gap.start, start, span), 1))
            for gap in gaps
        ),
        last=None if end == fired else end,
        fired=fired,
    )


def _band(low: float | None, high: float | None, scale: tuple[float, float]) -> tuple[float, float] | None:
    if low is None and high is None:
        return None
    top = _y(high, scale) if high is not None else 0.0
    bottom = _y(low, scale) if low is not None else _HEIGHT
    return top, round(bottom - top, 1)


def _path(
    points: Sequence[tuple[PatientReading, float]],
    start: datetime,
    scale: tuple[float, float],
    slot: timedelta | None,
    span: timedelta,
) -> str:
    parts: list[str] = []
    before: datetime | None = None
    longest = max(slot * 1.6, timedelta(hours=30)) if slot is not None else timedelta(days=3)
    for row, value in points:
        at = row.reading.effective_time
        joined = before is not None and at - before <= longest
        parts.append(f"{'L' if joined else 'M'}{_x(at, start, span)} {_y(value, scale)}")
        before = at
    return "".join(parts)


def _measure(kind: str, field: str) -> str:
    return field_name(kind, field) if kind == "blood_pressure" else kind_name(kind)


def _caption(
    kind: str,
    field: str,
    limit: float | None,
    wanted: str | None,
    usual: tuple[float, float] | None,
    span: timedelta,
) -> str:
    measure, days = _measure(kind, field), _days(span)
    if usual is not None:
        low, high = stepped_figure(kind, field, usual[0]), stepped_figure(kind, field, usual[1])
        text = _("{measure}, {days}, usual {low}–{high}")
        return text.format(measure=measure, days=days, low=low.number, high=high)
    if limit is not None:
        figure = plain_figure(kind, field, limit)
        return _("{measure}, {days}, limit {limit}").format(measure=measure, days=days, limit=figure)
    if wanted:
        return _("{measure}, {days}, {range}").format(measure=measure, days=days, range=wanted)
    return _("{measure}, {days}").format(measure=measure, days=days)


def _name(kind: str, field: str, values: Sequence[float], limit: float | None, silent: bool, span: timedelta) -> str:
    measure, days = _measure(kind, field), _days(span)
    if not values:
        return _("{measure}, last {days}: no readings.").format(measure=measure, days=days)
    low, high = stepped_figure(kind, field, min(values)), stepped_figure(kind, field, max(values))
    text = _("{measure}, last {days}: {low} to {high}.").format(measure=measure, days=days, low=low.number, high=high)
    if limit is not None:
        text += " " + _("Red limit {limit}.").format(limit=plain_figure(kind, field, limit))
    return f"{text} {_('With gaps.')}" if silent else text


def _days(span: timedelta) -> str:
    return n_("{n} day", "{n} days", span.days).format(n=span.days)
