"""Three days of a patient in figures: what stands beside the evidence in an extraordinary report."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.domain.schedule import GRACE, Opening, openings
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Quality

SPAN: Final = timedelta(days=3)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FieldFigures:
    """One field of a kind, in the field's unit in the table of kinds. ``count`` are the numbers that were measured; a
    value of which the meter only said lower or higher than it can process is none of them."""

    field: str
    count: int
    low: float
    mean: float
    high: float
    last: float


@dataclass(frozen=True, slots=True)
class KindFigures:
    """One kind. ``readings`` counts those that rules may look at, ``last`` is the time of the newest of them.
    ``slots`` is how many times a reading was expected, ``missed`` how many of those passed without one. ``qualities``
    and ``flags`` count every reading by what it is worth and what else the meter reported."""

    kind: str
    readings: int
    last: datetime | None
    fields: tuple[FieldFigures, ...]
    slots: int
    missed: int
    qualities: Mapping[str, int]
    flags: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Expected:
    """What was expected of a patient: ``history`` is every version of the plan, ``zone`` the patient's, ``since`` when
    they were enrolled or their last pause ended."""

    history: tuple[Plan, ...]
    zone: str
    since: datetime


def figures(readings: Iterable[Observation], expected: Expected, until: datetime) -> tuple[KindFigures, ...]:
    """Of every kind that was measured or expected with ``until - SPAN < effective time <= until``, by name.

    The order of ``readings`` does not matter, and one that comes twice counts once.
    """
    start = until - SPAN
    by_kind: dict[str, dict[object, Observation]] = {}
    for one in readings:
        if start < one.effective_time <= until:
            by_kind.setdefault(one.kind, {})[one.reading_id] = one
    planned = {slot.kind for plan in expected.history for slot in plan.slots}
    slots = {kind: _slots(kind, expected, start, until) for kind in planned}
    kinds = sorted({*by_kind, *(kind for kind, due in slots.items() if due)})
    return tuple(_of_kind(kind, list(by_kind.get(kind, {}).values()), slots.get(kind, [])) for kind in kinds)


def _of_kind(kind: str, readings: Sequence[Observation], slots: Sequence[Opening]) -> KindFigures:
    judged = sorted((one for one in readings if one.quality.judged), key=lambda one: one.order)
    fields = KINDS[kind].fields if kind in KINDS else {}
    found = (_of_field(field, judged) for field in fields)
    missed = [one for one in slots if not any(_counts_for(reading, one) for reading in judged)]
    return KindFigures(
        kind=kind,
        readings=len(judged),
        last=judged[-1].effective_time if judged else None,
        fields=tuple(one for one in found if one is not None),
        slots=len(slots),
        missed=len(missed),
        qualities=_sorted(Counter(one.quality.value for one in readings)),
        flags=_sorted(
            Counter(flag for one in readings if one.quality is not Quality.NOT_PATIENT for flag in one.flags)
        ),
    )


def _of_field(field: str, judged: Sequence[Observation]) -> FieldFigures | None:
    values = [
        measured.value
        for one in judged
        if (measured := one.values.get(field)) is not None
        and measured.value is not None
        and measured.comparator is None
    ]
    if not values:
        return None
    low, high = min(values), max(values)
    mean = min(max(sum(values) / len(values), low), high)  # sums of equal numbers may differ in the last bit
    return FieldFigures(field, len(values), low, mean, high, values[-1])


def _slots(kind: str, expected: Expected, start: datetime, until: datetime) -> list[Opening]:
    """Those that opened in the time and whose grace is over, each by the plan in force as it opened."""
    zone = ZoneInfo(expected.zone)
    first, last = (start - _DAY).astimezone(zone).date(), until.astimezone(zone).date()
    found = {
        (one.opens, one.slot): one
        for plan in expected.history
        for one in openings(plan, kind, expected.zone, first, last)
        if one.opens > start
        and one.opens >= expected.since
        and one.closes + GRACE <= until
        and in_force(expected.history, one.opens) is plan
    }
    return sorted(found.values(), key=lambda one: one.opens)


def _counts_for(reading: Observation, slot: Opening) -> bool:
    return slot.counts_from <= reading.effective_time < slot.closes + GRACE


def _sorted(counted: Counter[str]) -> dict[str, int]:
    return dict(sorted(counted.items()))
