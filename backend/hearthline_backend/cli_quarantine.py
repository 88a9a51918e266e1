"""``hearthline quarantine``: what could not be taken, and what to do about it."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from hearthline_backend.cli_looking import Looking, check, looks
from hearthline_backend.cli_running import Config, fail, run_in_unit

app = typer.Typer(help="What could not be taken.", no_args_is_help=True, rich_markup_mode=None)


class StatusName(StrEnum):
    """Where a row stands."""

    REJECTED = "rejected"
    HELD = "held"
    RELEASED = "released"
    DISCARDED = "discarded"


Number = Annotated[int, typer.Argument(help="The row's number.")]


AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]

_FIELDS = ("gateway", "status", "reason", "message", "reading_id", "batch", "count")


@app.command("list")
def list_rows(
    gateway: Annotated[str | None, typer.Option(help="Only of this gateway.")] = None,
    status: Annotated[StatusName | None, typer.Option(help="Only in this status.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only for this reason, such as unknown_sensor.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """The newest rows, one a line: number, gateway, status, reason, how often, when last, what was expected."""

    async def work(unit: Any, _administration: Any) -> None:
        wanted = None if status is None else status.value
        rows = await unit.quarantine.listed(gateway=gateway, status=wanted, reason=reason, limit=limit)
        if as_json:
            typer.echo(json.dumps([_told(row) for row in rows], indent=2))
            return
        for row in rows:
            last = row.last_received_at.isoformat(timespec="seconds")
            typer.echo(f"{row.id}  {row.gateway}  {row.status}  {row.reason}  {row.count}x  {last}  {row.message}")
        if not rows:
            typer.echo("Nothing is in quarantine that fits.")

    run_in_unit(work, config)


@app.command()
def show(
    number: Number,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Print the payload, which may hold a patient's values.")
    ] = False,
    looking: Looking = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Everything about one row; its payload only with --show-values."""
    check(show_values, looking)

    async def work(unit: Any, _administration: Any) -> None:
        row = await _row(unit, number)
        if show_values and row.payload is not None:
            from hearthline_backend.payload_looks import LOOK, concerned  # keeps --help quick

            await looks(unit, looking, await concerned(unit, row), LOOK)
        payload = row.payload.decode("utf-8", "backslashreplace") if show_values and row.payload is not None else None
        if as_json:
            typer.echo(json.dumps(_told(row, kept=_kept(row)) | ({} if payload is None else {"payload": payload})))
            return
        for name in _FIELDS:
            typer.echo(f"{name}: {getattr(row, name)}")
        typer.echo(f"received: {row.received_at.isoformat()}, last {row.last_received_at.isoformat()}")
        typer.echo(f"payload: {row.payload_bytes} bytes, SHA-256 {row.payload_sha256}, {_kept(row)}")
        if payload is not None:
            typer.echo(payload)

    run_in_unit(work, config)


@app.command()
def retry(number: Number, config: Config = None) -> None:
    """Put a rejected row back to be tried again, such as after an upgrade that knows its kind."""

    async def work(unit: Any, _administration: Any) -> None:
        _still_open(await _row(unit, number))
        if not await unit.quarantine.hold(number):
            fail(f"row {number} has no whole payload any more: the home has to send it again")
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
        _still_open(await _row(unit, number))
        if not reason.strip():
            fail("--reason says why nobody needs it; it stays on record")
        await unit.quarantine.close(number, "discarded", f"discarded: {reason.strip()}")
        typer.echo(f"Row {number} is discarded.")

    run_in_unit(work, config)


async def _row(unit: Any, number: int) -> Any:
    row = await unit.quarantine.get(number)
    if row is None:
        fail(f"there is no row {number}; hearthline quarantine list shows them")
    return row


def _still_open(row: Any) -> None:
    if row.status in (StatusName.RELEASED.value, StatusName.DISCARDED.value):
        fail(f"row {row.id} is {row.status} already, and its payload is gone; there is nothing left to do")


def _told(row: Any, **more: Any) -> dict[str, Any]:
    told = {"number": row.id} | {name: getattr(row, name) for name in _FIELDS}
    told["reading_id"] = None if row.reading_id is None else str(row.reading_id)
    times = {"received": row.received_at.isoformat(), "last_received": row.last_received_at.isoformat()}
    return told | times | {"payload_bytes": row.payload_bytes, "payload_sha256": row.payload_sha256} | more


def _kept(row: Any) -> str:
    if row.payload is None:
        return "not kept"
    return "kept whole" if len(row.payload) == row.payload_bytes else f"first {len(row.payload)} bytes kept"
