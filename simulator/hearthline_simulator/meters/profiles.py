"""Every simulated profile by its name."""

from collections.abc import Mapping
from datetime import tzinfo
from types import MappingProxyType
from typing import Any, Final

from hearthline_simulator.meters.blood_pressure import BloodPressureCuff
from hearthline_simulator.meters.body_composition import BodyCompositionScale
from hearthline_simulator.meters.events import Report
from hearthline_simulator.meters.glucose import GlucoseMeter
from hearthline_simulator.meters.heart_rate import HeartRateStrap
from hearthline_simulator.meters.meter import Meter
from hearthline_simulator.meters.pulse_oximeter import PulseOximeter
from hearthline_simulator.meters.spec import MeterSpec
from hearthline_simulator.meters.thermometer import Thermometer
from hearthline_simulator.meters.weight_scale import WeightScale
from hearthline_simulator.meters.xiaomi_scale import XiaomiCompositionScale, XiaomiScale
from hearthline_simulator.radio import Radio

AnyMeter = Meter[Any]

PROFILES: Final[Mapping[str, type[AnyMeter]]] = MappingProxyType(
    {
        kind.profile: kind
        for kind in (
            BloodPressureCuff,
            PulseOximeter,
            WeightScale,
            Thermometer,
            GlucoseMeter,
            HeartRateStrap,
            BodyCompositionScale,
            XiaomiScale,
            XiaomiCompositionScale,
        )
    }
)


def make_meter(radio: Radio, spec: MeterSpec, report: Report, *, home_zone: tzinfo) -> AnyMeter:
    """The meter that ``spec`` describes; raises ``ValueError`` naming the known profiles."""
    kind = PROFILES.get(spec.profile)
    if kind is None:
        raise ValueError(f"no profile is called {spec.profile!r}; known profiles: {', '.join(PROFILES)}")
    return kind(radio, spec, report, home_zone=home_zone)
