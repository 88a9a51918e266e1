"""What a measurement is worth: its kind, its values in our units, its one quality and its flags.

Everything here follows from the frame alone; times and identity are added where the frame's circumstances are known.
The quality is the first of these that holds:

- ``not_patient``: an intermediate value, a demonstration or a test. Whatever was said is kept, apart.
- ``failed``: the meter says so, a required number is NaN, NRes or reserved, or all required numbers are 0 (a probe that
  fell off, an empty scale, a stub). It has no values.
- ``beyond_high`` or ``beyond_low``: a number is +INFINITY or -INFINITY. A missing neighbour does not undo that: a cuff
  that only knows "higher than I can measure" has found the reading that matters most. Of glucose this comes before
  ``failed``: see :mod:`hearthline_gateway.interpret_glucose`.
- ``questionable``: the meter doubts its value.
- ``valid``.

In an optional field NaN and 0 both mean "not measured" (a Beurer BM85 sends a mean pressure of 0) and leave it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from hearthline_gateway.gatt.numbers import Number, Special
from hearthline_gateway.units import Unit
from hearthline_protocol.device_time import DeviceTime
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Flag, Quality

Comparator = Literal["<", ">"]


class Measured(NamedTuple):
    """One value: ``value`` in ``unit`` beside what the meter printed, ``number`` in ``measured_unit``.

    ``value`` and ``number`` are None where only the ``comparator`` is known: few frames carry the meter's limit.
    """

    value: float | None
    unit: str
    comparator: Comparator | None
    number: float | None
    measured_unit: str
    precision: int


@dataclass(frozen=True, slots=True)
class Finding:
    """``time_stamp``, ``user_id`` and ``sequence`` as the meter sent them: they tell one record from another.

    ``shown_time`` is what the meter's display showed, where it sends that apart from its stamp. ``context`` holds
    circumstances in the profile's words, and quantities that belong to them.
    """

    kind: str
    quality: Quality
    values: Mapping[str, Measured]
    flags: tuple[Flag, ...] = ()
    time_stamp: DeviceTime | None = None
    user_id: int | None = None
    sequence: int | None = None
    shown_time: DeviceTime | None = None
    context: Mapping[str, "str | Measured"] = field(default_factory=dict)

    @property
    def clock_face(self) -> DeviceTime | None:
        """What the meter's clock showed a person: whoever reads or sets that clock reads and sets this."""
        return self.time_stamp if self.shown_time is None else self.shown_time

    @property
    def usable_stamp(self) -> DeviceTime | None:
        """The clock's face, unless the clock was not set."""
        return None if Flag.CLOCK_NOT_SET in self.flags else self.clock_face


@dataclass(frozen=True, slots=True)
class Doubts:
    """What the meter itself says against its numbers."""

    failed: bool = False
    questionable: bool = False
    not_patient: bool = False


NO_DOUBTS: Final = Doubts()
NOT_PATIENT: Final = Doubts(not_patient=True)

Entry = tuple[str, Number | None, Unit]
"""A field's name, what the meter sent for it (None: nothing) and in which unit."""

_COMPARATORS: Final[dict[Special, Comparator]] = {
    Special.NEGATIVE_INFINITY: "<",
    Special.POSITIVE_INFINITY: ">",
}


def assess(kind: str, entries: tuple[Entry, ...], doubts: Doubts) -> tuple[Quality, dict[str, Measured]]:
    """The one quality of a reading, and its values."""
    required = KINDS[kind].required
    values = _values(entries, required)
    if doubts.not_patient:
        return Quality.NOT_PATIENT, values
    beyond = next((value.comparator for value in values.values() if value.comparator is not None), None)
    if doubts.failed or (beyond is None and _nothing_measured(values, required)):
        return Quality.FAILED, {}
    if beyond is not None:
        return (Quality.BEYOND_HIGH if beyond == ">" else Quality.BEYOND_LOW), values
    return (Quality.QUESTIONABLE if doubts.questionable else Quality.VALID), values


def clock_flags(stamp: DeviceTime | None, *, not_set: bool = False) -> tuple[Flag, ...]:
    """What to say of a stamp that means nothing: the meter says so, or no calendar knows it."""
    return (Flag.CLOCK_NOT_SET,) if stamp is not None and (not_set or not stamp.known) else ()


def _nothing_measured(values: Mapping[str, Measured], required: tuple[str, ...]) -> bool:
    found = [values.get(name) for name in required] or list(values.values())
    return None in found or not any(value.value for value in found if value is not None)


def _values(entries: tuple[Entry, ...], required: tuple[str, ...]) -> dict[str, Measured]:
    values = {}
    for name, number, unit in entries:
        if number is None:
            continue
        comparator = None if number.special is None else _COMPARATORS.get(number.special)
        if comparator is None and (number.special is not None or (number.mantissa == 0 and name not in required)):
            continue
        values[name] = measured(number, unit, comparator)
    return values


def measured(number: Number, unit: Unit, comparator: Comparator | None = None) -> Measured:
    """What the meter printed beside what we store."""
    printed = number.value
    stored = printed if printed is None or unit.convert is None else unit.convert(printed)
    return Measured(stored, unit.stored, comparator, printed, unit.measured, number.precision)
