"""``hearthline quarantine``: what could not be taken, and what to do about it."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from hearthline_backend.cli_running import Config, fail, run_in_unit

app = typer.Typer(help="What could not be taken.", no_args_is_help=True, rich_markup_mode=None)


class StatusName(StrEnum):
    """Where a row stands."""

    REJECTED = "rejected"
    HELD = "held"
    RELEASED = "released"
    DISCARDED = "discarded"


Number = Annotated[int, typer.Argument(help="The row's number.")]


@app.command("list")
def list_rows(
    gateway: Annotated[str | None, typer.Option(help="Only of this gateway.")] = None,
    status: Annotated[StatusName | None, typer.Option(help="Only in this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    config: Config = None,
) -> None:
    """The newest rows, one a line: number, gateway, status, reason, how often, when last, what was expected."""

    async def work(unit: Any, _administration: Any) -> None:
        wanted = None if status is None else status.value
        for row in await unit.quarantine.listed(gateway=gateway, status=wanted, limit=limit):
            last = row.last_received_at.isoformat(timespec="seconds")
            typer.echo(f"{row.id}  {row.gateway}  {row.status}  {row.reason}  {row.count}x  {last}  {row.message}")

    run_in_unit(work, config)


@app.command()
def show(
    number: Number,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Print the payload, which may hold a patient's values.")
    ] = False,
    config: Config = None,
) -> None:
    """Everything about one row; its payload only with --show-values."""

    async def work(unit: Any, _administration: Any) -> None:
        row = await unit.quarantine.get(number)
        if row is None:
            fail(f"there is no row {number}; hearthline quarantine list shows them")
        for name in ("gateway", "status", "reason", "message", "reading_id", "batch", "count"):
            typer.echo(f"{name}: {getattr(row, name)}")
        typer.echo(f"received: {row.received_at.isoformat()}, last {row.last_received_at.isoformat()}")
        typer.echo(f"payload: {row.payload_bytes} bytes, SHA-256 {row.payload_sha256}, {_kept(row)}")
        if show_values and row.payload is not None:
            typer.echo(row.payload.decode("utf-8", "backslashreplace"))

    run_in_unit(work, config)


@app.command()
def retry(number: Number, config: Config = None) -> None:
    """Put a rejected row back to be tried again, such as after an upgrade that knows its kind."""

    async def work(unit: Any, _administration: Any) -> None:
        if not await unit.quarantine.hold(number):
            fail(f"row {number} has no whole payload any more, or there is no such row: the home has to send it again")
        typer.echo("The running backend tries it within five minutes, or at its next start.")

    run_in_unit(work, config)


@app.command()
def discard(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why nobody needs it; it stays on record.")],
    config: Config = None,
) -> None:
    """Let go of a row's payload. Its reason, hash and count stay."""

    async def work(unit: Any, _administration: Any) -> None:
        if await unit.quarantine.get(number) is None:
            fail(f"there is no row {number}; hearthline quarantine list shows them")
        await unit.quarantine.close(number, "discarded", f"discarded: {reason}")
        typer.echo(f"Row {number} is discarded.")

    run_in_unit(work, config)


def _kept(row: Any) -> str:
    if row.payload is None:
        return "not kept"
    return "kept whole" if len(row.payload) == row.payload_bytes else f"first {len(row.payload)} bytes kept"
