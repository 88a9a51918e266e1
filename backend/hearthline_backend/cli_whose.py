"""``hearthline whose``: readings of meters that cannot tell people apart, until a person says whose each is."""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from hearthline_backend.cli_running import Config, run, run_in_unit

app = typer.Typer(
    help="Whose reading is it? For shared scales and for guests.", no_args_is_help=True, rich_markup_mode=None
)
Number = Annotated[int, typer.Argument(help="The row's number, as hearthline whose list shows it.")]


@app.command("list")
def list_rows(config: Config = None) -> None:
    """Readings that wait for a person's word: number, gateway, meter, when measured, whose it probably is."""

    run(_list, config)


@app.command()
def take(
    number: Number, patient: Annotated[UUID, typer.Option(help="The patient's id.")], config: Config = None
) -> None:
    """It is this patient's: the running backend stores and judges it within seconds."""

    async def work(unit: Any, _administration: Any) -> None:
        from hearthline_backend.unclear_readings import claim  # keeps --help quick

        await claim(unit, number, patient)
        typer.echo("Noted. A running backend takes it within seconds; one that starts later does so at its start.")

    run_in_unit(work, config)


@app.command()
def guest(number: Number, config: Config = None) -> None:
    """It is nobody's of this service: it is kept apart and never judged."""

    async def work(unit: Any, _administration: Any) -> None:
        from hearthline_backend.unclear_readings import claim  # keeps --help quick

        await claim(unit, number, None)
        typer.echo("Noted: it is kept apart.")

    run_in_unit(work, config)


async def _list(config: Path | None) -> None:
    from hearthline_backend.administration import administering  # keeps --help quick
    from hearthline_backend.settings import load  # keeps --help quick
    from hearthline_backend.storage.opening import readings_of  # keeps --help quick
    from hearthline_backend.unclear_readings import unclear_readings  # keeps --help quick

    settings = load(config)
    async with administering(settings) as unit, readings_of(settings) as readings:
        found = await unclear_readings(unit, readings)
    for one in found:
        when = one.measured_at.isoformat(timespec="minutes")
        likely = f"probably {one.likeliest}" if one.likeliest is not None else "nobody's usual weight: a guest?"
        typer.echo(f"{one.number}  {one.gateway}  {one.sensor}  {when}  {likely}")
    if not found:
        typer.echo("No reading waits for a person's word.")
