"""Which meter it is and how it behaves: what a household bought, and in what state it is."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """One meter.

    ``clock_offset`` is how far its clock is ahead of the home's local time; ``clock_lost`` one that nobody has set
    since the batteries were changed. A ``held_open`` meter advertises from the start, stays connected and indicates as
    it measures. An ``eager`` one keeps its subscription with the bond and indicates as soon as the link is encrypted
    again, before the other side has asked. ``passkey`` makes it show those six digits when pairing.
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
