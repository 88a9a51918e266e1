"""Commands of ``hearthline-gateway`` about readings: simulate, which proves the chain, and export."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hearthline_gateway.cli_answer import Answer, ConfigOption, JsonOption, ShowValuesOption
from hearthline_gateway.exit_codes import ExitCode

if TYPE_CHECKING:
    from hearthline_gateway.control.messages import ProofStep
    from hearthline_gateway.settings import GatewaySettings


class Form(StrEnum):
    """How readings are written."""

    CSV = "csv"
    JSONL = "jsonl"


class RowState(StrEnum):
    """What became of a reading."""

    PENDING = "pending"
    STORED = "stored"
    HELD = "held"
    REJECTED = "rejected"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(simulate)
    app.command()(export)


def simulate(
    config: ConfigOption = None,
    within: Annotated[float, typer.Option(min=1, max=600, help="Seconds to wait for the receipt.")] = 30,
    json: JsonOption = False,
) -> None:
    """Prove the chain without a meter: send a marked reading to the backend and wait for its receipt, hop by hop.

    The backend keeps it out of every view, alert and figure. Goes through the running gateway; where none runs, this
    command does the gateway's part itself until the receipt is there.
    """
    answer = Answer("simulate", as_json=json)
    settings = answer.settings(config)
    with answer.errors():
        steps = asyncio.run(_simulate(settings, within, answer))
    last = steps[-1]
    data = {"steps": [step.model_dump(mode="json", exclude={"answer"}) for step in steps]}
    if last.passed:
        answer.give(f"The chain works: receipt after {last.seconds:.1f} s.", data)
    else:
        answer.give(f"Broken at {last.hop}: {last.words}", data, code=ExitCode.FAILED)


async def _simulate(settings: "GatewaySettings", within_s: float, answer: Answer) -> "list[ProofStep]":
    from hearthline_gateway.control.client import NotRunningError, talking

    steps: list[ProofStep] = []

    def seen(step: "ProofStep") -> None:
        steps.append(step)
        answer.line(f"{'passed' if step.passed else 'BROKEN':8}{step.hop:10}{step.seconds:7.2f} s  {step.words}")

    try:
        async with talking(settings.control_socket) as gateway:
            async for step in gateway.prove(within_s):
                seen(step)
    except NotRunningError:
        from hearthline_gateway.app import prove

        async for step in prove(settings, within_s):
            seen(step)
    return steps


def export(
    config: ConfigOption = None,
    form: Annotated[Form, typer.Option("--format", help="Comma-separated values, or JSON lines.")] = Form.CSV,
    state: Annotated[RowState | None, typer.Option(help="Only readings in this state.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A file to write; without it, standard output.")] = None,
    show_values: ShowValuesOption = False,
    json: JsonOption = False,
) -> None:
    """Write the outbox's readings as a table. Measured values are masked unless --show-values."""
    answer = Answer("export", as_json=json)
    settings = answer.settings(config)
    with answer.errors():
        from hearthline_gateway.outbox.export import exported
        from hearthline_gateway.outbox.overview import reading
        from hearthline_gateway.shown_values import log_look

        if show_values:
            log_look(settings.gateway.data_dir, "export")
        with reading(settings.outbox_file) as db:
            rows = list(exported(db, None if state is None else state.value, show_values=show_values))
        text = _csv(rows) if form is Form.CSV else _lines(rows)
    if out is not None:
        _write(out, text, answer)
        answer.give(f"{len(rows)} readings written to {out}.", {"rows": len(rows), "file": str(out)})
    elif json:
        answer.give(f"{len(rows)} readings.", {"rows": len(rows), "readings": rows})
    else:
        typer.echo(text, nl=False)


def _csv(rows: list[dict[str, Any]]) -> str:
    import csv
    import io
    import json as json_module

    from hearthline_gateway.outbox.export import FIELDS

    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: json_module.dumps(value) if isinstance(value, (dict, list)) else value
                for name, value in row.items()
            }
        )
    return text.getvalue()


def _lines(rows: list[dict[str, Any]]) -> str:
    import json as json_module

    return "".join(json_module.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _write(out: Path, text: str, answer: Answer) -> None:
    import os

    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        answer.fail(f"{out} cannot be written ({error.strerror}): name another file", ExitCode.FAILED)
