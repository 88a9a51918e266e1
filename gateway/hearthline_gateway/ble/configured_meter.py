"""A meter of this home, as the configuration lists it. Imports nothing of Bluetooth, so that settings can use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hearthline_gateway.meter_models import MeterModel


@dataclass(frozen=True, slots=True)
class ConfiguredMeter:
    """One meter: its identity address (upper case with colons), its model, and the digits it wants when pairing, for a
    model with a fixed passkey printed on it. ``consents`` are the codes of its people by slot, for a model that keeps
    each person's measurements behind one."""

    address: str
    model: MeterModel
    passkey: int | None = field(default=None, repr=False)
    consents: Mapping[int, int] = field(default_factory=dict, repr=False)
