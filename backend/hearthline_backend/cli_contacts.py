"""``hearthline contact``: how people are reached, and ``hearthline user zone``: by whose clock."""

import secrets
import sys
from enum import StrEnum
from typing import Annotated, Any
from uuid import uuid4

import typer

from hearthline_backend.cli_running import Config, fail, run_in_unit

app = typer.Typer(help="How people are reached.", no_args_is_help=True, rich_markup_mode=None)


class ChannelName(StrEnum):
    """A way to reach somebody."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


@app.command("add")
def add_contact(
    login: str,
    channel: Annotated[ChannelName, typer.Option(help="mail, webhook, or apprise for push, chat and SMS services.")],
    safe: Annotated[
        bool, typer.Option("--safe", help="May hear clinical detail: patient and kind of measurement.")
    ] = False,
    config: Config = None,
) -> None:
    """One more way to reach somebody, after those there are. The address is asked for, or read as one line from
    standard input: an Apprise URL is a secret."""
    address = _address(channel)
    secret = secrets.token_urlsafe(32) if channel is ChannelName.WEBHOOK else None

    async def work(unit: Any, _administration: Any) -> None:
        from hearthline_backend.storage.records.people import Contact

        user = await unit.people.user_by_login(login)
        if user is None:
            fail(f"nobody has the login {login!r}")
        there = await unit.people.contacts(user.id)
        place = max((one.position for one in there), default=-1) + 1
        await unit.people.add_contact(Contact(uuid4(), user.id, channel.value, address, secret, place, safe))
        typer.echo(f"{login} is reached by {channel.value} too.")
        if secret is not None:
            typer.echo(f"Secret of the webhook: {secret}")

    run_in_unit(work, config)


@app.command("list")
def list_contacts(login: str, config: Config = None) -> None:
    """How somebody is reached, in order; addresses that are secrets are not shown."""

    async def work(unit: Any, _administration: Any) -> None:
        user = await unit.people.user_by_login(login)
        if user is None:
            fail(f"nobody has the login {login!r}")
        for one in await unit.people.contacts(user.id):
            shown = one.address.partition("://")[0] + "://..." if one.channel == ChannelName.APPRISE else one.address
            typer.echo(f"{one.position + 1}  {one.channel}  {shown}" + ("  safe" if one.safe else ""))

    run_in_unit(work, config)


def set_zone(
    login: str,
    time_zone: Annotated[str, typer.Argument(help="Such as Europe/Madrid, or - for the team's.")],
    config: Config = None,
) -> None:
    """By whose clock somebody is told times, where it is not the team's."""

    async def work(unit: Any, administration: Any) -> None:
        user = await unit.people.user_by_login(login)
        if user is None:
            fail(f"nobody has the login {login!r}")
        zone = None if time_zone == "-" else administration.zone(time_zone)
        await unit.people.set_zone(user.id, zone)
        typer.echo(f"{login} is told times in {zone or 'the zone of the team'}.")

    run_in_unit(work, config)


def _address(channel: ChannelName) -> str:
    given = typer.prompt("Address", hide_input=channel is ChannelName.APPRISE) if sys.stdin.isatty() else None
    address = (sys.stdin.readline() if given is None else str(given)).strip()
    if not address or len(address) > 300:
        fail("an address has 1 to 300 characters")
    if channel is ChannelName.APPRISE:
        from hearthline_backend.alerting.channels_apprise import known

        if not known(address):
            fail("this is no address that Apprise knows; it is a URL such as ntfy://host/topic")
    elif channel is ChannelName.WEBHOOK and not address.startswith(("http://", "https://")):
        fail("the address of a webhook begins with https://")
    elif channel is ChannelName.MAIL and "@" not in address:
        fail("this is no mail address")
    return address
