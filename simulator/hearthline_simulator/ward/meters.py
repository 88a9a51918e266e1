"""The meters of a simulated home as the backend knows them: address, model, and the bytes behind each value."""

from dataclasses import dataclass
from typing import Final, Literal

from hearthline_simulator.ward.profiles import Profile

DeviceName = Literal["cuff", "oximeter", "scale", "thermometer"]


@dataclass(frozen=True, slots=True)
class MeterKind:
    """One kind of meter: its model's name, the characteristic it measures with (16-bit UUID) and the kind it makes."""

    device: DeviceName
    model: str
    characteristic: str
    kind: str


CUFF: Final = MeterKind("cuff", "generic-blood-pressure", "2A35", "blood_pressure")
OXIMETER: Final = MeterKind("oximeter", "generic-oximeter", "2A5E", "oxygen_saturation")
SCALE: Final = MeterKind("scale", "generic-weight-scale", "2A9D", "body_weight")
THERMOMETER: Final = MeterKind("thermometer", "generic-thermometer", "2A1C", "body_temperature")
METER_KINDS: Final = (CUFF, OXIMETER, SCALE, THERMOMETER)


@dataclass(frozen=True, slots=True)
class HomeMeter:
    """A meter in a home. The address is a static random one, as meters make up for themselves."""

    meter: MeterKind
    address: str


def meters_of(profile: Profile) -> tuple[HomeMeter, ...]:
    """What stands in this patient's home, the cuff first."""
    wanted = {
        "cuff": True,
        "oximeter": profile.oxygen is not None,
        "scale": profile.weight is not None,
        "thermometer": profile.temperature,
    }
    home = f"{profile.home[:2]}:{profile.home[2:]}"
    return tuple(
        HomeMeter(meter, f"C2:48:4C:{home}:{number:02X}")
        for number, meter in enumerate(METER_KINDS, start=1)
        if wanted[meter.device]
    )


def sfloat(number: float, decimals: int = 0) -> bytes:
    """IEEE 11073 16-bit float: signed exponent in the top 4 bits, signed mantissa below; 36.6 is 6E F1."""
    mantissa = round(number * 10.0**decimals)
    bits = (-decimals & 0xF) << 12 | (mantissa & 0xFFF)
    return bits.to_bytes(2, "little")
