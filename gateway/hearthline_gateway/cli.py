"""The command ``hearthline-gateway``. Imports what it needs inside each command, so that ``--help`` is quick."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

if TYPE_CHECKING:
    from hearthline_gateway.settings import GatewaySettings

_BAD_INPUT: Final = 2

app = typer.Typer(
    name="hearthline-gateway",
    help="Reads the home's health meters over Bluetooth and hands their readings to the backend, with receipts.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The settings file. Without it: $HEARTHLINE_GATEWAY_CONFIG, else /etc/hearthline/gateway.toml.",
    ),
]


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
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C."""
    import asyncio

    settings = _settings(config)
    with _extra_needed():
        from hearthline_gateway.app import run as run_gateway
    from hearthline_gateway.errors import GatewayError
    from hearthline_gateway.logs import configure_logs

    configure_logs(log_level.value)
    try:
        asyncio.run(run_gateway(settings))
    except GatewayError as error:
        _fail(str(error), 1)


@app.command()
def decode(
    uuid16: Annotated[str, typer.Argument(metavar="UUID16", help="The characteristic, such as 2A35; - reads lines.")],
    frame: Annotated[str | None, typer.Argument(metavar="HEX", help="The bytes in hexadecimal.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="The meter's model, where its frames need it.")] = None,
) -> None:
    """Decode one frame and print it as JSON; exit 2 when it is bad.

    With - as the only argument, reads lines "UUID16 HEX [MODEL]" and answers each with one line of JSON.
    """
    from hearthline_gateway.decode import decode_line, decode_stream, dump

    if uuid16 == "-":
        if frame is not None or model is not None:
            _fail("with - every line brings its own frame and model: give no HEX and no --model", _BAD_INPUT)
        with _until_reader_leaves():
            _answer_by_line()
            decode_stream(sys.stdin, sys.stdout)
        return
    if frame is None:
        _fail("the frame is missing: write hearthline-gateway decode UUID16 HEX, such as decode 2A35 00780051006A00", 2)
    answer = decode_line(uuid16, frame, model)
    typer.echo(dump(answer))
    if "error" in answer:
        raise typer.Exit(_BAD_INPUT)


@app.command("check-config")
def check_config(config: ConfigOption = None) -> None:
    """Check the settings and name every problem with its line; exit 2 when there is one."""
    settings = _settings(config)
    typer.echo(f"The settings are good: gateway {settings.gateway.name}, {len(settings.meters)} meters.")


@app.command()
def outbox(config: ConfigOption = None) -> None:
    """Show how much waits in the outbox. Counts and times only, no values."""
    from hearthline_gateway.errors import GatewayError
    from hearthline_gateway.outbox.overview import overview

    settings = _settings(config)
    try:
        lines = overview(settings.outbox_file)
    except GatewayError as error:
        _fail(str(error), 1)
    typer.echo("\n".join(lines))


def _answer_by_line() -> None:
    """Each answer leaves at once, and bytes that are no UTF-8 become a bad line like any other."""
    if isinstance(sys.stdin, io.TextIOWrapper) and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        sys.stdout.reconfigure(line_buffering=True)


def _settings(config: Path | None) -> "GatewaySettings":
    from hearthline_gateway.settings_file import SettingsError, load_settings

    try:
        return load_settings(config, os.environ)
    except SettingsError as error:
        _fail(str(error), _BAD_INPUT)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


@contextmanager
def _extra_needed() -> Iterator[None]:
    """Say which extra to install when a part of it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("hearthline"):
            raise
        _fail(
            f"the gateway needs {error.name.partition('.')[0]}, which is not installed: install hearthline[gateway]", 1
        )


@contextmanager
def _until_reader_leaves() -> Iterator[None]:
    """End quietly when whoever reads our output has had enough, as in ``... | head``."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the exit would try to flush once more
