"""``hearthline replay``: a template, or rules in a file, over one patient's readings in a CSV file."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
        typer.Option(
            help="One patient's readings: time,kind,field,value,unit, a line for each number; - is the input."
        ),
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

    Lines that cannot be read are told by their number, left out, and make the exit code 3. A value may be <20 or >600
    where the meter said so. A time without offset that a change of clocks made twice is the first of the two; one that
    it left out is taken as of a clock that had not been changed yet.
    """
    from hearthline_backend.replay.csv_readings import CsvReadings  # keeps --help quick
    from hearthline_backend.replay.running import Running

    plan = _plan(template or [], rules)
    zone = _zone(patient_tz)
    if str(csv) == "-":
        found = CsvReadings.read(io.TextIOWrapper(sys.stdin.buffer, "utf-8", "replace", newline=""), zone)
    else:
        try:
            with csv.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
                found = CsvReadings.read(lines, zone)
        except OSError as error:
            _refuse(f"{csv} cannot be read: {error.strerror}")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # JSON is, whatever the terminal's language
    running = Running(plan, patient_tz or "UTC")
    for event in running.events(found.readings()):
        sys.stdout.write(event + "\n")
    for one in sorted(found.bad):
        typer.echo(f"line {one.line}: {one.reason}", err=True)
    sys.stdout.write(running.summary(len(found.bad)) + "\n")
    if found.bad:
        raise typer.Exit(ROWS_SKIPPED)


def _plan(templates: list[str], rules: Path | None) -> "Plan":
    from hearthline_backend.domain.rules import RuleError  # keeps --help quick
    from hearthline_backend.replay.rules_file import RulesFileError, read_rules
    from hearthline_backend.replay.running import plan_of_rules, plan_of_templates

    if bool(templates) == (rules is not None):
        _refuse("say which rules: either --template with a condition, or --rules with a file")
    try:
        return plan_of_templates(templates) if rules is None else plan_of_rules(read_rules(rules))
    except (RuleError, RulesFileError) as error:
        _refuse(str(error))


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        _refuse(f"there is no time zone {name!r}; it is one such as Europe/Stockholm")


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(NOT_USABLE)
