"""``hearthline why``: why a patient's last readings raised an alert, or did not, and why nobody was called."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from hearthline_backend.cli_running import Config, fail, run

if TYPE_CHECKING:
    from hearthline_backend.replay.why import Explained, Waiting

_AHEAD: Final = timedelta(minutes=5)
"""No reading is dated later than its arrival by more than this."""
_UNTIL: Final = "until "
_YEARS: Final = range(1900, 2200)
_REASONS: Final = {
    "quiet_hours": "it is yellow, and quiet hours last",
    "paused": "the patient is away",
    "snoozed": "the rule is snoozed",
}
"""Of the policy, each followed by until when."""


def add_to(app: typer.Typer) -> None:
    """Put the command into ``hearthline``."""
    app.command()(why)


def why(
    patient: Annotated[UUID, typer.Argument(help="The patient's id.")],
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"],
            help="The readings at or before then, with an offset, such as 2026-11-21T07:32+01:00; without it the last.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    config: Config = None,
) -> None:
    """Which rules looked at the last reading of each kind, why each fired or did not, and whom the policy called."""
    run(_why, config, patient, at, as_json)


async def _why(config: Path | None, patient_id: UUID, at: datetime | None, as_json: bool) -> None:
    from hearthline_backend.cli_correcting import correcting  # keeps --help quick
    from hearthline_backend.replay import why as explaining

    if at is not None and at.year not in _YEARS:
        fail(f"--at is a time in the years {_YEARS[0]} to {_YEARS[-1]}, not {at.year}")
    moment = datetime.now(UTC) + _AHEAD if at is None else at.astimezone(UTC)
    async with correcting(config) as here, here.records.read() as unit:
        patient = await unit.care.patient(patient_id)
        if patient is None:
            fail("there is no such patient; hearthline patient list shows the ids there are")
        history = await unit.care.plan_history(patient_id)
        found = await explaining.explain(unit, here.readings, patient, history, moment)
        waits = [] if at is not None else await explaining.waiting(unit, patient)
        team = await unit.care.team(patient.team_id)
    if as_json:
        typer.echo(json.dumps(explaining.as_json(patient, found, waits), indent=2, ensure_ascii=False))
        return
    zone = patient.time_zone if team is None else team.time_zone
    for one in found:
        _say(one, zone)
    if not found:
        typer.echo("No reading of this patient is stored in the 90 days before.")
    for call in waits:
        typer.echo(_waits(call, zone))


def _say(one: "Explained", zone: str) -> None:
    from hearthline_backend.domain.rule_words import english, tell  # keeps --help quick

    typer.echo(f"{one.reading.kind}, {one.reading.effective_time.isoformat(timespec='seconds')}")
    for evaluation in one.evaluations:
        said = f"fired {evaluation.level.value}" if evaluation.level is not None else evaluation.why.value
        typer.echo(f"  {evaluation.rule_id}, version {evaluation.plan_version}: {said.replace('_', ' ')}")
        typer.echo(f"    {english(tell(evaluation))}")
    if not one.evaluations:
        typer.echo("  No rule of the plan looks at this kind.")
    for call in one.calls:
        typer.echo(f"  {call['rule']}: {_called(call, zone)}")
    if one.nothing_followed is not None:
        typer.echo(f"  Nobody was called: {one.nothing_followed.replace('_', ' ')}")


def _waits(call: "Waiting", zone: str) -> str:
    """What an alert waits for, until when, and what ends it before."""
    from hearthline_backend.storage.records.calls import Task  # keeps --help quick

    what = "quiet hours" if call.task is Task.CALL_AFTER_QUIET else "the pause"
    return (
        f"Alert {call.alert_id}, {call.rule_id}, waits for the end of {what}: the first on call is called "
        f"{_local(call.until, zone)}, unless somebody takes it before"
    )


def _local(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


def _called(call: Mapping[str, Any], zone: str) -> str:
    """Whom the policy called, or the stage that said no with its reason; times in the team's ``zone``."""
    if call["call"] is not None:
        return f"somebody was called, {call['call']}"
    stopped = next((stage for stage in reversed(call["stages"]) if not stage["passes"]), None)
    if stopped is None:
        return "nobody was called"
    reason, detail = stopped["reason"], stopped["detail"] or ""
    if reason in _REASONS and detail.startswith(_UNTIL):
        until = _local(datetime.fromisoformat(detail.removeprefix(_UNTIL)), zone)
        return f"nobody was called: {_REASONS[reason]} until {until}"
    return f"nobody was called: {reason.replace('_', ' ')}{', ' if detail else ''}{detail}"
