"""The command ``hearthline-gateway``. Imports what it needs inside each command, so that ``--help`` is quick."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

from hearthline_gateway import cli_radio, cli_readings, cli_state
from hearthline_gateway.cli_answer import Answer, ConfigOption, JsonOption
from hearthline_gateway.exit_codes import ExitCode

app = typer.Typer(
    name="hearthline-gateway",
    help="Reads the home's health meters over Bluetooth and hands their readings to the backend, with receipts.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def main() -> None:
    """The entry point."""
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("hearthline"))
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    return


@app.command()
def run(
    config: ConfigOption = None,
    log_level: Annotated[LogLevel, typer.Option(help="How much to log.")] = LogLevel.INFO,
    json: JsonOption = False,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C. With --json its log is JSON at a terminal too."""
    import asyncio

    from hearthline_gateway.lean_imports import leave_out

    with leave_out("rich", "greenlet"):  # a tenth of this process's memory, only to draw tracebacks
        import structlog  # noqa: F401 - loaded here, before anything else loads it

    answer = Answer("run", as_json=json)
    settings = answer.settings(config)
    with answer.errors():
        from hearthline_gateway.app import run as run_gateway
        from hearthline_gateway.logs import configure_logs

        configure_logs(log_level.value, as_json=json)
        restart = asyncio.run(run_gateway(settings))
    if restart:
        raise typer.Exit(ExitCode.RESTART)


@app.command()
def decode(
    uuid16: Annotated[str, typer.Argument(metavar="UUID16", help="The characteristic, such as 2A35; - reads lines.")],
    frame: Annotated[str | None, typer.Argument(metavar="HEX", help="The bytes in hexadecimal.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="The meter's model, where its frames need it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Put the answer into the shape of all commands.")] = False,
) -> None:
    """Decode one frame and print it as JSON; exit 2 when it is bad.

    With - as the only argument, reads lines "UUID16 HEX [MODEL]" and answers each with one line of JSON. The frames
    come from whoever runs the command, so that nothing is masked.
    """
    from hearthline_gateway.decode import decode_line, decode_stream, dump

    answer = Answer("decode", as_json=json)
    if uuid16 == "-":
        if frame is not None or model is not None or json:
            answer.fail("with - every line brings its own: give no HEX, no --model and no --json", ExitCode.BAD_INPUT)
        with _until_reader_leaves():
            _answer_by_line()
            decode_stream(sys.stdin, sys.stdout)
        return
    if frame is None:
        answer.fail(
            "the frame is missing: write hearthline-gateway decode UUID16 HEX, such as decode 2A35 00780051006A00",
            ExitCode.BAD_INPUT,
        )
    found = decode_line(uuid16, frame, model)
    bad = "error" in found
    code = ExitCode.BAD_INPUT if bad else ExitCode.OK
    answer.give(found["error"]["message"] if json and bad else "Decoded." if json else dump(found), found, code=code)


cli_radio.register(app)
cli_state.register(app)
cli_readings.register(app)


def _answer_by_line() -> None:
    """Each answer leaves at once, and bytes that are no UTF-8 become a bad line like any other."""
    if isinstance(sys.stdin, io.TextIOWrapper) and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        sys.stdout.reconfigure(line_buffering=True)


@contextmanager
def _until_reader_leaves() -> Iterator[None]:
    """End quietly when whoever reads our output has had enough, as in ``... | head``."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the exit would try to flush once more
