"""How a command answers: lines for a person, or one JSON object of one shape for a program."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from hearthline_gateway.exit_codes import ExitCode

if TYPE_CHECKING:
    from hearthline_gateway.settings import GatewaySettings

SHAPE: Final[dict[str, str]] = {
    "command": "The command's name, such as `scan`.",
    "ok": "Whether the exit code is 0.",
    "code": "The exit code.",
    "message": "What happened and what to do next, in words.",
    "data": "What was found; each command's own object, empty where there is nothing.",
}
"""The fields of the JSON answer; the documentation is made from this list."""

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The settings file. Without it: $HEARTHLINE_GATEWAY_CONFIG, else /etc/hearthline/gateway.toml.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer with one line of JSON instead of text.")]
ShowValuesOption = Annotated[
    bool,
    typer.Option("--show-values", help="Print measured values, which belong to a patient. Who did so is logged."),
]


class Answer:
    """The answer of one command."""

    def __init__(self, command: str, *, as_json: bool) -> None:
        self.command, self.as_json = command, as_json

    def progress(self, words: str) -> None:
        """Something that takes long goes on. Only for a person who watches."""
        if not self.as_json and sys.stderr.isatty():
            typer.echo(words, err=True)

    def ask(self, words: str) -> None:
        """Put a question to the person at the terminal."""
        typer.echo(words, err=True)

    def line(self, words: str) -> None:
        """A part of a long answer, as soon as it is known."""
        if not self.as_json:
            typer.echo(words)

    def give(
        self,
        message: str,
        data: Mapping[str, Any] | None = None,
        *,
        lines: Sequence[str] = (),
        code: ExitCode = ExitCode.OK,
    ) -> None:
        """The answer: ``lines``, then ``message`` as the last line. Raises ``typer.Exit`` where ``code`` is not 0."""
        if self.as_json:
            typer.echo(self.as_line(message, data or {}, code))
        else:
            for line in lines:
                typer.echo(line)
            if message:
                typer.echo(message)
        if code:
            raise typer.Exit(code)

    def as_line(self, message: str, data: Mapping[str, Any], code: ExitCode = ExitCode.OK) -> str:
        """The one shape."""
        answer = {"command": self.command, "ok": code == 0, "code": int(code), "message": message, "data": dict(data)}
        return json.dumps(answer, separators=(",", ":"), allow_nan=False, ensure_ascii=False)

    def fail(self, message: str, code: ExitCode, data: Mapping[str, Any] | None = None) -> NoReturn:
        """It did not work."""
        if self.as_json:
            typer.echo(self.as_line(message, data or {}, code))
        else:
            typer.echo(message, err=True)
        raise typer.Exit(code)

    def settings(self, config: Path | None) -> "GatewaySettings":
        """The settings, or the end with every problem in them."""
        from hearthline_gateway.settings_file import SettingsError, load_settings

        try:
            return load_settings(config, os.environ)
        except SettingsError as error:
            self.fail(str(error), ExitCode.BAD_INPUT, {"problems": list(error.problems)})

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the gateway found wrong ends the command with its words, and a missing extra with its name."""
        from hearthline_gateway.control.client import NotRunningError
        from hearthline_gateway.errors import GatewayError
        from hearthline_gateway.logs import configure_logs

        configure_logs("error")  # what a person has to know is in the answer
        try:
            yield
        except NotRunningError as error:
            self.fail(
                f"{error}. Start it with: systemctl start hearthline-gateway. What is wrong with it: "
                "hearthline-gateway doctor",
                ExitCode.NOT_RUNNING,
            )
        except GatewayError as error:
            self.fail(str(error), ExitCode.FAILED)
        except KeyboardInterrupt:
            self.fail("Ended.", ExitCode.INTERRUPTED)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("hearthline"):
                raise
            missing = error.name.partition(".")[0]
            self.fail(
                f"the gateway needs {missing}, which is not installed: install hearthline[gateway]", ExitCode.FAILED
            )


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns; the first row is the heading."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
