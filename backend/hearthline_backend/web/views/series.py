"""The data of one chart: points, where the patient should be, limits, silence; and the same in words."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final
from uuid import UUID

from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.web.figures import (
    kind_name,
    main_fields,
    number_text,
    plain_figure,
    quality_words,
    reading_figure,
    stepped_figure,
    unit_text,
)
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import stamp
from hearthline_backend.web.views.limits import agreed_range, limit_field, limit_words, range_text, red_limits, rules_of
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Quality

SCALES: Final[Mapping[str, tuple[float, float]]] = {
    "blood_pressure": (50, 200),
    "oxygen_saturation": (80, 100),
    "body_temperature": (35, 40),
    "glucose": (40, 300),
    "heart_rate": (40, 140),
    "respiratory_rate": (8, 32),
}
"""Fixed per kind, so that two patients compare; widened only by data."""

RANGES: Final[Mapping[str, timedelta]] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "14d": timedelta(days=14),
    "90d": timedelta(days=90),
    "1y": timedelta(days=365),
}
"""The spans a chart can show, by the name in the address."""

LATE: Final = timedelta(hours=1)
"""A reading that took longer than this to arrive is drawn hollow."""

USUAL_SPAN: Final = timedelta(days=30)
USUAL_WIDTH_KG: Final = 1.0
"""The usual band of a weight: the median of 30 days, 1 kg to either side."""

_GAP_SLOTS: Final = 1.6
_SHORTEST_GAP: Final = timedelta(hours=30)
_UNPLANNED_GAP: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Gap:
    """Silence from one moment to another."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Series:
    """One chart. ``data`` is what the script draws; ``name`` the whole in words; ``legend`` what the marks mean."""

    kind: str
    title: str
    note: str
    name: str
    range_words: str
    has_late: bool
    has_fired: bool
    gaps: tuple[Gap, ...]
    readings: tuple[PatientReading, ...]
    data: dict[str, Any]


def slot_length(plan: Plan | None, kind: str) -> timedelta | None:
    """The usual time between two readings by the plan; None where nothing is planned."""
    a_day = 0 if plan is None else sum(slot.kind == kind for slot in plan.slots)
    return timedelta(days=1) / a_day if a_day else None


def find_gaps(times: Sequence[datetime], end: datetime, slot: timedelta | None) -> tuple[Gap, ...]:
    """Where more than 1.6 slots passed without a reading, up to ``end``; nothing where nothing was planned."""
    if slot is None or not times:
        return ()
    longest = max(slot * _GAP_SLOTS, _SHORTEST_GAP)
    found = [
        Gap(before + slot / 2, after - slot / 2)
        for before, after in itertools.pairwise(times)
        if after - before > longest
    ]
    if end - times[-1] > longest:
        found.append(Gap(times[-1] + slot / 2, end))
    return tuple(found)


def shown(readings: Sequence[PatientReading], kind: str) -> list[PatientReading]:
    fields = main_fields(kind)
    return [
        row
        for row in readings
        if row.reading.quality not in (Quality.FAILED, Quality.NOT_PATIENT)
        and not row.reading.synthetic
        and all(field in row.reading.values and row.reading.values[field].value is not None for field in fields)
    ]


def numbers(row: PatientReading, kind: str) -> list[float]:
    """The drawn numbers of a reading, in the order of its kind's fields."""
    return [float(row.reading.values[field].value or 0) for field in main_fields(kind)]


def usual_band(readings: Sequence[PatientReading]) -> tuple[float, float] | None:
    """Where a weight usually is; None with fewer than four readings."""
    weights = [numbers(row, "body_weight")[0] for row in shown(readings, "body_weight")]
    if len(weights) < 4:
        return None
    middle = median(weights)
    return middle - USUAL_WIDTH_KG, middle + USUAL_WIDTH_KG


def scale_of(kind: str, values: Sequence[float], extra: Sequence[float] = ()) -> tuple[float, float]:
    """The fixed scale of a kind, widened by data; a weight's follows its data in whole kilograms."""
    low, high = SCALES.get(kind, (None, None))
    everything = [*values, *extra]
    if low is None or high is None:
        if not everything:
            return 0, 1
        return float(int(min(everything)) - 1), float(int(max(everything)) + 2)
    step = 10 if high - low > 40 else 1
    if values and min(values) < low:
        low = (min(values) // step) * step
    if values and max(values) > high:
        high = (max(values) // step + 1) * step
    return low, high


def build_series(
    kind: str,
    readings: Sequence[PatientReading],
    history: tuple[Plan, ...],
    start: datetime,
    now: datetime,
    *,
    fired: frozenset[UUID] = frozenset(),
    usual: tuple[float, float] | None = None,
) -> Series:
    """A chart of ``readings`` from ``start`` to ``now``. ``fired`` are those that opened an alert."""
    plan = in_force(history, now)
    rows = shown(readings, kind)
    values = [numbers(row, kind) for row in rows]
    flat = [number for one in values for number in one]
    slot = slot_length(plan, kind)
    gaps = find_gaps([row.reading.effective_time for row in rows], now, slot)
    bands = _bands(kind, plan, usual)
    limits = _limits(kind, plan, [one[0] for one in values])
    scale = scale_of(kind, flat, [edge for band in bands for edge in band if edge is not None and kind not in SCALES])
    points = [_point(row, kind, now, row.reading.id in fired) for row in rows]
    name = _spoken(kind, rows, values, limits, gaps, start, now)
    return Series(
        kind=kind,
        title=kind_name(kind),
        note=_note(kind, plan, values),
        name=name,
        range_words=_range_words(kind, plan, usual),
        has_late=any(point["late"] for point in points),
        has_fired=any(point["fired"] for point in points),
        gaps=gaps,
        readings=tuple(readings),
        data={
            "kind": kind,
            "name": name,
            "unit": unit_text(KINDS[kind].fields[main_fields(kind)[0]].unit),
            "from": start.timestamp(),
            "to": now.timestamp(),
            "scale": scale,
            "breakAfter": (slot * _GAP_SLOTS if slot is not None else _UNPLANNED_GAP).total_seconds(),
            "points": points,
            "bands": bands,
            "bandWords": _("usual {range}").format(range=_weight_range(usual)) if usual is not None else "",
            "limits": limits,
            "gaps": [{"from": gap.start.timestamp(), "to": gap.end.timestamp(), "words": _("no data")} for gap in gaps],
            "plans": [
                {"at": one.valid_from.timestamp(), "words": _("new plan")}
                for one in history
                if start < one.valid_from <= now and one.version > 1
            ],
        },
    )


def _point(row: PatientReading, kind: str, now: datetime, fired: bool) -> dict[str, Any]:
    reading = row.reading
    figure = str(reading_figure(reading))
    said = ". ".join((f"{figure}, {stamp(reading.effective_time, now)}", *quality_words(reading)))
    return {
        "t": reading.effective_time.timestamp(),
        "v": numbers(row, kind),
        "text": figure,
        "said": said,
        "late": reading.received_time - reading.effective_time > LATE,
        "fired": fired,
    }


def _bands(kind: str, plan: Plan | None, usual: tuple[float, float] | None) -> list[tuple[float | None, float | None]]:
    if kind == "body_weight":
        return [usual] if usual is not None else []
    wanted = [agreed_range(plan, kind, field) for field in main_fields(kind)]
    return [(one.low, one.high) for one in wanted if one.low is not None or one.high is not None]


def _limits(kind: str, plan: Plan | None, values: Sequence[float]) -> list[dict[str, Any]]:
    # A low limit of the systolic would run through the diastolic band: it is drawn only where a value comes near it.
    found = [
        (rule, limit)
        for rule, limit in red_limits(plan, kind, main_fields(kind)[:1])
        if kind != "blood_pressure" or rule.above or min(values, default=limit.value + 99) < limit.value + 15
    ]
    return [
        {
            "value": limit.value,
            "above": rule.direction == "above",
            "words": _("red limit {limit}").format(limit=plain_figure(kind, limit.field, limit.value)),
        }
        for rule, limit in found
    ]


def _range_words(kind: str, plan: Plan | None, usual: tuple[float, float] | None) -> str:
    if kind == "body_weight":
        return _weight_range(usual) if usual is not None else ""
    wanted = [agreed_range(plan, kind, field) for field in main_fields(kind)]
    texts = [
        f"{limit_field(kind, one.field)} {range_text(kind, one)}".strip()
        for one in wanted
        if one.low is not None or one.high is not None
    ]
    return ", ".join(texts)


def _weight_range(band: tuple[float, float]) -> str:
    return f"{number_text(band[0], 1)}–{plain_figure('body_weight', 'weight', round(band[1], 1))}"


def _note(kind: str, plan: Plan | None, values: list[list[float]]) -> str:
    if kind == "blood_pressure" and len(values) > 1:
        means = [sum(column) / len(values) for column in zip(*values, strict=True)]
        text = "/".join(number_text(round(one), 0) for one in means)
        return n_("Mean of {n} reading: {mean} mmHg", "Mean of {n} readings: {mean} mmHg", len(values)).format(
            n=len(values), mean=text
        )
    limits = [
        limit_words(level, limit, plain_figure(kind, limit.field, limit.value), limit_field(kind, limit.field))
        for rule in rules_of(plan, kind)
        for level in (Level.RED, Level.YELLOW)
        for limit in rule.limits(level)
        if limit.field == main_fields(kind)[0]
    ]
    return ", ".join(one if index == 0 else one[:1].lower() + one[1:] for index, one in enumerate(limits))


def _spoken(
    kind: str,
    rows: Sequence[PatientReading],
    values: list[list[float]],
    limits: list[dict[str, Any]],
    gaps: Sequence[Gap],
    start: datetime,
    now: datetime,
) -> str:
    span = _("{measure}, {start} to {end}").format(
        measure=kind_name(kind), start=stamp(start, now), end=stamp(now, now)
    )
    if not rows:
        return f"{span}. {_('No readings.')}"
    parts = [span, n_("{n} reading", "{n} readings", len(rows)).format(n=len(rows))]
    for index, field in enumerate(main_fields(kind)):
        low, high = min(one[index] for one in values), max(one[index] for one in values)
        label = f"{limit_field(kind, field)} " if kind == "blood_pressure" else ""
        parts.append(
            label
            + _("{low} to {high}").format(
                low=stepped_figure(kind, field, low).number, high=stepped_figure(kind, field, high)
            )
        )
    parts.extend(str(limit["words"]) for limit in limits)
    if gaps:
        said = n_("{n} gap without readings", "{n} gaps without readings", len(gaps)).format(n=len(gaps))
        parts.append(said)
    return ". ".join(parts) + "."
