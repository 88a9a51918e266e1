"""``hearthline replay``: a template, or rules in a file, over one patient's readings in a CSV file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TextIO

import typer

if TYPE_CHECKING:
    from hearthline_backend.domain.plans import Plan

NOT_USABLE: Final = 2
"""Nothing was replayed: what was asked for is not there, or cannot be read."""
ROWS_SKIPPED: Final = 3
"""Everything that could be read was replayed; some lines could not."""


def add_to(app: typer.Typer) -> None:
    """Put the command into ``hearthline``."""
    app.command()(replay)


def replay(
    csv: Annotated[
        Path,
        typer.Option(help="One patient's readings: time,kind,field,value,unit, a line for each number; - is the input."),
    ],
    template: Annotated[
        list[str] | None, typer.Option(help="A condition; several times: a patient who has them all.")
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="A file of rules, .toml or .json.")] = None,
    patient_tz: Annotated[
        str | None,
        typer.Option("--patient-tz", help="The patient's time zone, for times without offset and for local days."),
    ] = None,
) -> None:
    """What rules would have said of readings: a JSON line for each turn of an episode, and a summary.

    Lines that cannot be read are told by their number, left out, and make the exit code 3.
    """
    from hearthline_backend.replay.csv_readings import CsvReadings  # keeps --help quick
    from hearthline_backend.replay.running import Running

    plan = _plan(template or [], rules)
    zone = _zone(patient_tz)
    if str(csv) == "-":
        found = CsvReadings.read(sys.stdin, zone)
    else:
        try:
            with csv.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
                found = CsvReadings.read(lines, zone)
        except OSError as error:
            _refuse(f"{csv} cannot be read: {error.strerror}")
    running = Running(plan, patient_tz or "UTC")
    _print(running.events(found.readings()), sys.stdout)
    for one in sorted(found.bad):
        typer.echo(f"line {one.line}: {one.reason}", err=True)
    sys.stdout.write(running.summary(len(found.bad)) + "\n")
    if found.bad:
        raise typer.Exit(ROWS_SKIPPED)
