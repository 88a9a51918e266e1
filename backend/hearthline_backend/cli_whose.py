"""``hearthline whose``: readings of meters that cannot tell people apart, until a person says whose each is."""

import json
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from hearthline_backend.cli_running import Config, fail, run

app = typer.Typer(
    help="Whose reading is it? For shared scales and for guests.", no_args_is_help=True, rich_markup_mode=None
)
Number = Annotated[int, typer.Argument(help="The row's number, as hearthline whose list shows it.")]


@app.command("list")
def list_rows(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False, config: Config = None
) -> None:
    """Readings that wait for a person's word: number, gateway, meter, when measured, whose it probably is."""
    run(_list, config, as_json)


@app.command()
def take(
    number: Number, patient: Annotated[UUID, typer.Option(help="The patient's id.")], config: Config = None
) -> None:
    """It is this patient's: the running backend stores and judges it within seconds."""
    run(_say, config, number, patient)


@app.command()
def guest(number: Number, config: Config = None) -> None:
    """It is nobody's of this service: it is kept apart and never judged."""
    run(_say, config, number, None)


@app.command()
def back(
    reading: Annotated[UUID, typer.Argument(help="The reading's id, as hearthline reading show prints it.")],
    config: Config = None,
) -> None:
    """Take back whose it is: it leaves the patient's series, alerts that rest on it end, and it waits again."""
    run(_back, config, reading)


async def _say(config: Path | None, number: int, patient: UUID | None) -> None:
    from hearthline_backend.cli_correcting import correcting  # keeps --help quick

    async with correcting(config) as here:
        async with here.records.read() as unit:
            row = await unit.quarantine.get(number)
        if row is None or row.reading_id is None:
            fail(f"no reading {number} waits for this; hearthline whose list shows those that do")
        await here.corrections.claim(row.reading_id, patient, None)
    if patient is None:
        typer.echo("Noted: it is kept apart.")
    else:
        typer.echo("Noted. A running backend takes it within seconds; one that starts later does so at its start.")


async def _back(config: Path | None, reading: UUID) -> None:
    from hearthline_backend.cli_correcting import correcting  # keeps --help quick

    async with correcting(config) as here:
        done = await here.corrections.take_back(reading, None)
    typer.echo("Noted; it is done within a minute." if done.pending else "It waits again: hearthline whose list")


async def _list(config: Path | None, as_json: bool) -> None:
    from hearthline_backend.cli_correcting import correcting  # keeps --help quick
    from hearthline_backend.unclear_readings import suggestion, unclear_readings  # keeps --help quick

    async with correcting(config) as here:
        async with here.records.read() as unit:
            found = await unclear_readings(unit)
        likely = {one.row.id: await suggestion(here.readings, one, one.reading()) for one in found}
    rows = [
        {
            "number": one.row.id,
            "reading": str(one.reading_id),
            "gateway": one.row.gateway,
            "sensor": one.sensor.address,
            "measured": one.measured_at.isoformat(timespec="minutes"),
            "reason": one.reason.value,
            "candidates": [str(patient) for patient in one.candidates],
            "likeliest": None if likely[one.row.id] is None else str(likely[one.row.id]),
        }
        for one in reversed(found)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        said = f"probably {row['likeliest']}" if row["likeliest"] else "nobody's usual weight: a guest?"
        said = "the meter was nobody's then" if row["reason"] == "not_assigned" else said
        typer.echo(f"{row['number']}  {row['gateway']}  {row['sensor']}  {row['measured']}  {said}")
    if not rows:
        typer.echo("No reading waits for a person's word.")
