"""``hearthline rota``: who is on call, who stands in, who is called at last."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hearthline_backend.cli_running import FAILED, Config, fail, run, run_in_unit

app = typer.Typer(help="Who is on call, and who is called at last.", no_args_is_help=True, rich_markup_mode=None)
InTeam = Annotated[str | None, typer.Option("--team", help="Its name or id; not needed where there is only one.")]
From = Annotated[str | None, typer.Option("--from", help="ISO time with offset; default: now.")]
Reason = Annotated[str, typer.Option("--reason", help="Stands in the history.")]


@app.command()
def show(
    team: InTeam = None,
    at: Annotated[str | None, typer.Option(help="ISO time with offset; default: now.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    config: Config = None,
) -> None:
    """Who is on call, until when, who is next, who is called at last, and when nobody is."""
    moment = _maybe(at, "--at")

    async def work(unit: Any, administration: Any) -> None:
        from hearthline_backend import rota_work

        now = datetime.now(UTC)
        found = await rota_work.shown(unit, await administration.find_team(unit, team), moment or now, now)
        typer.echo(json.dumps(found, indent=2) if as_json else "\n".join(rota_work.told(found)))

    run_in_unit(work, config)


@app.command("set")
def set_rota(
    file: Annotated[Path, typer.Argument(help="A TOML file; hearthline rota example prints one.")],
    team: InTeam = None,
    since: From = None,
    reason: Reason = "",
    config: Config = None,
) -> None:
    """Agree a new version of a team's rota, steps, last resort and quiet hours, from now or from a time on."""
    start = _maybe(since, "--from")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read ({type(error).__name__}); check its path and mode")

    async def work(unit: Any, administration: Any) -> None:
        from hearthline_backend import rota_work

        found = await administration.find_team(unit, team)
        said = await rota_work.set_rota(unit, found, text, valid_from=start, reason=reason, now=datetime.now(UTC))
        typer.echo("\n".join(said))

    run_in_unit(work, config)


@app.command()
def example() -> None:
    """Print a whole file to begin with."""
    from hearthline_backend.rota_file import EXAMPLE

    typer.echo(EXAMPLE, nl=False)


@app.command()
def swap(
    away: Annotated[str, typer.Option(help="Login of who is away.")],
    until: Annotated[str, typer.Option("--until", help="ISO time with offset.")],
    instead: Annotated[str | None, typer.Option(help="Login of who stands in; default: the next in order.")] = None,
    since: From = None,
    team: InTeam = None,
    reason: Reason = "",
    config: Config = None,
) -> None:
    """Somebody is away, such as ill or on leave: another person stands in, or the next in order moves up."""
    start, end = _maybe(since, "--from"), _instant(until, "--until")

    async def work(unit: Any, administration: Any) -> None:
        from hearthline_backend import rota_work

        now = datetime.now(UTC)
        found = await administration.find_team(unit, team)
        typer.echo("\n".join(await rota_work.stand_in(unit, found, away, instead, start or now, end, reason, now)))

    run_in_unit(work, config)


@app.command()
def back(
    number: Annotated[int, typer.Argument(help="The stand-in's number, as hearthline rota show prints it.")],
    team: InTeam = None,
    config: Config = None,
) -> None:
    """Take a stand-in back: whoever was away is on call again."""

    async def work(unit: Any, administration: Any) -> None:
        found = await administration.find_team(unit, team)
        if not await unit.rotas.remove_stand_in(found.id, number, datetime.now(UTC)):
            fail(f"{found.name} has no stand-in {number}; hearthline rota show lists those there are")
        typer.echo(f"Stand-in {number} holds no longer.")

    run_in_unit(work, config)


@app.command()
def holiday(
    day: Annotated[str, typer.Argument(help="Such as 2026-12-25.")],
    name: Annotated[str, typer.Option(help="Such as Christmas Day.")] = "",
    like: Annotated[str | None, typer.Option(help="Weekday whose people are on call then, such as sun.")] = None,
    people: Annotated[list[str] | None, typer.Option(help="Logins in the order of calls; once for each.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="It is a day as any other.")] = False,
    team: InTeam = None,
    config: Config = None,
) -> None:
    """On this day others are on call."""
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        fail(f"{day!r} is no day; write it as 2026-12-25")

    async def work(unit: Any, administration: Any) -> None:
        from hearthline_backend import rota_work

        now = datetime.now(UTC)
        found = await administration.find_team(unit, team)
        if not remove:
            typer.echo("\n".join(await rota_work.holiday(unit, found, wanted, name, like, people or [], now)))
        elif await unit.rotas.remove_holiday(found.id, wanted, now):
            typer.echo(f"{wanted} is a day as any other for {found.name}.")
        else:
            fail(f"{wanted} is no holiday of {found.name}; hearthline rota show lists those there are")

    run_in_unit(work, config)


@app.command("try")
def try_out(team: InTeam = None, config: Config = None) -> None:
    """Call everybody of the last resort, marked as a trial, and say what became of it. Do it every month."""
    run(_try, config, team)


async def _try(config: Path | None, team: str | None) -> None:
    from hearthline_backend import administration, rota_work
    from hearthline_backend.calling_out import open_channels
    from hearthline_backend.settings import load

    settings = load(config)
    channels = open_channels(settings)
    try:
        async with administration.administering(settings) as unit:
            found = await administration.find_team(unit, team)
            planned = await rota_work.planned_trials(unit, found, settings.public_url or "")
        trials = [await rota_work.call_on_trial(channels, message, user, way) for user, way, message in planned]
        async with administration.administering(settings) as unit:  # nobody waited for us while we waited for others
            for one in trials:
                await unit.rotas.add_trial(found.id, one)
            users = await unit.people.users({one.user_id for one in trials})
    finally:
        for channel in channels.values():
            await channel.close()
    for one in trials:
        typer.echo(f"{users[one.user_id].login} by {one.channel}: {one.outcome}")
    reached = {one.user_id for one in trials if one.outcome == "sent"}
    if not trials or any(one not in reached for one in users):
        typer.echo("Not everybody of the last resort was reached: check their contacts and the channel.", err=True)
        raise typer.Exit(FAILED)
    typer.echo("Each was accepted. Ask whether it arrived.")


def _maybe(text: str | None, option: str) -> datetime | None:
    return None if text is None else _instant(text, option)


def _instant(text: str, option: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        fail(f"{option} is a time with its offset, such as 2026-11-22T08:00:00+01:00")
    return found.astimezone(UTC)
