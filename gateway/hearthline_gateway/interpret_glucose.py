"""Glucose: from the profile's words to ours. See :mod:`hearthline_gateway.interpret`.

LO and HI come first. A meter says them as -INFINITY and +INFINITY or as a bit of its status, with a number (its own
limit) or without; each way alone is enough, and neither a fault bit nor a missing number undoes them: a LO is the most
dangerous reading there is, and a call too many costs less. Whoever says both, says LO. Only control solution comes
before, since it is nobody's blood.

A sensor that failed, a strip that is wrong, badly inserted or pulled too soon has measured nothing, whatever number
comes along. Too little blood and a meter too warm or too cold leave a doubtful number. A time fault takes the stamp
away, not the value.
"""

from enum import IntEnum
from typing import Final

from hearthline_gateway import units
from hearthline_gateway.finding import (
    Comparator,
    Doubts,
    Entry,
    Finding,
    Measured,
    assess,
    clock_flags,
    measured,
)
from hearthline_gateway.gatt.cgm_measurement import CgmMeasurement, CgmRecord
from hearthline_gateway.gatt.cgm_status import CgmCalTempOctet, CgmStatusOctet, CgmWarningOctet
from hearthline_gateway.gatt.glucose_measurement import GlucoseMeasurement, GlucoseStatus
from hearthline_gateway.gatt.glucose_sample import SampleLocation, SampleType
from hearthline_gateway.gatt.numbers import Number, Special
from hearthline_gateway.units import Unit
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Flag, Quality

_KIND: Final = "glucose"
_POSSIBLE: Final = KINDS[_KIND].fields["glucose"].possible

_FAULT: Final = GlucoseStatus.SENSOR_MALFUNCTION | GlucoseStatus.GENERAL_DEVICE_FAULT
_STRIP: Final = (
    GlucoseStatus.STRIP_INSERTION_ERROR
    | GlucoseStatus.STRIP_TYPE_INCORRECT
    | GlucoseStatus.READ_INTERRUPTED_STRIP_PULLED_TOO_SOON
)
_TEMPERATURE: Final = GlucoseStatus.SENSOR_TEMPERATURE_TOO_HIGH | GlucoseStatus.SENSOR_TEMPERATURE_TOO_LOW
_FLAGS: Final = (
    (_FAULT, Flag.SENSOR_FAULT),
    (_STRIP, Flag.STRIP_ERROR),
    (GlucoseStatus.SAMPLE_SIZE_INSUFFICIENT, Flag.SAMPLE_TOO_SMALL),
    (_TEMPERATURE, Flag.TEMPERATURE_OUT_OF_RANGE),
)

_CGM_FAULT: Final = (
    CgmStatusOctet.SENSOR_TYPE_INCORRECT | CgmStatusOctet.SENSOR_MALFUNCTION | CgmStatusOctet.GENERAL_DEVICE_FAULT
)
_CGM_TEMPERATURE: Final = CgmCalTempOctet.SENSOR_TEMPERATURE_TOO_HIGH | CgmCalTempOctet.SENSOR_TEMPERATURE_TOO_LOW
_CGM_DOUBTFUL: Final = _CGM_TEMPERATURE | CgmCalTempOctet.CALIBRATION_REQUIRED


def glucose(meter: GlucoseMeasurement) -> Finding:
    """One record of a blood glucose meter."""
    status = meter.sensor_status_annunciation or GlucoseStatus(0)
    entry = _entry(meter)
    beyond = _beyond(
        meter.glucose_concentration,
        low=bool(status & GlucoseStatus.RESULT_LOWER_THAN_DEVICE_CAN_PROCESS),
        high=bool(status & GlucoseStatus.RESULT_HIGHER_THAN_DEVICE_CAN_PROCESS),
    )
    doubts = Doubts(
        failed=bool(status & (_FAULT | _STRIP)),
        questionable=bool(status & (_TEMPERATURE | GlucoseStatus.SAMPLE_SIZE_INSUFFICIENT)),
        not_patient=_is_control(meter),
    )
    quality, values = _assess(entry, doubts, beyond)
    shown = meter.user_facing_time
    not_set = shown is None or bool(status & GlucoseStatus.TIME_FAULT)
    flags = tuple(flag for bits, flag in _FLAGS if status & bits)
    return Finding(
        _KIND,
        quality,
        values,
        (*flags, *clock_flags(meter.base_time, not_set=not_set)),
        time_stamp=meter.base_time,
        sequence=meter.sequence_number,
        shown_time=shown,
        context=_circumstances(meter, status),
    )


def continuous_glucose(sensor: CgmMeasurement) -> tuple[Finding, ...]:
    """The records of a continuous sensor, in the frame's order. Their time is not known from the frame."""
    return tuple(_continuous(record) for record in sensor.records)


def word(name: IntEnum | int) -> str:
    """A named value as it stands in a reading's context; a reserved one by its number, so that it is not lost."""
    return name.name.lower() if isinstance(name, IntEnum) else f"reserved_{name}"


def _entry(meter: GlucoseMeasurement) -> Entry:
    """In a unit that people know: nobody's meter prints kg/L or mol/L."""
    number = meter.glucose_concentration
    if meter.unit == "kg/L":
        shifted = None if number is None else number.times_ten_to(units.KILOGRAM_PER_LITRE_IS)
        return ("glucose", shifted, units.MILLIGRAM_PER_DECILITRE)
    shifted = None if number is None else number.times_ten_to(units.MOLE_PER_LITRE_IS)
    return ("glucose", shifted, units.GLUCOSE_MILLIMOLE_PER_LITRE)


def _is_control(meter: GlucoseMeasurement) -> bool:
    """Either nibble says it: some meters set only one of them."""
    return meter.sample_type is SampleType.CONTROL_SOLUTION or meter.sample_location is SampleLocation.CONTROL_SOLUTION


def _beyond(number: Number | None, *, low: bool, high: bool) -> Comparator | None:
    special = None if number is None else number.special
    if low or special is Special.NEGATIVE_INFINITY:
        return "<"
    return ">" if high or special is Special.POSITIVE_INFINITY else None


def _assess(entry: Entry, doubts: Doubts, beyond: Comparator | None) -> tuple[Quality, dict[str, Measured]]:
    if doubts.not_patient or beyond is None:
        return assess(_KIND, (entry,), doubts)
    _, number, unit = entry
    return (Quality.BEYOND_LOW if beyond == "<" else Quality.BEYOND_HIGH), {"glucose": _limit(number, unit, beyond)}


def _limit(number: Number | None, unit: Unit, beyond: Comparator) -> Measured:
    """The number beside a LO or HI is the meter's limit, where it can be one: some send 0, or all bits set."""
    if number is not None and number.special is None:
        limit = measured(number, unit, beyond)
        if limit.value is not None and _POSSIBLE[0] <= limit.value <= _POSSIBLE[1]:
            return limit
    return Measured(None, unit.stored, beyond, None, unit.measured, 0)


def _circumstances(meter: GlucoseMeasurement, status: GlucoseStatus) -> dict[str, str | Measured]:
    said: dict[str, str | Measured] = {}
    if meter.sample_type is not None:
        said["sample_type"] = word(meter.sample_type)
    if meter.sample_location is not None and meter.sample_location is not SampleLocation.NOT_AVAILABLE:
        said["sample_location"] = word(meter.sample_location)
    if status & GlucoseStatus.DEVICE_BATTERY_LOW:
        said["meter_battery"] = "low"
    return said


def _continuous(record: CgmRecord) -> Finding:
    status, cal_temp = record.status or CgmStatusOctet(0), record.cal_temp or CgmCalTempOctet(0)
    warning = record.warning or CgmWarningOctet(0)
    beyond = _beyond(
        record.glucose_concentration,
        low=bool(warning & CgmWarningOctet.RESULT_LOWER_THAN_DEVICE_CAN_PROCESS),
        high=bool(warning & CgmWarningOctet.RESULT_HIGHER_THAN_DEVICE_CAN_PROCESS),
    )
    entry = ("glucose", record.glucose_concentration, units.MILLIGRAM_PER_DECILITRE)
    doubts = Doubts(failed=bool(status & _CGM_FAULT), questionable=bool(cal_temp & _CGM_DOUBTFUL))
    quality, values = _assess(entry, doubts, beyond)
    flags = (
        *((Flag.SENSOR_FAULT,) if status & _CGM_FAULT else ()),
        *((Flag.TEMPERATURE_OUT_OF_RANGE,) if cal_temp & _CGM_TEMPERATURE else ()),
    )
    return Finding(_KIND, quality, values, flags, context=_continuous_circumstances(record, status))


def _continuous_circumstances(record: CgmRecord, status: CgmStatusOctet) -> dict[str, str | Measured]:
    said: dict[str, str | Measured] = {"time_offset": measured(Number(record.time_offset, 0), units.MINUTE)}
    quantities = (
        ("trend", record.trend_information, units.MILLIGRAM_PER_DECILITRE_MINUTE),
        ("sensor_quality", record.quality, units.PERCENT),
    )
    for name, number, unit in quantities:
        if number is not None and number.special is None:
            said[name] = measured(number, unit)
    if status & CgmStatusOctet.DEVICE_BATTERY_LOW:
        said["meter_battery"] = "low"
    return said
