"""``hearthline rules``: look at rules, check a file of them, and try it on what is stored before anybody saves it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from hearthline_backend.cli_running import Config, fail, run

if TYPE_CHECKING:
    from hearthline_backend.domain.plans import Plan
    from hearthline_backend.replay.backtest import Backtest

app = typer.Typer(
    help="Rules: what there is, what a file says, and how often it would have fired.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
_MOST_DAYS: Final = 3660
_AT_ONCE: Final = 50
"""So many patients' plans are held at once."""


@app.command("list")
def list_templates(as_json: AsJson = False) -> None:
    """The templates of conditions, and the rules each begins with."""
    from hearthline_backend.domain.templates import TEMPLATES  # keeps --help quick

    found = {name: [rule.id for rule in template.rules] for name, template in TEMPLATES.items()}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for name, rules in found.items():
        typer.echo(f"{name}\n  {', '.join(rules)}")


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="A condition, or a patient's id: the plan in force.")],
    as_json: Annotated[bool, typer.Option("--json", help="As a file of rules, to be changed and tried.")] = False,
    config: Config = None,
) -> None:
    """The rules of a template or of a patient in words, with where they come from and what conflicts."""
    run(_show, config, what, as_json)


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A file of rules, .toml or .json.")]) -> None:
    """Whether a file of rules can be used, and in words what it would do. See docs/reference/rules.md."""
    run(_check, file)


@app.command()
def backtest(
    rules: Annotated[Path, typer.Option(help="A file of rules, .toml or .json.")],
    patient: Annotated[UUID | None, typer.Argument(help="The patient's id.")] = None,
    team: Annotated[str | None, typer.Option(help="Instead: every patient of this team, by name or id.")] = None,
    days: Annotated[int, typer.Option(min=1, max=_MOST_DAYS, help="So many days back.")] = 90,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """How often proposed rules would have fired on what is stored, beside the rules in force. Nothing is saved.

    A rule of the file stands in place of the one with its id; with another id it comes in addition.
    """
    if (patient is None) == (team is None):
        fail("say whose readings: either a patient's id, or --team")
    run(_backtest, config, rules, patient, team, days, as_json)


async def _check(file: Path) -> None:
    from hearthline_backend.replay.rules_file import read_rules  # keeps --help quick
    from hearthline_backend.replay.running import plan_of_rules

    rules = read_rules(file)
    _say(plan_of_rules(rules))
    typer.echo(f"{len(rules)} rules; every one can be used.")


async def _show(config: Path | None, what: str, as_json: bool) -> None:
    from hearthline_backend.domain.templates import TEMPLATES  # keeps --help quick
    from hearthline_backend.replay.running import plan_of_templates
    from hearthline_backend.storage.records.plan_content import PlanContent

    plan = plan_of_templates([what]) if what in TEMPLATES else await _plan_of_patient(config, what, sorted(TEMPLATES))
    if as_json:
        typer.echo(json.dumps({"rules": PlanContent.of(plan).as_json()["rules"]}, indent=2))
        return
    _say(plan)


async def _plan_of_patient(config: Path | None, what: str, templates: Sequence[str]) -> "Plan":
    from datetime import UTC, datetime

    from hearthline_backend.cli_correcting import correcting  # keeps --help quick
    from hearthline_backend.domain.plans import in_force

    try:
        patient = UUID(what)
    except ValueError:
        fail(f"no template is named {what!r}, and it is no patient's id; templates: {', '.join(templates)}")
    async with correcting(config) as here, here.records.read() as unit:
        plan = in_force(await unit.care.plan_history(patient), datetime.now(UTC))
    if plan is None:
        fail("this patient has no plan; hearthline patient list shows the ids there are")
    return plan


def _say(plan: "Plan") -> None:
    from hearthline_backend.domain.conflicts import conflicts_of  # keeps --help quick
    from hearthline_backend.domain.rule_words import describe, english
    from hearthline_backend.plan_work import conflict_in_words

    for rule in plan.rules:
        typer.echo(rule.id)
        for phrase in describe(rule):
            typer.echo(f"  {english(phrase)}")
        typer.echo(f"  Source: {rule.source}")
    for one in conflicts_of(plan):
        typer.echo(conflict_in_words(one))


async def _backtest(
    config: Path | None, file: Path, patient: UUID | None, team: str | None, days: int, as_json: bool
) -> None:
    from datetime import UTC, datetime

    from hearthline_backend.administration import find_team  # keeps --help quick
    from hearthline_backend.cli_correcting import correcting
    from hearthline_backend.replay.backtest import Backtest, backtest_patient, not_of_readings
    from hearthline_backend.replay.rules_file import read_rules

    rules = read_rules(file)
    found, now = Backtest(days), datetime.now(UTC)
    async with correcting(config) as here:
        async with here.records.read() as unit:
            if patient is None:
                people = await unit.care.patients(team_id=(await find_team(unit, team)).id)
            else:
                people = await unit.care.patients(ids=[patient])
        if not people and patient is not None:
            fail("there is no such patient; hearthline patient list shows the ids there are")
        for first in range(0, len(people), _AT_ONCE):
            group = people[first : first + _AT_ONCE]
            async with here.records.read() as unit:
                histories = await unit.care.plan_histories([one.id for one in group])
            for one in group:
                await backtest_patient(found, here.readings, one, histories.get(one.id, ()), rules, now)
    left_out = not_of_readings(rules)
    if as_json:
        typer.echo(json.dumps({**found.as_json(), "not_tried": left_out}, indent=2))
        return
    typer.echo("\n".join(compare_in_words(found)))
    if left_out:
        typer.echo(f"Not tried, since no reading fires it: {', '.join(left_out)}")


def compare_in_words(found: "Backtest") -> list[str]:
    """A backtest as a table, line by line: rule by rule, as in force and as proposed."""

    def side(counts: dict[str, int] | None) -> str:
        return "-" if counts is None else ", ".join(f"{n} {level}" for level, n in counts.items())

    rows = [("rule", "in force", "proposed"), *((rule, side(now), side(then)) for rule, now, then in found.rows())]
    now, then = found.per_week(found.in_force), found.per_week(found.proposed)
    rows.append(("alerts per patient-week", f"{now:.2f}", f"{then:.2f}"))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{rule:<{widths[0]}}  {before:<{widths[1]}}  {after}".rstrip() for rule, before, after in rows]
    return [*lines, f"{found.readings} readings of {found.patients} patients in {found.days} days. Nothing was saved."]
