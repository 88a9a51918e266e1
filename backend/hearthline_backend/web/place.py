"""Where the person looking stands: their team, its zone, its emergency number, who is on call."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from hearthline_backend.storage.records.care import Patient, Team
from hearthline_backend.storage.records.people import OnCall, Role, User
from hearthline_backend.storage.records.unit import Unit

DEFAULT_EMERGENCY_NUMBER: Final = "112"


@dataclass(frozen=True, slots=True)
class Place:
    """``team`` is None for technicians and engineers, ``patient`` for everybody but a patient."""

    zone: str
    emergency_number: str
    team: Team | None = None
    patient: Patient | None = None
    on_call: tuple[OnCall, ...] = ()


PLACE: web.RequestKey[Place] = web.RequestKey("hearthline_place", Place)


async def outside(unit: Unit) -> Place:
    """Nobody has signed in: the emergency number all teams share, or the European one."""
    return _shared(await unit.care.teams())


async def place_of(unit: Unit, user: User, now: datetime) -> Place:
    """Where this user stands now."""
    if user.role.technical:
        return _shared(await unit.care.teams(user.organisation_id))
    patient = await unit.care.patient(user.patient_id) if user.patient_id is not None else None
    team_id = patient.team_id if patient is not None else user.team_id
    team = await unit.care.team(team_id) if team_id is not None else None
    if team is None:
        return await outside(unit)
    zone = patient.time_zone if patient is not None else team.time_zone
    called = await unit.people.on_call(team.id, now) if user.role is Role.CARE else ()
    return Place(zone, team.emergency_number, team, patient, called)


def _shared(teams: list[Team]) -> Place:
    numbers = {team.emergency_number for team in teams}
    number = numbers.pop() if len(numbers) == 1 else DEFAULT_EMERGENCY_NUMBER
    return Place(teams[0].time_zone if teams else "UTC", number)
