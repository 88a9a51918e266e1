"""From the profile's words to ours: which finding each measurement is.

Which status bit means what follows the text of the Bluetooth profiles: "unavailable", "invalid" and a sensor that is
off the finger, faulty or unplugged leave no measurement; a disturbed signal leaves a doubtful one; an irregular pulse
or a pulse outside the cuff's range is a finding beside the value.
"""

from collections.abc import Callable
from typing import Any, Final

from hearthline_gateway import interpret_body, interpret_glucose, units
from hearthline_gateway.finding import NO_DOUBTS, NOT_PATIENT, Doubts, Entry, Finding, assess, clock_flags
from hearthline_gateway.gatt.blood_pressure import (
    BloodPressureMeasurement,
    BloodPressureStatus,
    IntermediateCuffPressure,
)
from hearthline_gateway.gatt.body_composition import BodyCompositionMeasurement
from hearthline_gateway.gatt.characteristics import PersonMeasurement
from hearthline_gateway.gatt.glucose_measurement import GlucoseMeasurement
from hearthline_gateway.gatt.health_thermometer import IntermediateTemperature, TemperatureMeasurement
from hearthline_gateway.gatt.heart_rate import HeartRateMeasurement
from hearthline_gateway.gatt.pulse_oximeter import (
    PlxContinuousMeasurement,
    PlxMeasurementStatus,
    PlxSpotCheckMeasurement,
)
from hearthline_gateway.gatt.pulse_oximeter import PlxDeviceAndSensorStatus as Sensor
from hearthline_gateway.gatt.weight_scale import WeightMeasurement
from hearthline_protocol.readings import Flag

_CUFF_DOUBTFUL: Final = (
    (BloodPressureStatus.BODY_MOVEMENT_DETECTED.value, Flag.BODY_MOVEMENT),
    (BloodPressureStatus.CUFF_TOO_LOOSE.value, Flag.CUFF_TOO_LOOSE),
    (BloodPressureStatus.IMPROPER_MEASUREMENT_POSITION.value, Flag.IMPROPER_POSITION),
)

_PLX_FAILED: Final = (
    PlxMeasurementStatus.MEASUREMENT_UNAVAILABLE | PlxMeasurementStatus.INVALID_MEASUREMENT_DETECTED
).value
_PLX_DOUBTFUL: Final = (
    PlxMeasurementStatus.QUESTIONABLE_MEASUREMENT_DETECTED
    | PlxMeasurementStatus.EARLY_ESTIMATED_DATA
    | PlxMeasurementStatus.CALIBRATION_ONGOING
).value
_PLX_NOT_PATIENT: Final = (PlxMeasurementStatus.DATA_FOR_DEMONSTRATION | PlxMeasurementStatus.DATA_FOR_TESTING).value

_SENSOR_FAULT: Final = (
    Sensor.EQUIPMENT_MALFUNCTION_DETECTED | Sensor.SENSOR_MALFUNCTIONING | Sensor.SENSOR_DISCONNECTED
).value
_SENSOR_FAILED: Final = _SENSOR_FAULT | Sensor.SENSOR_UNCONNECTED_TO_USER.value
_WEAK_SIGNAL: Final = (
    Sensor.INADEQUATE_SIGNAL_DETECTED
    | Sensor.POOR_SIGNAL_DETECTED
    | Sensor.ERRATIC_SIGNAL_DETECTED
    | Sensor.NONPULSATILE_SIGNAL_DETECTED
).value
_SENSOR_DOUBTFUL: Final = (
    _WEAK_SIGNAL
    | (
        Sensor.SIGNAL_PROCESSING_IRREGULARITY_DETECTED
        | Sensor.LOW_PERFUSION_DETECTED
        | Sensor.QUESTIONABLE_PULSE_DETECTED
        | Sensor.SENSOR_INTERFERENCE_DETECTED
        | Sensor.UNKNOWN_SENSOR_CONNECTED
        | Sensor.SENSOR_DISPLACED
    ).value
)
_SENSOR_FLAGS: Final = (
    (Sensor.SENSOR_DISPLACED.value, Flag.IMPROPER_POSITION),
    (_WEAK_SIGNAL, Flag.WEAK_SIGNAL),
    (Sensor.LOW_PERFUSION_DETECTED.value, Flag.POOR_PERFUSION),
    (_SENSOR_FAULT, Flag.SENSOR_FAULT),
)


def interpret(measurement: PersonMeasurement) -> Finding:
    """What the measurement is worth."""
    return _READERS[type(measurement)](measurement)


def _blood_pressure(cuff: BloodPressureMeasurement) -> Finding:
    pressure = units.MMHG if cuff.unit == "mmHg" else units.KILOPASCAL
    entries: tuple[Entry, ...] = (
        ("systolic", cuff.systolic, pressure),
        ("diastolic", cuff.diastolic, pressure),
        ("mean", cuff.mean_arterial_pressure, pressure),
        ("pulse", cuff.pulse_rate, units.PER_MINUTE),
    )
    status = cuff.measurement_status or BloodPressureStatus(0)
    doubtful = tuple(flag for bit, flag in _CUFF_DOUBTFUL if status.value & bit)
    doubts = NOT_PATIENT if isinstance(cuff, IntermediateCuffPressure) else Doubts(questionable=bool(doubtful))
    quality, values = assess("blood_pressure", entries, doubts)
    flags = (*_pulse_flags(status), *doubtful, *clock_flags(cuff.time_stamp))
    return Finding("blood_pressure", quality, values, flags, cuff.time_stamp, cuff.user_id)


def _pulse_flags(status: BloodPressureStatus) -> tuple[Flag, ...]:
    if not status.value:
        return ()
    return (
        *((Flag.IRREGULAR_PULSE,) if status & BloodPressureStatus.IRREGULAR_PULSE_DETECTED else ()),
        *((Flag.PULSE_RATE_HIGH,) if status.pulse_rate_exceeds_upper_limit else ()),
        *((Flag.PULSE_RATE_LOW,) if status.pulse_rate_less_than_lower_limit else ()),
    )


def _oxygen_saturation(oximeter: PlxSpotCheckMeasurement | PlxContinuousMeasurement) -> Finding:
    entries: tuple[Entry, ...] = (
        ("spo2", oximeter.spo2, units.PERCENT),
        ("pulse", oximeter.pulse_rate, units.PER_MINUTE),
    )
    status = 0 if oximeter.measurement_status is None else oximeter.measurement_status.value
    sensor = 0 if oximeter.device_and_sensor_status is None else oximeter.device_and_sensor_status.value
    doubts = NO_DOUBTS
    if status or sensor:
        doubts = Doubts(
            failed=bool(status & _PLX_FAILED or sensor & _SENSOR_FAILED),
            questionable=bool(status & _PLX_DOUBTFUL or sensor & _SENSOR_DOUBTFUL),
            not_patient=bool(status & _PLX_NOT_PATIENT),
        )
    quality, values = assess("oxygen_saturation", entries, doubts)
    flags = tuple(flag for bits, flag in _SENSOR_FLAGS if sensor & bits)
    if status & PlxMeasurementStatus.EARLY_ESTIMATED_DATA.value:
        flags = (*flags, Flag.EARLY_ESTIMATE)
    if isinstance(oximeter, PlxContinuousMeasurement):
        return Finding("oxygen_saturation", quality, values, flags)
    flags = (*flags, *clock_flags(oximeter.time_stamp, not_set=oximeter.device_clock_is_not_set))
    return Finding("oxygen_saturation", quality, values, flags, oximeter.time_stamp)


def _body_weight(scale: WeightMeasurement) -> Finding:
    entries: tuple[Entry, ...] = (
        ("weight", scale.weight, units.KILOGRAM if scale.weight_unit == "kg" else units.POUND),
        ("bmi", scale.bmi, units.KILOGRAM_PER_SQUARE_METRE),
    )
    quality, values = assess("body_weight", entries, NO_DOUBTS)
    return Finding("body_weight", quality, values, clock_flags(scale.time_stamp), scale.time_stamp, scale.user_id)


def _body_temperature(thermometer: TemperatureMeasurement) -> Finding:
    unit = units.CELSIUS if thermometer.unit == "C" else units.FAHRENHEIT
    entries: tuple[Entry, ...] = (("temperature", thermometer.temperature, unit),)
    doubts = NOT_PATIENT if isinstance(thermometer, IntermediateTemperature) else NO_DOUBTS
    quality, values = assess("body_temperature", entries, doubts)
    stamp = thermometer.time_stamp
    return Finding("body_temperature", quality, values, clock_flags(stamp), stamp)


_READERS: Final[dict[type, Callable[[Any], Finding]]] = {
    BloodPressureMeasurement: _blood_pressure,
    IntermediateCuffPressure: _blood_pressure,
    PlxSpotCheckMeasurement: _oxygen_saturation,
    PlxContinuousMeasurement: _oxygen_saturation,
    WeightMeasurement: _body_weight,
    TemperatureMeasurement: _body_temperature,
    IntermediateTemperature: _body_temperature,
    HeartRateMeasurement: interpret_body.heart_rate,
    BodyCompositionMeasurement: interpret_body.body_composition,
    GlucoseMeasurement: interpret_glucose.glucose,
}
