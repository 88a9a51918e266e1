"""Who works with the ward: the team, its people on call, how they are reached, and their passwords of this start."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from hearthline_backend.rota_work import set_rota
from hearthline_backend.storage.records.care import Organisation, Team
from hearthline_backend.storage.records.people import Contact, Role, User
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.passwords import hash_password
from hearthline_simulator.ward.profiles import TIME_ZONE
from hearthline_simulator.ward.rota import last_handover, rota_file

NURSE: Final = "nurse"
SECOND: Final = "second"
DOCTOR: Final = "doctor"
TECHNICIAN: Final = "technician"
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without what is easily taken for something else."""
_NOBODY_SIGNS_IN: Final = "!"
"""In place of a hash: no password fits it. The second on call and the doctor appear, but nobody plays them."""
_HERE_FOR: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the team's calls go: the mail domain, and the address of the webhook sink with the secret that signs."""

    mail_domain: str
    webhook: str
    webhook_secret: str


@dataclass(frozen=True, slots=True)
class Staff:
    """The team as written into Records. ``passwords`` are by login, those that somebody is told."""

    organisation: Organisation
    team: Team
    users: dict[str, User]
    passwords: dict[str, str]

    def on_call(self, place: int) -> User:
        """The first or the second person on call."""
        return self.users[(NURSE, SECOND)[place]]


def new_password() -> str:
    """Twelve letters and digits in groups of four: 59 bits, and no trouble to type."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


async def add_staff(unit: Unit, reach: Reach, now: datetime) -> Staff:
    """Write organisation, team and people; the nurse is called first, then the second on call, at last the doctor. They
    were put on call by hand until their rota began."""
    organisation = Organisation(uuid4(), "Demonstration care region")
    team = Team(uuid4(), organisation.id, "Home team", TIME_ZONE, "112", "+46 70 000 00 00")
    await unit.care.add_organisation(organisation)
    await unit.care.add_team(team)
    passwords = {login: new_password() for login in (NURSE, TECHNICIAN)}
    hashes = dict(zip(passwords, await asyncio.gather(*map(hash_password, passwords.values())), strict=True))
    users: dict[str, User] = {}
    for login, role, initials, title in (
        (NURSE, Role.CARE, "E.S.", "Nurse"),
        (SECOND, Role.CARE, "K.L.", "Nurse"),
        (DOCTOR, Role.CARE, "M.R.", "Doctor"),
        (TECHNICIAN, Role.TECHNICIAN, "J.T.", "Technician"),
    ):
        users[login] = User(
            id=uuid4(),
            login=login,
            password_hash=hashes.get(login, _NOBODY_SIGNS_IN),
            role=role,
            initials=initials,
            title=title,
            organisation_id=organisation.id,
            team_id=team.id if role is Role.CARE else None,
        )
        await unit.people.add_user(users[login])
    for login in (NURSE, SECOND, DOCTOR):
        await _reachable(unit, users[login], reach)
    since = last_handover(now)
    for place, login in enumerate((NURSE, SECOND)):
        await unit.people.put_on_call(
            team.id, users[login].id, position=place, starts_at=now - _HERE_FOR, ends_at=since
        )
    await set_rota(unit, team, rota_file(since), valid_from=since, reason="A week each, in turn", now=since)
    return Staff(organisation, team, users, passwords)


async def add_patient_user(unit: Unit, staff: Staff, login: str, patient_id: UUID) -> None:
    """The patient's own login."""
    staff.passwords[login] = new_password()
    user = User(
        id=uuid4(),
        login=login,
        password_hash=await hash_password(staff.passwords[login]),
        role=Role.PATIENT,
        initials="A.A.",
        title="Patient",
        organisation_id=staff.organisation.id,
        patient_id=patient_id,
    )
    await unit.people.add_user(user)


async def _reachable(unit: Unit, user: User, reach: Reach) -> None:
    mail = Contact(uuid4(), user.id, "mail", f"{user.login}@{reach.mail_domain}", None, 0)
    webhook = Contact(uuid4(), user.id, "webhook", f"{reach.webhook}/{user.login}", reach.webhook_secret, 1)
    await unit.people.add_contact(mail)
    await unit.people.add_contact(webhook)
