"""Writes the ward: before the backend starts, into its own two files, through its own ports."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from hearthline_backend.settings import READINGS_FILE, RECORDS_FILE
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_simulator.ward.enrolment import enrol, patient_id, report_home
from hearthline_simulator.ward.history import history
from hearthline_simulator.ward.profiles import ASTRID, Profile
from hearthline_simulator.ward.readings import Sent
from hearthline_simulator.ward.replay import Replay, Stores
from hearthline_simulator.ward.staff import Reach, Staff, add_patient_user, add_staff

PATIENT_LOGIN: Final = "astrid"


@dataclass(frozen=True, slots=True)
class Ward:
    """Whom to write, as of ``now``."""

    profiles: tuple[Profile, ...]
    now: datetime
    pasts: Mapping[Profile, list[Sent]]
    """What each of them measured, as :func:`pasts` tells it; empty for a ward in which nothing was ever measured."""


def pasts(profiles: Iterable[Profile], now: datetime, astrid_until: datetime) -> dict[Profile, list[Sent]]:
    """Everybody's history. Astrid's ends at ``astrid_until``: the rest is in the simulated meters."""
    until = {ASTRID: astrid_until}
    return {profile: history(profile, now, until=until.get(profile)) for profile in profiles}


async def write_ward(data_dir: Path, ward: Ward, reach: Reach) -> Staff:
    """Make both files in ``data_dir`` and fill them; returns the team with the passwords of this start."""
    await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    url = f"sqlite+aiosqlite:///{data_dir / RECORDS_FILE}"
    await migrate(url)
    records, readings = SqlRecords.open(url), await EmbeddedReadings.open(data_dir / READINGS_FILE)
    try:
        return await _fill(Stores(records, readings), ward, reach)
    finally:
        await readings.close()
        await records.close()


async def _fill(stores: Stores, ward: Ward, reach: Reach) -> Staff:
    staff = await _enrol_all(stores.records, ward, reach)
    for profile, past in ward.pasts.items():
        await Replay(stores, staff, profile, ward.now).run(past)
    async with stores.records.begin() as unit:
        for profile, past in ward.pasts.items():
            if profile is not ASTRID:  # her gateway is real and speaks for itself
                await report_home(unit, profile, past, ward.now)
    return staff


async def _enrol_all(records: Records, ward: Ward, reach: Reach) -> Staff:
    async with records.begin() as unit:
        staff = await add_staff(unit, reach, ward.now)
        for profile in ward.profiles:
            await enrol(unit, profile, staff, ward.now)
        await add_patient_user(unit, staff, PATIENT_LOGIN, patient_id(ASTRID))
    return staff
