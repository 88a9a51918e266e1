"""``hearthline reports``: reports on patients who turned yellow that nobody has confirmed."""

import json
from typing import Annotated

import typer

from hearthline_backend.cli_running import Config, run_in_unit

app = typer.Typer(
    help="Reports on patients who turned yellow, until somebody confirms them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """So that ``list`` is a command of its own."""


@app.command("list")
def list_reports(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False, config: Config = None
) -> None:
    """Those that nobody has confirmed: team, patient's id, number, when made, until when, who calls next."""
    from hearthline_backend.storage.records.unit import Unit  # keeps --help quick

    async def work(unit: Unit, _administration: object) -> None:
        teams = {team.id: team.name for team in await unit.care.teams()}
        waiting = await unit.reports.all_waiting()
        patients = {one.id: one for one in await unit.care.patients(ids=list({one.patient_id for one in waiting}))}
        rows = [
            {
                "team": teams[patients[one.patient_id].team_id],
                "patient": str(one.patient_id),
                "number": one.number,
                "made": one.made_at.isoformat(timespec="seconds"),
                "confirm_by": one.confirm_by.isoformat(timespec="seconds"),
                "due": None if one.due_at is None else one.due_at.isoformat(timespec="seconds"),
                "alerts": list(one.alerts),
                "superseded_by": one.superseded_by,
            }
            for one in waiting
        ]
        if as_json:
            typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
            return
        for row in rows:
            said = f"until {row['confirm_by']}" if row["superseded_by"] is None else "a red alert calls instead"
            typer.echo(f"{row['team']}  {row['patient']}  report {row['number']}  made {row['made']}  {said}")
        if not rows:
            typer.echo("Every report was confirmed.")

    run_in_unit(work, config)
