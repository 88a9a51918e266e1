"""Heart rate and body composition: from the profile's words to ours. See :mod:`hearthline_gateway.interpret`.

A sensor that can tell that it touches nobody has measured nobody, whatever number it still sends: such a heart rate is
``failed``, as is the saturation of an oximeter without a finger, and no strap on a table can call a nurse.

The weight in a body composition frame never becomes a reading of its own: scales send the same weighing as Weight
Measurement (0x2A9D) too, and one person on one scale must not be two weights. Here it only turns masses into shares.
A frame that says "unsuccessful" (0xFFFF), or holds only zeros as scales send beside replayed weights, has failed, and
is not kept: the weight beside it is the reading.
"""

from typing import Final

from hearthline_gateway import units
from hearthline_gateway.finding import NO_DOUBTS, Doubts, Entry, Finding, Measured, assess, clock_flags
from hearthline_gateway.gatt.body_composition import BodyCompositionMeasurement
from hearthline_gateway.gatt.heart_rate import HeartRateMeasurement
from hearthline_gateway.gatt.numbers import Number
from hearthline_protocol.readings import Quality

_MASS_UNITS: Final = {"kg": units.KILOGRAM, "lb": units.POUND}


def heart_rate(sensor: HeartRateMeasurement) -> Finding:
    """A rate of 0 and a sensor off the skin are failed; one that cannot tell whether it touches skin is believed."""
    entries: tuple[Entry, ...] = (("rate", Number(sensor.heart_rate, 0), units.PER_MINUTE),)
    quality, values = assess("heart_rate", entries, Doubts(failed=sensor.sensor_contact is False))
    return Finding("heart_rate", quality, values)


def body_composition(scale: BodyCompositionMeasurement) -> Finding:
    """Fat as sent; muscle as sent, or else from its mass; water from its mass. A mass needs the weight beside it."""
    entries: tuple[Entry, ...] = (
        ("fat", scale.body_fat_percentage, units.PERCENT),
        ("muscle", scale.muscle_percentage, units.PERCENT),
    )
    shares = {"muscle": _share(scale, scale.muscle_mass), "water": _share(scale, scale.body_water_mass)}
    unsuccessful = scale.body_fat_percentage is None
    _, said = assess("body_composition", entries, NO_DOUBTS)
    values = {} if unsuccessful else {name: share for name, share in shares.items() if share is not None} | said
    quality = Quality.VALID if values else Quality.FAILED
    stamp = scale.time_stamp
    return Finding("body_composition", quality, values, clock_flags(stamp), stamp, scale.user_id)


def share_of_weight(mass: float, weight: float) -> float:
    """Percent, to 0.1. Both in the same unit: 38.200 kg of water in 68.200 kg are 56.01, stored as 56.0 %."""
    return round(100 * mass / weight, 1)


def _share(scale: BodyCompositionMeasurement, mass: Number | None) -> Measured | None:
    """None where the mass or the weight was not sent, or is 0: not measured."""
    if mass is None or scale.weight is None or not mass.value or not scale.weight.value:
        return None
    unit = _MASS_UNITS[scale.mass_unit].measured
    return Measured(share_of_weight(mass.value, scale.weight.value), "%", None, mass.value, unit, mass.precision)
