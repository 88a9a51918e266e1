"""Who measured what, for the benchmark of queries: a tenth of the patients for five years, the others for 90 days.

Two fifths of the readings are of those with a long history. All arrive in the order of their days, the patients of a
day mixed, as the homes of a region send them. Half are blood pressures, the others oxygen saturations and weights.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.storage.ports import PatientReading
from hearthline_protocol.readings import AsMeasured, Quality, Reading, TimeQuality, Value

KIND: Final = "blood_pressure"
END: Final = datetime(2026, 11, 22, tzinfo=UTC)
FIVE_YEARS: Final = timedelta(days=1826)
RECENT: Final = timedelta(days=90)
_OF_LONG: Final = 0.4
_HOLE: Final = 987654.0
_DAY_S: Final = 86_400
_KINDS: Final[dict[str, dict[str, str]]] = {
    "blood_pressure": {"systolic": "mm[Hg]", "diastolic": "mm[Hg]", "pulse": "/min"},
    "oxygen_saturation": {"spo2": "%", "pulse": "/min"},
    "body_weight": {"weight": "kg"},
}
_TURNS: Final = ("blood_pressure", "oxygen_saturation", "blood_pressure", "body_weight")


@dataclass(frozen=True, slots=True)
class Population:
    """``patients`` and about so many ``readings`` of them, always the same ones."""

    readings: int
    patients: int

    @property
    def long(self) -> list[UUID]:
        """Those with five years."""
        return self.everybody[: max(1, self.patients // 10)]

    @property
    def everybody(self) -> list[UUID]:
        """All, in no order of their ids."""
        ids = random.Random(5)
        return [UUID(int=ids.getrandbits(128)) for _ in range(self.patients)]

    def groups(self, size: int) -> Iterator[list[PatientReading]]:
        """All readings, so many at a time."""
        rng = random.Random(7)
        texts = {kind: _text(kind) for kind in _KINDS}
        group: list[PatientReading] = []
        for number, (patient, at) in enumerate(self._measured(rng)):
            kind = _TURNS[(number + patient.int) % len(_TURNS)]
            body = texts[kind] % (_id(at, rng), *_values(kind, rng), *(at.strftime("%Y-%m-%dT%H:%M:%SZ"),) * 2)
            group.append(PatientReading.kept(patient, f"home-{patient.int % 5000:04d}", body.encode(), at))
            if len(group) == size:
                yield group
                group = []
        if group:
            yield group

    def _measured(self, rng: random.Random) -> Iterator[tuple[UUID, datetime]]:
        long, everybody = self.long, self.everybody
        others = everybody[len(long) :]
        a_day = self.readings * (_OF_LONG if others else 1) / len(long) / FIVE_YEARS.days
        others_a_day = self.readings * (1 - _OF_LONG) / max(1, len(others)) / RECENT.days
        for day in range(FIVE_YEARS.days):
            recent = day - (FIVE_YEARS.days - RECENT.days)
            today = _due(long, a_day, day)
            if recent >= 0:
                today += _due(others, others_a_day, recent)
            rng.shuffle(today)
            midnight = END - FIVE_YEARS + timedelta(days=day)
            for place, patient in enumerate(today):
                yield patient, midnight + timedelta(seconds=place * _DAY_S // len(today))


def _due(patients: list[UUID], a_day: float, day: int) -> list[UUID]:
    """Each as often as it measures on this day."""
    found = []
    for number, patient in enumerate(patients):
        phase = number % 97 / 97
        found += [patient] * (int(phase + (day + 1) * a_day) - int(phase + day * a_day))
    return found


def _id(at: datetime, rng: random.Random) -> str:
    """A UUIDv8 with the stamp's 48 bits, as gateways make them."""
    rest = f"{rng.getrandbits(80):020x}"
    stamp = f"{int(at.timestamp() * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}-8{rest[1:4]}-8{rest[5:8]}-{rest[8:]}"


def _values(kind: str, rng: random.Random) -> tuple[float, ...]:
    """Each value as it is and as the meter said it."""
    if kind == "body_weight":
        measured: tuple[float, ...] = (rng.randrange(14_100, 14_500) / 200,)
    elif kind == "oxygen_saturation":
        measured = (float(rng.randrange(90, 100)), float(rng.randrange(58, 90)))
    else:
        measured = (float(rng.randrange(110, 150)), float(rng.randrange(66, 95)), float(rng.randrange(58, 90)))
    return tuple(one for value in measured for one in (value, value))


def _text(kind: str) -> str:
    """The JSON of a reading as a gateway's outbox keeps it, ``%s`` where something is filled in."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    values = {
        name: Value(value=_HOLE, unit=unit, as_measured=AsMeasured(number=_HOLE, unit=unit, precision=0))
        for name, unit in _KINDS[kind].items()
    }
    reading = Reading(
        id=UUID(int=0),
        kind=kind,
        quality=Quality.VALID,
        values=values,
        received_time=at,
        effective_time=at,
        time_quality=TimeQuality.SYNCED,
        sensor="C2:48:4C:B0:00:01",
        characteristic="2A35",
        model="generic",
    )
    text = reading.model_dump_json().replace("%", "%%")
    for filled in (str(UUID(int=0)), *("2026-01-01T00:00:00Z",) * 2):
        text = text.replace(filled, "%s", 1)
    return text.replace(f"{_HOLE}", "%s")
