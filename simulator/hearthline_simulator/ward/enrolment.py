"""Writes a patient into Records: the person, the plan, the home with its gateway and meters, and whose they are."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.templates import Override, build_plan
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.homes import Assignment, Gateway, Sensor
from hearthline_backend.storage.records.unit import Unit
from hearthline_simulator.ward.homes import gateway_status, last_contact
from hearthline_simulator.ward.meters import meters_of
from hearthline_simulator.ward.profiles import ASTRID, TIME_ZONE, Profile
from hearthline_simulator.ward.readings import Sent
from hearthline_simulator.ward.staff import DOCTOR, Staff

_SPACE: Final = UUID("6d0d1c5e-9a6f-5d0a-8f0e-2b8f3a0c4417")
_CONDITIONS: Final = ("hypertension",)
_ADJUSTED_AGO: Final = timedelta(days=52)
_RED_FROM: Final = 180.0
_YELLOW_FROM: Final = 165.0


def patient_id(profile: Profile) -> UUID:
    """The same on every start, so that an address somebody kept still works."""
    return uuid5(_SPACE, profile.home)


async def enrol(unit: Unit, profile: Profile, staff: Staff, now: datetime) -> None:
    """Everything about one patient that is not a time series, as of the day the history begins."""
    since = now - timedelta(days=profile.days + 1)
    patient = Patient(
        id=patient_id(profile),
        team_id=staff.team.id,
        given_name=profile.given_name,
        family_name=profile.family_initial,
        birth_year=profile.birth_year,
        time_zone=TIME_ZONE,
        enrolled_at=since,
        phone="+46 70 000 00 01",
    )
    await unit.care.add_patient(patient)
    await _plan(unit, profile, staff, since, now)
    await _home(unit, profile, staff, since)


async def report_home(unit: Unit, profile: Profile, history: list[Sent], now: datetime) -> None:
    """What the gateway last said of itself."""
    status = gateway_status(profile, history, now).model_dump(mode="json")
    said = last_contact(profile, now)
    await unit.homes.report(profile.gateway, status, said, heard=True)


async def _plan(unit: Unit, profile: Profile, staff: Staff, since: datetime, now: datetime) -> None:
    first = build_plan(
        patient_id=patient_id(profile),
        version=1,
        valid_from=since,
        conditions=_CONDITIONS,
        reason="As the template for high blood pressure",
    )
    await unit.care.add_plan(first, created_at=since)
    if profile is not ASTRID:
        return
    doctor, adjusted = staff.users[DOCTOR], now - _ADJUSTED_AGO
    rule = "hypertension.pressure_high"
    second = build_plan(
        patient_id=patient_id(profile),
        version=2,
        valid_from=adjusted,
        conditions=_CONDITIONS,
        reason="Usual values are high; the first limit called too often",
        author=f"{doctor.title} {doctor.initials}",
        overrides=(
            Override(rule, Level.RED, "systolic", _RED_FROM, "mm[Hg]"),
            Override(rule, Level.YELLOW, "systolic", _YELLOW_FROM, "mm[Hg]"),
        ),
    )
    await unit.care.add_plan(second, created_at=adjusted, author_id=doctor.id)


async def _home(unit: Unit, profile: Profile, staff: Staff, since: datetime) -> None:
    await unit.homes.add_gateway(Gateway(profile.gateway, profile.home, staff.organisation.id, TIME_ZONE, since))
    for home_meter in meters_of(profile):
        meter = home_meter.meter
        await unit.homes.add_sensor(Sensor(home_meter.address, profile.gateway, meter.model, meter.device, since))
        own = Assignment(uuid5(_SPACE, home_meter.address), home_meter.address, patient_id(profile), since)
        await unit.homes.assign(own)
