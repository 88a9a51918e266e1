"""Where a point stands in the bucket: its series and its time.

The time is the reading's effective time, exact to the microsecond; the three digits below it come from the reading's
id. The first reading of a patient, kind and microsecond stands in lane 0. Others of the same moment stand in lanes of
their own, a tag, so that no two share a place however their digits fall.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import UUID

from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.readings_tables import microseconds

_DIGITS: Final = 1000
_WIDEST: Final = 10
"""More than a million lanes are enough."""
EARLIEST_NS: Final = -9_223_372_036_854_775_000
"""Earlier than 1677-09-21 InfluxDB knows no time. What is dated so stands here, and its record says when it was."""
LATEST_NS: Final = 9_223_372_036_854_774_000
"""Later than 2262-04-11, likewise."""


class Spot(NamedTuple):
    """``time_us`` is the effective time in microseconds since 1970-01-01 UTC; ``slot`` 0, or lane and digits in one
    number."""

    patient_id: UUID
    kind: str
    time_us: int
    slot: int
    aside: bool = False

    @property
    def lane(self) -> int:
        """The tag that tells readings of one moment apart."""
        return self.slot // _DIGITS

    def nanoseconds(self, reading_id: UUID) -> int:
        """The point's time."""
        return point_time(self.time_us, reading_id)


def spot_of(one: PatientReading) -> Spot:
    """Where a reading wants to stand."""
    return Spot(one.patient_id, one.kind, microseconds(one.effective_time), 0, one.aside)


def spots_of(rows: Mapping[UUID, PatientReading]) -> dict[UUID, Spot]:
    """Where each wants to stand, beside those before it that are of the same patient, kind and moment."""
    found: dict[UUID, Spot] = {}
    taken: set[tuple[int, str, int, int]] = set()
    for one, row in rows.items():
        spot, attempt = spot_of(row), 0
        patient, kind, time_us = row.patient_id.int, spot.kind, spot.time_us  # the number's hash is the quickest
        while (key := (patient, kind, time_us, spot.slot)) in taken:
            attempt += 1
            spot = spot._replace(slot=slot_at(attempt, one))
        taken.add(key)
        found[one] = spot
    return found


def point_time(time_us: int, reading_id: UUID) -> int:
    """Nanoseconds since 1970-01-01 UTC."""
    return earliest_point(time_us) + reading_id.int % _DIGITS


def earliest_point(time_us: int) -> int:
    """The earliest point that a reading of this moment can be, in nanoseconds."""
    return min(max(time_us * _DIGITS, EARLIEST_NS), LATEST_NS)


def slot_at(attempt: int, reading_id: UUID) -> int:
    """The slot to try: 0 first, then one of ever more lanes, drawn so that nobody can make ids that all want the same.
    It is the same for an id whoever asks."""
    if attempt == 0:
        return 0
    drawn = int.from_bytes(blake2b(reading_id.bytes + attempt.to_bytes(2, "big"), digest_size=8).digest(), "big")
    lanes: int = 4 ** min(attempt - 1, _WIDEST)
    return (1 + drawn % lanes) * _DIGITS + reading_id.int % _DIGITS


def slot_of(lane: int, nanoseconds: int) -> int:
    """The slot of a point that was found."""
    return lane * _DIGITS + nanoseconds % _DIGITS if lane else 0
