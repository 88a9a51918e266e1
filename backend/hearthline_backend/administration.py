"""Setting up an organisation without the demo: what the ``hearthline`` commands write, through the repositories."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hearthline_backend.domain.rules import RuleError
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.errors import HearthlineError
from hearthline_backend.settings import Settings
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.records.care import Organisation, Patient, Team
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.homes import Assignment, Gateway, Sensor
from hearthline_backend.storage.records.people import Contact, Role, User
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.passwords import hash_password
from hearthline_protocol.topics import GATEWAY_NAME

PASSWORD_LENGTH: Final = 12
DEVICES: Final = ("cuff", "glucose_meter", "heart_rate_strap", "oximeter", "scale", "thermometer")
_ADDRESS: Final = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}", re.ASCII)


class AdministrationError(HearthlineError):
    """Something asked for cannot be done; the text says why and what would work."""


class Named(Protocol):
    """What can be named on the command line by its id or its name."""

    @property
    def id(self) -> UUID:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name."""


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class NewUser:
    """What is asked of a new user. ``team`` is for care, ``patient`` for a patient; ``on_call`` the place in the order
    in which the team's people are called, 0 first."""

    login: str
    role: str
    title: str
    initials: str
    password: str
    organisation: str | None = None
    team: str | None = None
    patient: UUID | None = None
    locale: str = "en"
    mail: str | None = None
    webhook: str | None = None
    webhook_secret: str | None = None
    on_call: int | None = None


@asynccontextmanager
async def administering(settings: Settings) -> AsyncIterator[Unit]:
    """One writing unit of work on records of this release's schema."""
    settings.make_data_dir()
    await migrate(settings.records_address)
    records = SqlRecords.open(settings.records_address)
    try:
        async with records.begin() as unit:
            yield unit
    finally:
        await records.close()


async def add_organisation(unit: Unit, name: str) -> UUID:
    """A new organisation; its name is free."""
    if any(one.name == name for one in await unit.care.organisations()):
        raise AdministrationError(f"there is an organisation named {name!r} already")
    organisation = Organisation(uuid4(), name)
    await unit.care.add_organisation(organisation)
    return organisation.id


async def add_team(
    unit: Unit, name: str, organisation: str | None, time_zone: str, emergency_number: str, phone: str | None
) -> UUID:
    """A new team of an organisation."""
    owner = await find_organisation(unit, organisation)
    if any(one.name == name for one in await unit.care.teams(owner.id)):
        raise AdministrationError(f"{owner.name} has a team named {name!r} already")
    team = Team(uuid4(), owner.id, name, zone(time_zone), emergency_number, phone)
    await unit.care.add_team(team)
    return team.id


async def add_patient(
    unit: Unit,
    team: str | None,
    given_name: str,
    family_name: str,
    birth_year: int,
    time_zone: str | None,
    conditions: Sequence[str],
) -> UUID:
    """Enrol a patient with a plan from the templates of ``conditions``, in force from now."""
    carers = await find_team(unit, team)
    now = datetime.now(UTC)
    local = carers.time_zone if time_zone is None else zone(time_zone)
    patient = Patient(uuid4(), carers.id, given_name, family_name, birth_year, local, now)
    await unit.care.add_patient(patient)
    if conditions:
        try:
            plan = build_plan(
                patient_id=patient.id, version=1, valid_from=now, conditions=conditions, reason="as the templates"
            )
        except RuleError as error:
            raise AdministrationError(str(error)) from None
        await unit.care.add_plan(plan, created_at=now)
    return patient.id


async def add_user(unit: Unit, new: NewUser) -> UUID:
    """Somebody who may sign in, with the ways to reach them and their place on call."""
    if len(new.password) < PASSWORD_LENGTH:
        raise AdministrationError(f"a password has at least {PASSWORD_LENGTH} characters")
    if await unit.people.user_by_login(new.login) is not None:
        raise AdministrationError(f"the login {new.login!r} is taken")
    role = Role(new.role)
    team = await find_team(unit, new.team) if role is Role.CARE else None
    patient = await _own_patient(unit, new) if role is Role.PATIENT else None
    patients_team = None if patient is None else await unit.care.team(patient.team_id)
    home = team or patients_team
    organisation = home.organisation_id if home is not None else (await find_organisation(unit, new.organisation)).id
    user = User(
        id=uuid4(),
        login=new.login,
        password_hash=await hash_password(new.password),
        role=role,
        initials=new.initials,
        title=new.title,
        organisation_id=organisation,
        team_id=None if team is None else team.id,
        patient_id=None if patient is None else patient.id,
        locale=new.locale,
    )
    await unit.people.add_user(user)
    await _add_contacts(unit, user, new)
    if new.on_call is not None:
        if team is None:
            raise AdministrationError("only a care user is on call: give --role care and --team")
        await unit.people.put_on_call(team.id, user.id, position=new.on_call, starts_at=datetime.now(UTC))
    return user.id


async def add_gateway(unit: Unit, name: str, home: str, organisation: str | None, time_zone: str) -> None:
    """Enrol a gateway; what it sent before is taken within seconds by a running backend."""
    if GATEWAY_NAME.fullmatch(name) is None:
        raise AdministrationError("a gateway's name has 2 to 63 of a-z, 0-9 and hyphens; it is its MQTT user name too")
    if await unit.homes.gateway(name) is not None:
        raise AdministrationError(f"the gateway {name} is enrolled already")
    if any(one.home == home for one in await unit.homes.gateways()):
        raise AdministrationError(f"home {home} has a gateway already")
    owner = await find_organisation(unit, organisation)
    await unit.homes.add_gateway(Gateway(name, home, owner.id, zone(time_zone), datetime.now(UTC)))


async def add_sensor(unit: Unit, address: str, gateway: str, device: str, model: str) -> None:
    """Add a meter to the home of a gateway."""
    address = _address(address)
    if await unit.homes.gateway(gateway) is None:
        raise AdministrationError(f"no gateway is named {gateway!r}; enrol it with: hearthline gateway add")
    if address in await unit.homes.sensors_at([address]):
        raise AdministrationError(f"the meter {address} is registered already")
    if device not in DEVICES:
        raise AdministrationError(f"a meter is one of {', '.join(DEVICES)}")
    await unit.homes.add_sensor(Sensor(address, gateway, model, device, datetime.now(UTC)))


async def assign_sensor(
    unit: Unit, address: str, patient: UUID, slot: int | None, since: datetime | None, *, shared: bool = False
) -> datetime:
    """From ``since`` (now) on, what the meter measures is the patient's; returns that time. ``shared``: others use it
    too, and it does not tell them apart."""
    address = _address(address)
    if address not in await unit.homes.sensors_at([address]):
        raise AdministrationError(f"no meter {address} is registered; add it with: hearthline sensor add")
    if await unit.care.patient(patient) is None:
        raise AdministrationError("no patient has this id; hearthline patient list shows them")
    start = since or datetime.now(UTC)
    await unit.homes.assign(Assignment(uuid4(), address, patient, start, slot, shared=shared))
    return start


async def find_organisation(unit: Unit, wanted: str | None) -> Organisation:
    """One by id or name; without either, the only one there is."""
    return _one("organisation", await unit.care.organisations(), wanted)


async def find_team(unit: Unit, wanted: str | None) -> Team:
    """One by id or name; without either, the only one there is."""
    return _one("team", await unit.care.teams(), wanted)


def zone(name: str) -> str:
    """An IANA time zone that this machine knows."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise AdministrationError(f"there is no time zone {name!r}; it is one such as Europe/Stockholm") from None
    return name


def _one(what: str, there: Sequence[N], wanted: str | None) -> N:
    fitting = [one for one in there if wanted is None or wanted in (str(one.id), one.name)]
    if len(fitting) == 1:
        return fitting[0]
    if not there:
        raise AdministrationError(f"there is no {what} yet; add one with: hearthline {what} add")
    names = ", ".join(sorted(one.name for one in there))
    raise AdministrationError(f"say which {what} with --{what} and its name or id; there are: {names}")


def _address(text: str) -> str:
    address = text.upper()
    if _ADDRESS.fullmatch(address) is None:
        raise AdministrationError("a meter's address is six pairs of hexadecimal digits, such as C0:26:DA:00:12:34")
    return address


async def _own_patient(unit: Unit, new: NewUser) -> Patient:
    patient = None if new.patient is None else await unit.care.patient(new.patient)
    if patient is None:
        raise AdministrationError("a user of role patient needs --patient and the patient's id")
    return patient


async def _add_contacts(unit: Unit, user: User, new: NewUser) -> None:
    ways = (("mail", new.mail, None), ("webhook", new.webhook, new.webhook_secret))
    given = [(channel, address, secret) for channel, address, secret in ways if address is not None]
    for position, (channel, address, secret) in enumerate(given):
        await unit.people.add_contact(Contact(uuid4(), user.id, channel, address, secret, position))
