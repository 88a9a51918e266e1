"""What to ask a bucket for, so that all of some points are in the answers and little else. Pure.

A question costs the server several milliseconds however little it is about, and a patient more in a question a fraction
of one: so places near each other are asked for with what lies between them, and patients together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_DAY_NS: Final = 86_400 * 1_000_000_000
APART_NS: Final = 7 * _DAY_NS
"""Places of a patient farther apart are asked for one by one; what a home measures in a week costs less than another
question."""
_LONGER_NS: Final = _DAY_NS
"""So much beyond twice what it is about may be asked of a patient who is asked for together with others."""
PATIENTS_TOGETHER: Final = 100


@dataclass(frozen=True, slots=True)
class Stretch:
    """All that some patients have from ``start`` up to and without ``stop``, in nanoseconds."""

    patients: tuple[UUID, ...]
    start: int
    stop: int


def stretches_of(moments: Iterable[tuple[UUID, int]], apart_ns: int = APART_NS) -> list[Stretch]:
    """The stretches that hold all these moments of patients, in nanoseconds. ``apart_ns`` is how far those of a patient
    may lie apart to be asked for together."""
    alone: list[Stretch] = []
    for patient_id, moment in sorted(moments):
        last = alone[-1] if alone else None
        if last is not None and last.patients[0] == patient_id and moment - last.stop < apart_ns:
            alone[-1] = Stretch(last.patients, last.start, moment + 1)
        else:
            alone.append(Stretch((patient_id,), moment, moment + 1))
    return _together(alone)


def _together(alone: list[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    members: dict[UUID, None] = {}
    start = stop = shortest = 0
    for one in sorted(alone, key=_start):
        length = one.stop - one.start
        longer = max(stop, one.stop) - start
        if members and longer <= 2 * min(shortest, length) + _LONGER_NS and len(members) < PATIENTS_TOGETHER:
            stop, shortest = max(stop, one.stop), min(shortest, length)
        else:
            if members:
                found.append(Stretch(tuple(members), start, stop))
            members, start, stop, shortest = {}, one.start, one.stop, length
        members[one.patients[0]] = None
    if members:
        found.append(Stretch(tuple(members), start, stop))
    return found


def _start(one: Stretch) -> int:
    return one.start
