"""``hearthline reading``: one reading, its history, and what a person may correct about it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from hearthline_backend.cli_looking import Looking, check, looks
from hearthline_backend.cli_running import Config, fail, run

app = typer.Typer(help="One reading: look at it, correct it.", no_args_is_help=True, rich_markup_mode=None)

Id = Annotated[UUID, typer.Argument(help="The reading's id.")]
Reason = Annotated[str, typer.Option(help="Why, in up to 300 characters; it stays with the reading.")]


@app.command()
def show(
    reading: Id,
    show_values: Annotated[bool, typer.Option("--show-values", help="Print what was measured.")] = False,
    looking: Looking = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    config: Config = None,
) -> None:
    """Where it stands, who changed what about it and why; what was measured only with --show-values."""
    check(show_values, looking)
    run(_show, config, reading, looking if show_values else None, as_json)


@app.command()
def correct(
    reading: Id,
    reason: Reason,
    patient: Annotated[UUID | None, typer.Option(help="It is this patient's: the id.")] = None,
    time: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"],
            help="It was measured then, with an offset, such as 2026-11-21T07:32+01:00.",
        ),
    ] = None,
    config: Config = None,
) -> None:
    """It is another patient's, or was measured at another time. Alerts are brought up to date."""
    if (patient is None) == (time is None):
        fail("give either --patient or --time: each is a correction of its own")
    run(_correct, config, reading, "redate" if patient is None else "reassign", time or patient, reason)


@app.command()
def error(reading: Id, reason: Reason, config: Config = None) -> None:
    """It was entered in error: it counts in no chart, no last value and no rule. It stays, with the reason."""
    run(_correct, config, reading, "enter_in_error", None, reason)


@app.command()
def restore(reading: Id, reason: Reason, config: Config = None) -> None:
    """It was right after all, and is judged again."""
    run(_correct, config, reading, "restore", None, reason)


async def _correct(config: Path | None, reading: UUID, act: str, to: object, reason: str) -> None:
    from hearthline_backend.cli_correcting import correcting  # keeps --help quick

    async with correcting(config) as here:
        work = getattr(here.corrections, act)
        done = await (work(reading, None, reason) if to is None else work(reading, to, None, reason))
    if not done.changed:
        typer.echo("It is so already; nothing was changed.")
    elif done.pending:
        typer.echo("It is written down; a running backend does it as soon as the stores answer.")
    else:
        typer.echo("It is corrected, and its alerts are up to date.")


async def _show(config: Path | None, reading: UUID, looking: str | None, as_json: bool) -> None:
    from hearthline_backend.cli_correcting import correcting  # keeps --help quick
    from hearthline_backend.storage.patient_reading import NOBODY  # keeps --help quick

    async with correcting(config) as here:
        row = await here.readings.get(reading)
        async with here.records.begin() as unit:
            if looking is not None and row is not None:
                await looks(unit, looking, [] if row.patient_id == NOBODY else [row.patient_id], "reading")
            history = (await unit.corrections.of_readings([reading])).get(reading, ())
    if row is None:
        fail(f"no reading {reading} is stored; hearthline whose list shows those that wait")
    told: dict[str, Any] = {
        "reading": str(reading),
        "patient": None if row.patient_id == NOBODY else str(row.patient_id),
        "kind": row.kind,
        "measured": row.effective_time.isoformat(),
        "stored": row.stored_time.isoformat(),
        "gateway": row.gateway,
        "sensor": row.content.sensor,
        "counts": not row.aside,
    }
    if looking is not None:
        said = row.reading
        told["quality"] = said.quality.value
        told["values"] = {name: f"{one.value} {one.unit}" for name, one in said.values.items()}
    told["history"] = [
        {
            "what": one.what.value,
            "at": one.at.isoformat(timespec="seconds"),
            "by": f"{one.title} {one.initials}" if one.initials else "at the command line",
            "reason": one.reason,
            "done": one.finished_at is not None,
        }
        for one in history
    ]
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for name, value in told.items():
        if name not in ("history", "values"):
            typer.echo(f"{name}: {value}")
    for name, value in told.get("values", {}).items():
        typer.echo(f"{name}: {value}")
    for one in told["history"]:
        pending = "" if one["done"] else " (being done)"
        typer.echo(f"{one['at']}  {one['what']}{pending}  {one['by']}  {one['reason']}".rstrip())
