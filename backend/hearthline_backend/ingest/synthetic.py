"""Synthetic readings: stored and judged by the same steps as a patient's, and never among a patient's.

Hop 8 is the same write in the same store; they are read back from there. Hop 9 is the same transaction, in which what
follows from them becomes due. They stand under an id that is an hour's own and nobody's, and are erased after 48 h.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from hearthline_backend.domain.synthetic import alerting, hours_home
from hearthline_backend.ingest.parcel import Parcel
from hearthline_backend.storage.ports import PatientReading, ReadingStore
from hearthline_backend.storage.records.unit import Unit

KEPT: Final = timedelta(hours=48)
_AN_HOUR: Final = timedelta(hours=1)


def set_apart(parcel: Parcel, now: datetime) -> list[PatientReading]:
    """The synthetic readings of a parcel, each where it belongs."""
    home = hours_home(now)
    return [PatientReading(home, parcel.gateway, one, now) for one in parcel.content.readings if one.synthetic]


def only_synthetic(parcel: Parcel) -> bool:
    """Whether there is nothing else in it."""
    content = parcel.content
    return bool(content.readings) and not content.refused and all(one.synthetic for one in content.readings)


async def read_back(readings: ReadingStore, rows: Sequence[PatientReading]) -> list[PatientReading]:
    """These readings as the store gives them. Raises ``StoreUnavailableError``."""
    found = await readings.get_many({row.id for row in rows}) if rows else {}
    return list(found.values())


async def judge_synthetic(unit: Unit, rows: Sequence[PatientReading], now: datetime) -> int:
    """Judge stored readings by the watchdog's rule; what follows becomes due. Returns how many alerts that is."""
    by_id = {row.id: row for row in rows}
    for home in {row.patient_id for row in rows}:
        await unit.synthetic.plan_erasure(home, _end_of_hour(max(row.stored_time for row in rows)) + KEPT)
    found = alerting(row.content for row in rows)
    for one in found:
        await unit.synthetic.plan_alert(one, by_id[one].gateway, now)
    return len(found)


def _end_of_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0) + _AN_HOUR
