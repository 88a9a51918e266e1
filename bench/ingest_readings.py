"""Readings for the ingest benchmark, as gateways encode them: weights and blood pressures, nearly all within limits.

A reading's number is part of its id, so that a receipt tells which one it answers without a table. The number stands in
the id's last digits; before it are the stamp's 48 bits and random ones, so that the store's order is as in life.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_protocol.messages import MAX_BATCH_READINGS
from hearthline_protocol.readings import AsMeasured, Quality, Reading, TimeQuality, Value

GATEWAYS: Final = 500
PATIENTS_EACH: Final = 4
PATIENTS: Final = GATEWAYS * PATIENTS_EACH
RED_EVERY: Final = 2000
"""One reading in so many is red."""
_HOLE: Final = 987654.0
STEP: Final = timedelta(seconds=30)
"""Between two readings of one patient."""
_SPARE: Final = 64
"""Rounds: a home that got a message more than others is ahead of them in time."""


def gateway(number: int) -> str:
    """The name of a gateway, by its number from 0."""
    return f"bench-{number:04d}"


def sensor(patient: int, kind: str) -> str:
    """The address of a patient's cuff or scale."""
    return f"C2:48:4C:{'B0' if kind == 'blood_pressure' else 'B1'}:{patient >> 8:02X}:{patient & 0xFF:02X}"


def patient_of(address: str) -> int:
    """Whose meter that is: the patient's number from 0."""
    high, low = address.split(":")[-2:]
    return int(high, 16) << 8 | int(low, 16)


@dataclass(frozen=True, slots=True)
class Load:
    """``messages`` publishes of ``batch`` readings each. ``first`` is the number of the first reading: runs into one
    store go on where the last one ended. ``last_time`` is the latest effective time in ISO format,
    and ``total`` the number of readings of all runs. No patient had more than ``rounds`` readings in earlier runs."""

    messages: int
    batch: int
    first: int
    total: int
    last_time: str
    rounds: int = 0

    @property
    def readings(self) -> int:
        """How many readings it has."""
        return self.messages * self.batch

    @property
    def rounds_after(self) -> int:
        """How many readings one patient had at most, this run included."""
        of_one_home = -(-self.messages // GATEWAYS) * self.batch
        return self.rounds - (-of_one_home // PATIENTS_EACH)


def reading_number(reading_id: str) -> int:
    """The number that is in an id."""
    return int(reading_id[-12:], 16)


def payloads(load: Load) -> Iterator[tuple[int, bytes]]:
    """The gateway's number and the payload of each publish: a batch holds readings of one home alone."""
    if not 1 <= load.batch <= MAX_BATCH_READINGS:
        raise ValueError(f"a message holds 1 to {MAX_BATCH_READINGS} readings")
    rng = random.Random(load.first)
    last = datetime.fromisoformat(load.last_time)
    texts = {kind: _text(kind, live=load.batch == 1) for kind in ("blood_pressure", "body_weight")}
    for message in range(load.messages):
        home = message % GATEWAYS
        parts = []
        for one in range(load.batch):
            number = load.first + message * load.batch + one
            turn = message // GATEWAYS * load.batch + one  # of this home: its patients take turns
            red = number % RED_EVERY == 0
            kind = "blood_pressure" if red or turn // PATIENTS_EACH % 2 == 0 else "body_weight"
            at = last - (load.total // PATIENTS + _SPARE - load.rounds - turn // PATIENTS_EACH) * STEP
            who = sensor(home * PATIENTS_EACH + turn % PATIENTS_EACH, kind)
            parts.append(texts[kind] % (_id(number, at, rng), *_measured(kind, rng, red=red), *_times(number, at), who))
        yield home, f'{{"schema":1,"readings":[{",".join(parts)}]}}'.encode()


def _id(number: int, at: datetime, rng: random.Random) -> str:
    stamp, high = int(at.timestamp() * 1000) + number % 1000, rng.getrandbits(26)
    return f"{stamp >> 16:08x}-{stamp & 0xFFFF:04x}-8{high >> 14:03x}-{0x8000 | high & 0x3FFF:04x}-{number:012x}"


def _times(number: int, at: datetime) -> tuple[str, str, str]:
    """The meter's stamp, received and effective time."""
    second = f"{at:%Y-%m-%dT%H:%M:%S}"
    return second, f"{second}.{number % 1000:03d}Z", f"{second}Z"


def _measured(kind: str, rng: random.Random, *, red: bool) -> tuple[float, ...]:
    """Each value as it is and as the meter said it."""
    if kind == "body_weight":
        weight = rng.randint(14100, 14500) / 200
        return weight, weight
    values = (196, 124, 90) if red else (rng.randint(112, 138), rng.randint(68, 86), rng.randint(58, 82))
    return tuple(float(one) for value in values for one in (value, value))


def _text(kind: str, *, live: bool) -> str:
    """The JSON of a reading as a gateway's outbox keeps it, ``%s`` where something is filled in."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    units = (
        {"systolic": "mm[Hg]", "diastolic": "mm[Hg]", "pulse": "/min"} if kind == "blood_pressure" else {"weight": "kg"}
    )
    precision = 0 if kind == "blood_pressure" else 2
    values = {
        name: Value(value=_HOLE, unit=unit, as_measured=AsMeasured(number=_HOLE, unit=unit, precision=precision))
        for name, unit in units.items()
    }
    reading = Reading(
        id=UUID(int=0),
        kind=kind,
        quality=Quality.VALID,
        values=values,
        device_time="2026-01-01T00:00:00",
        received_time=at,
        effective_time=at,
        clock_offset_s=0.0,
        time_quality=TimeQuality.SYNCED,
        live=live,
        sensor="00:00:00:00:00:00",
        sequence=None,
        characteristic="2A35" if kind == "blood_pressure" else "2A9D",
        model="generic-blood-pressure" if kind == "blood_pressure" else "generic-weight",
    )
    text = reading.model_dump_json(exclude_defaults=True)
    for filled in (str(UUID(int=0)), "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "00:00:00:00:00:00"):
        text = text.replace(filled, "%s", 1)
    return text.replace('"2026-01-01T00:00:00"', '"%s"').replace(f"{_HOLE}", "%s")
