"""``hearthline organisation|team|patient|user|gateway|sensor``: setting up an organisation by hand or by script."""

import secrets
import sys
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from hearthline_backend.cli_contacts import set_zone
from hearthline_backend.cli_running import Config, fail, run_in_unit


class RoleName(StrEnum):
    """What a user is here for."""

    CARE = "care"
    TECHNICIAN = "technician"
    ENGINEER = "engineer"
    PATIENT = "patient"


def _group(text: str) -> typer.Typer:
    return typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None)


organisation = _group("Who answers for care and for the gateways.")
team = _group("The people who act.")
patient = _group("Who is cared for.")
user = _group("Who may sign in.")
gateway = _group("The boxes in the homes.")
sensor = _group("The meters and whose they are.")

InOrganisation = Annotated[str | None, typer.Option("--organisation", help="Its name or id; not needed for only one.")]
InTeam = Annotated[str | None, typer.Option("--team", help="Its name or id; not needed where there is only one.")]
Zone = Annotated[str, typer.Option("--time-zone", help="Such as Europe/Stockholm.")]


@organisation.command("add")
def add_organisation(name: str, config: Config = None) -> None:
    """Add an organisation and print its id."""

    async def work(unit: Any, administration: Any) -> None:
        typer.echo(await administration.add_organisation(unit, name))

    run_in_unit(work, config)


@team.command("add")
def add_team(
    name: str,
    time_zone: Zone,
    emergency_number: Annotated[str, typer.Option(help="The country's, such as 112.")] = "112",
    phone: Annotated[str | None, typer.Option(help="The team's own number, shown to its patients.")] = None,
    organisation: InOrganisation = None,
    config: Config = None,
) -> None:
    """Add a team and print its id."""

    async def work(unit: Any, administration: Any) -> None:
        typer.echo(await administration.add_team(unit, name, organisation, time_zone, emergency_number, phone))

    run_in_unit(work, config)


@patient.command("add")
def add_patient(
    given_name: Annotated[str, typer.Option()],
    family_name: Annotated[str, typer.Option()],
    birth_year: Annotated[int, typer.Option(min=1880, max=2200)],
    condition: Annotated[list[str] | None, typer.Option(help="Template of the plan, such as hypertension.")] = None,
    team: InTeam = None,
    time_zone: Annotated[str | None, typer.Option(help="The patient's; default: the team's.")] = None,
    config: Config = None,
) -> None:
    """Enrol a patient with a plan from now on and print the patient's id."""

    async def work(unit: Any, administration: Any) -> None:
        added = administration.add_patient(unit, team, given_name, family_name, birth_year, time_zone, condition or [])
        typer.echo(await added)

    run_in_unit(work, config)


@patient.command("list")
def list_patients(team: InTeam = None, config: Config = None) -> None:
    """Ids and names of a team's patients, one a line."""

    async def work(unit: Any, administration: Any) -> None:
        found = await administration.find_team(unit, team)
        for one in await unit.care.patients(team_id=found.id):
            typer.echo(f"{one.id}  {one.family_name}, {one.given_name}")

    run_in_unit(work, config)


@user.command("add")
def add_user(
    login: str,
    role: Annotated[RoleName, typer.Option()],
    title: Annotated[str, typer.Option(help="Nurse, Doctor, Technician, Engineer or Patient.")],
    initials: Annotated[str, typer.Option(help="Such as M.R.; screens show these.")],
    organisation: InOrganisation = None,
    team: InTeam = None,
    patient: Annotated[UUID | None, typer.Option(help="For role patient: the patient's id.")] = None,
    locale: Annotated[str, typer.Option(help="Language: en, sv, nb or es.")] = "en",
    mail: Annotated[str | None, typer.Option(help="Address for calls by mail.")] = None,
    webhook: Annotated[str | None, typer.Option(help="Address for calls by webhook; its secret is printed.")] = None,
    on_call: Annotated[int | None, typer.Option(min=0, help="Place in the order of calls, 0 first.")] = None,
    config: Config = None,
) -> None:
    """Add a user. The password is asked for, or read as one line from standard input."""
    password = _password()
    secret = secrets.token_urlsafe(32) if webhook is not None else None

    async def work(unit: Any, administration: Any) -> None:
        new = administration.NewUser(
            login=login,
            role=role.value,
            title=title,
            initials=initials,
            password=password,
            organisation=organisation,
            team=team,
            patient=patient,
            locale=locale,
            mail=mail,
            webhook=webhook,
            webhook_secret=secret,
            on_call=on_call,
        )
        await administration.add_user(unit, new)
        typer.echo(f"{login} can sign in." + ("" if secret is None else f" Secret of the webhook: {secret}"))

    run_in_unit(work, config)


@gateway.command("add")
def add_gateway(
    name: str,
    home: Annotated[str, typer.Option(help="The home's label, such as 0421.")],
    time_zone: Zone,
    organisation: InOrganisation = None,
    config: Config = None,
) -> None:
    """Enrol a gateway. What it sent before is taken within seconds by a running backend."""

    async def work(unit: Any, administration: Any) -> None:
        await administration.add_gateway(unit, name, home, organisation, time_zone)
        typer.echo(f"{name} is enrolled.")

    run_in_unit(work, config)


@sensor.command("add")
def add_sensor(
    address: str,
    gateway: Annotated[str, typer.Option(help="The gateway of the meter's home.")],
    device: Annotated[str, typer.Option(help="cuff, glucose_meter, heart_rate_strap, oximeter, scale or thermometer.")],
    model: Annotated[str, typer.Option(help="What stands on it.")],
    config: Config = None,
) -> None:
    """Add a meter to a home."""

    async def work(unit: Any, administration: Any) -> None:
        await administration.add_sensor(unit, address, gateway, device, model)
        typer.echo(f"{address.upper()} is registered; say whose it is with: hearthline sensor assign")

    run_in_unit(work, config)


@sensor.command("assign")
def assign_sensor(
    address: str,
    patient: Annotated[UUID, typer.Option(help="The patient's id.")],
    slot: Annotated[int | None, typer.Option(min=0, max=255, help="User slot of the meter; default: all.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="ISO time with offset; default: now.")] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Others use it too and it has no slots: a person says whose each is.")
    ] = False,
    config: Config = None,
) -> None:
    """From now on, or from a time on, what a meter measures is this patient's."""
    start = _instant(since)

    async def work(unit: Any, administration: Any) -> None:
        begin = await administration.assign_sensor(unit, address, patient, slot, start, shared=shared)
        typer.echo(f"{address.upper()} is the patient's from {begin.isoformat(timespec='seconds')}.")

    run_in_unit(work, config)


def add_to(app: typer.Typer) -> None:
    """Put these groups into the command."""
    app.add_typer(organisation, name="organisation")
    app.add_typer(team, name="team")
    app.add_typer(patient, name="patient")
    user.command("zone")(set_zone)
    app.add_typer(user, name="user")
    app.add_typer(gateway, name="gateway")
    app.add_typer(sensor, name="sensor")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        fail("--from is a time with its offset, such as 2026-11-22T08:00:00+01:00")
    return found
