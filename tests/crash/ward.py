"""Patients whose month is a script: greens, yellows, reds, late ones; and what the pure domain makes of it."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from hearthline_backend.domain.episodes import Episode, episodes
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.people import Contact
from hearthline_protocol.readings import Reading
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, pressure_rule, seed

RULE: Final = pressure_rule().id
DAYS: Final = 24
_RED_DAYS: Final = (20, 12)
_YELLOW_DAYS: Final = (16, 5)


class WardHome(Household):
    """Its rule looks back hours only, so that no episode is part of another one while what lies between is missing."""

    __slots__ = ()

    @property
    def plan(self) -> Plan:
        rule = replace(pressure_rule(), look_back=timedelta(hours=6), rejoin_within=timedelta(hours=3))
        return replace(super().plan, rules=(rule,))


@dataclass(frozen=True, slots=True)
class Ward:
    """``parts`` are sent one after the other; each ends with a red of its own patient, measured now."""

    homes: tuple[WardHome, ...]
    parts: tuple[tuple[tuple[str, Reading], ...], ...]

    @property
    def readings(self) -> dict[UUID, tuple[UUID, Reading]]:
        """Every reading by its id, with its patient."""
        patients = {home.gateway: home.patient for home in self.homes}
        return {reading.id: (patients[gateway], reading) for part in self.parts for gateway, reading in part}

    def episodes(self) -> dict[UUID, tuple[Episode, ...]]:
        """What the pure domain says of each patient, whatever the order of arrival."""
        found = {}
        for home in self.homes:
            own = [reading for patient, reading in self.readings.values() if patient == home.patient]
            found[home.patient] = episodes((Observation.of(one) for one in own), (home.plan,), RULE)
        return found


def make_ward(parts: int, seed_number: int) -> Ward:
    """A patient a part; ``seed_number`` decides values and order."""
    chance = random.Random(seed_number)
    now = datetime.now(UTC).replace(microsecond=0)
    organisation, team, nurse = uuid4(), uuid4(), uuid4()
    homes = tuple(
        WardHome(
            since=now - timedelta(days=5 * 365),
            organisation=organisation,
            team=team,
            nurse=nurse,
            gateway=f"home-{number:04}",
            sensor=f"C0:00:00:00:10:{number:02X}",
        )
        for number in range(parts)
    )
    months = [_month(home, now, chance) for home in homes]
    cut: list[list[tuple[str, Reading]]] = [[] for _ in homes]
    for home, month in zip(homes, months, strict=True):
        for reading in month:
            cut[chance.randrange(parts)].append((home.gateway, reading))
    for number, home in enumerate(homes):
        chance.shuffle(cut[number])  # late and early ones mixed
        cut[number].append((home.gateway, _measured(home, 191, now - timedelta(minutes=1), now)))
    return Ward(homes, tuple(map(tuple, cut)))


def twisted(reading: Reading, chance: random.Random) -> Reading:
    """The same id with other times and values, as no gateway sends it: it must change nothing."""
    shift = chance.choice([timedelta(seconds=3), timedelta(days=-3), timedelta(days=-3 * 365)])
    values = pressure(chance.choice([90, 199]), 60).values
    return reading.model_copy(update={"effective_time": reading.effective_time + shift, "values": values})


async def admit(records: Records, ward: Ward) -> None:
    """Everybody into Records, with a nurse on call who is called by mail."""
    async with records.begin() as unit:
        for home in ward.homes:
            await seed(unit, home)
        first = ward.homes[0]
        await unit.people.add_contact(Contact(uuid4(), first.nurse, "mail", "nurse@example.org", None, 0))
        await unit.people.put_on_call(first.team, first.nurse, position=0, starts_at=first.since)


def _month(home: Household, now: datetime, chance: random.Random) -> list[Reading]:
    """Two readings a day; on some days an episode of two readings an hour apart."""
    found = []
    for day in range(1, DAYS + 1):
        at = now - timedelta(days=day, minutes=chance.randrange(60))
        found.append(_measured(home, chance.randrange(110, 140), at - timedelta(hours=6), now))
        level = 185 if day in _RED_DAYS else 160 if day in _YELLOW_DAYS else 0
        found.append(_measured(home, level or chance.randrange(110, 140), at, now))
        if level:
            found.append(_measured(home, level + 5, at + timedelta(hours=1), now))
    return found


def _measured(home: Household, systolic: float, at: datetime, now: datetime) -> Reading:
    return pressure(systolic, 80, sensor=home.sensor, effective_time=at, received_time=now)


def spread(parts: Iterable[Sequence[tuple[str, Reading]]]) -> dict[str, list[Reading]]:
    """By gateway."""
    found: dict[str, list[Reading]] = {}
    for part in parts:
        for gateway, reading in part:
            found.setdefault(gateway, []).append(reading)
    return found
