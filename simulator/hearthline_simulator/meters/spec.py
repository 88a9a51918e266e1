"""Which meter it is and how it behaves: what a household bought, and in what state it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """One meter.

    ``clock_offset`` is how far its clock is ahead of the home's local time; ``clock_lost`` one that nobody has set
    since the batteries were changed. A ``held_open`` meter advertises from the start, stays connected and indicates as
    it measures. An ``eager`` one keeps its subscription with the bond and indicates as soon as the link is encrypted
    again, before the other side has asked. ``passkey`` makes it show those six digits when pairing. ``consents`` are
    the codes that people chose for their slots, by slot, for a meter that keeps each person's measurements behind one.
    ``advertised_name`` is what it calls itself on the air, its ``name`` where that is None.
    """

    name: str
    profile: str
    address: str
    model: str = "Simulated"
    clock_offset: timedelta = timedelta()
    clock_lost: bool = False
    battery_percent: int = 87
    held_open: bool = False
    eager: bool = False
    passkey: int | None = None
    consents: Mapping[int, int] = field(default_factory=dict)
    advertised_name: str | None = None
