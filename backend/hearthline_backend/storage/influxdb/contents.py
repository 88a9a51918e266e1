"""What readings say, remembered by their ids up to so many bytes: what was written or read lately is asked for again.

What a reading says never changes, only its place does; where it stands is the register's word, every time.
"""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from hearthline_backend.storage.influxdb.spot import Spot
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.readings_tables import instant

MOST_BYTES: Final = 32 * 1024 * 1024
_BESIDE_BYTES: Final = 400
"""About what an entry takes beside its JSON."""
_Kept = tuple[bytes, str, datetime]
"""Body, gateway, stored time: nothing that the garbage collector has to look at again and again."""


class Contents:
    """Of one process. The oldest entries go first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        # By UUID.int, whose hash costs a sixth of the id's own. A plain dict looks for its first entry past all those
        # that went before, anew for each that goes.
        self._kept: OrderedDict[int, _Kept] = OrderedDict()

    def remember(self, rows: Iterable[PatientReading]) -> None:
        """Of readings that surely are in the bucket."""
        kept = self._kept
        for one in rows:
            number, body = one.content.id.int, one.body
            if number not in kept:
                kept[number] = (body, one.gateway, one.stored_time)
                self._bytes += len(body) + _BESIDE_BYTES
        while self._bytes > self._most_bytes:
            body, _, _ = kept.popitem(last=False)[1]
            self._bytes -= len(body) + _BESIDE_BYTES

    def at(self, reading_id: UUID, spot: Spot) -> PatientReading | None:
        """The reading as it stands there; None where it is not remembered."""
        kept = self._kept.get(reading_id.int)
        if kept is None:
            return None
        body, gateway, stored_time = kept
        at = instant(spot.time_us)
        return PatientReading.kept(spot.patient_id, gateway, body, stored_time, effective_time=at, aside=spot.aside)

    def forget(self) -> None:
        """All of it: somebody is to be forgotten, and whose each is was never kept."""
        self._kept.clear()
        self._bytes = 0
