"""Joining a glucose reading with its context, which the meter sends as a frame of its own. Pure.

A Glucose Measurement (0x2A18) whose ``context_information_follows`` is set is only half of its record: its Glucose
Measurement Context (0x2A34) has the same sequence number and comes right behind it, or after all the measurements. So
whoever keeps frames

1. holds the reading of such a measurement (``normalize`` makes it) by sensor and sequence number;
2. at the context with that number, from the same sensor and in the same connection, goes on with
   ``joined(reading, context, quirks)``;
3. at the end of the connection goes on with the reading as it is, where :func:`complete_alone`; else the record is not
   complete and is asked for again.

The id never changes: it is of the measurement alone, so that a reading sent without its context and the same one with
it are the same reading.
"""

from typing import Final

from hearthline_gateway import units
from hearthline_gateway.finding import Measured, measured
from hearthline_gateway.gatt.glucose_context import (
    ExerciseDuration,
    GlucoseMeasurementContext,
    Health,
    Tester,
)
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.interpret_glucose import word
from hearthline_gateway.normalize import value_of
from hearthline_protocol.readings import AsMeasured, Quality, Reading, Value

_KILO: Final = 3
_MEGA: Final = 6
"""Powers of ten from kg to g, from L to mL; and from kg to mg."""
_LONGEST_EXERCISE_S: Final = 65_534
_KETONE_UNIT: Final = "mmol/L"


class NotItsContextError(ValueError):
    """The context is of another record than the reading: a fault of the caller, never of a meter."""


def complete_alone(quirks: Quirks = NO_QUIRKS) -> bool:
    """Whether a reading whose context never came may go on without it. Not from a model whose context tells ketone
    bodies from glucose: 0.5 mmol/L of ketone would be judged as a glucose of 5 mg/dL."""
    return quirks.ketone_meal is None


def joined(reading: Reading, context: GlucoseMeasurementContext, quirks: Quirks = NO_QUIRKS) -> Reading:
    """``reading`` with the circumstances that ``context`` tells, under the same id.

    Where the model marks the record as ketone bodies, it is no glucose: it keeps no value, has the quality
    ``not_patient`` so that no rule of glucose ever judges it, and says ``analyte: ketone`` with the value beside it.
    Raises :class:`NotItsContextError` where the sequence numbers differ.
    """
    if reading.sequence != context.sequence_number:
        raise NotItsContextError(f"the context of record {context.sequence_number} is not that of {reading.sequence}")
    said = {name: one if isinstance(one, str) else value_of(one) for name, one in context_words(context).items()}
    if quirks.ketone_meal is None or context.meal != quirks.ketone_meal:
        return reading.model_copy(update={"context": {**reading.context, **said}})
    del said["meal"]
    ketone = {"analyte": "ketone", **_ketone(reading.values.get("glucose"))}
    return reading.model_copy(
        update={"quality": Quality.NOT_PATIENT, "values": {}, "context": {**reading.context, **said, **ketone}}
    )


def context_words(context: GlucoseMeasurementContext) -> dict[str, str | Measured]:
    """What the context says, in the profile's words and in units that people know; what is not available, not a number
    or not sent is left out."""
    named = (
        ("meal", context.meal),
        ("carbohydrate_type", context.carbohydrate_id),
        ("tester", None if context.tester is Tester.NOT_AVAILABLE else context.tester),
        ("health", None if context.health is Health.NOT_AVAILABLE else context.health),
        ("medication_type", context.medication_id),
    )
    said: dict[str, str | Measured] = {name: word(value) for name, value in named if value is not None}
    return said | _quantities(context) | _exercise(context)


def _quantities(context: GlucoseMeasurementContext) -> dict[str, str | Measured]:
    intensity = None if context.exercise_intensity is None else Number(context.exercise_intensity, 0)
    by_mass = context.medication_unit == "kg"
    entries = (
        ("carbohydrate", context.carbohydrate, _KILO, units.GRAM),
        ("exercise_intensity", intensity, 0, units.PERCENT),
        (
            "medication",
            context.medication,
            _MEGA if by_mass else _KILO,
            units.MILLIGRAM if by_mass else units.MILLILITRE,
        ),
        ("hba1c", context.hba1c, 0, units.PERCENT),
    )
    return {
        name: measured(number.times_ten_to(powers), unit)
        for name, number, powers, unit in entries
        if number is not None and number.special is None
    }


def _exercise(context: GlucoseMeasurementContext) -> dict[str, str | Measured]:
    duration = context.exercise_duration
    if duration is None:
        return {}
    if duration is ExerciseDuration.OVERRUN:
        return {"exercise_duration": measured(Number(_LONGEST_EXERCISE_S, 0), units.SECOND, ">")}
    return {"exercise_duration": measured(Number(duration, 0), units.SECOND)}


def _ketone(value: Value | None) -> dict[str, Value]:
    """The meter sends tenths of mmol/L where a glucose would be mg/dL: 5 are 0.5 mmol/L. In any other unit its meaning
    is not known, and the number is left out; it stays in the frame."""
    if value is None:
        return {}
    said = value.as_measured
    if said is None or said.unit != units.MILLIGRAM_PER_DECILITRE.measured:
        return {"ketone": Value(value=None, unit=_KETONE_UNIT, comparator=value.comparator)} if value.comparator else {}
    number = said.number / 10
    as_measured = AsMeasured(number=number, unit=_KETONE_UNIT, precision=said.precision + 1)
    return {"ketone": Value(value=number, unit=_KETONE_UNIT, comparator=value.comparator, as_measured=as_measured)}
