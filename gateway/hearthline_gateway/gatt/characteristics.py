"""The one table of what is decoded: 16-bit UUID to measurement."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hearthline_gateway.gatt.battery import BatteryLevel
from hearthline_gateway.gatt.blood_pressure import BloodPressureMeasurement, IntermediateCuffPressure
from hearthline_gateway.gatt.current_time import CurrentTime
from hearthline_gateway.gatt.date_time import DateTime
from hearthline_gateway.gatt.errors import UnknownCharacteristicError
from hearthline_gateway.gatt.health_thermometer import IntermediateTemperature, TemperatureMeasurement
from hearthline_gateway.gatt.pulse_oximeter import PlxContinuousMeasurement, PlxSpotCheckMeasurement
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.gatt.weight_scale import WeightMeasurement

PersonMeasurement = (
    BloodPressureMeasurement
    | PlxSpotCheckMeasurement
    | PlxContinuousMeasurement
    | WeightMeasurement
    | TemperatureMeasurement
)
"""What was measured of a person."""

Measurement = PersonMeasurement | DateTime | CurrentTime | BatteryLevel
"""Whatever a frame can say."""

MEASUREMENTS: Final[Mapping[str, type[Measurement]]] = MappingProxyType(
    {
        kind.characteristic: kind
        for kind in (
            BloodPressureMeasurement,
            IntermediateCuffPressure,
            PlxSpotCheckMeasurement,
            PlxContinuousMeasurement,
            WeightMeasurement,
            TemperatureMeasurement,
            IntermediateTemperature,
            DateTime,
            CurrentTime,
            BatteryLevel,
        )
    }
)
"""Every characteristic we decode, by its 16-bit UUID in upper-case hex."""


def decode(characteristic: str, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Measurement:
    """What the frame says; raises ``DecodeError`` and nothing else, whatever the bytes."""
    kind = MEASUREMENTS.get(characteristic)
    if kind is None:
        raise UnknownCharacteristicError(characteristic, tuple(MEASUREMENTS))
    return kind.decode(payload, quirks)
