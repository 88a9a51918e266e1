"""The one table of what is decoded: 16-bit UUID to measurement."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hearthline_gateway.gatt.battery import BatteryLevel
from hearthline_gateway.gatt.blood_pressure import BloodPressureMeasurement, IntermediateCuffPressure
from hearthline_gateway.gatt.body_composition import BodyCompositionMeasurement
from hearthline_gateway.gatt.cgm_measurement import CgmMeasurement
from hearthline_gateway.gatt.current_time import CurrentTime
from hearthline_gateway.gatt.date_time import DateTime
from hearthline_gateway.gatt.errors import UnknownCharacteristicError
from hearthline_gateway.gatt.glucose_context import GlucoseMeasurementContext
from hearthline_gateway.gatt.glucose_measurement import GlucoseMeasurement
from hearthline_gateway.gatt.health_thermometer import IntermediateTemperature, TemperatureMeasurement
from hearthline_gateway.gatt.heart_rate import HeartRateMeasurement
from hearthline_gateway.gatt.pulse_oximeter import PlxContinuousMeasurement, PlxSpotCheckMeasurement
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.gatt.statements import STATEMENTS, Statement
from hearthline_gateway.gatt.weight_scale import WeightMeasurement

PersonMeasurement = (
    BloodPressureMeasurement
    | PlxSpotCheckMeasurement
    | PlxContinuousMeasurement
    | WeightMeasurement
    | TemperatureMeasurement
    | HeartRateMeasurement
    | BodyCompositionMeasurement
    | GlucoseMeasurement
)
"""What was measured of a person."""

Measurement = (
    PersonMeasurement | CgmMeasurement | GlucoseMeasurementContext | DateTime | CurrentTime | BatteryLevel | Statement
)
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
            HeartRateMeasurement,
            BodyCompositionMeasurement,
            GlucoseMeasurement,
            GlucoseMeasurementContext,
            CgmMeasurement,
            *STATEMENTS,
        )
    }
)
"""Every characteristic we decode, by its 16-bit UUID in upper-case hex."""

STREAMS: Final = frozenset({PlxContinuousMeasurement.characteristic, HeartRateMeasurement.characteristic})
"""Notified about once a second for as long as the connection lasts. One notification is no reading by itself."""


def decode(characteristic: str, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Measurement:
    """What the frame says; raises ``DecodeError`` and nothing else, whatever the bytes."""
    kind = MEASUREMENTS.get(characteristic)
    if kind is None:
        raise UnknownCharacteristicError(characteristic, tuple(MEASUREMENTS))
    return kind.decode(payload, quirks)
