"""``hearthline plan``: one patient's plan, its history, and a change by a clinician, tried before it is saved."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from hearthline_backend.cli_running import Config, fail, run

if TYPE_CHECKING:
    from hearthline_backend.plan_work import Asked

app = typer.Typer(
    help="One patient's plan: what it says, who changed what, and changing it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Who = Annotated[UUID, typer.Argument(metavar="PATIENT", help="The patient's id, as hearthline patient list shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
By = Annotated[
    str, typer.Option("--by", metavar="LOGIN", help="Who answers for it: a member of the patient's care team.")
]
Place = "RULE:red|yellow:FIELD"


@app.command()
def show(
    patient: Who,
    history: Annotated[bool, typer.Option("--history", help="Every version, the newest first.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """The newest version in words: limits, whose they are, conflicts, expected times."""
    run(_show, config, patient, history, as_json)


@app.command()
def change(
    patient: Who,
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the plan's history.")],
    limit: Annotated[
        list[str] | None, typer.Option("--limit", metavar=f"{Place}=NUMBER", help="A limit of the patient's own.")
    ] = None,
    usual: Annotated[
        list[str] | None, typer.Option("--usual", metavar=Place, help="Back to the template's limit.")
    ] = None,
    add: Annotated[list[str] | None, typer.Option("--add", metavar="CONDITION", help="A condition more.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="CONDITION", help="One less.")] = None,
    decide: Annotated[
        list[str] | None,
        typer.Option("--decide", metavar="SUBJECT=RULE", help="In a conflict, this rule's limits hold."),
    ] = None,
    undecide: Annotated[
        list[str] | None, typer.Option("--undecide", metavar="SUBJECT", help="Nobody has chosen in it.")
    ] = None,
    oxygen: Annotated[
        str | None, typer.Option("--oxygen", metavar="LOW-HIGH", help="Oxygen target, such as 88-92.")
    ] = None,
    oxygen_source: Annotated[str | None, typer.Option("--oxygen-source", help="Who says so.")] = None,
    no_oxygen: Annotated[bool, typer.Option("--no-oxygen", help="No target of the patient's own.")] = False,
    expect: Annotated[
        list[str] | None, typer.Option("--expect", metavar="KIND:TIME", help="Such as body_weight:morning.")
    ] = None,
    not_expect: Annotated[
        list[str] | None, typer.Option("--not-expect", metavar="KIND:TIME", help="No longer expected.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="A file of rules of the patient's own, .toml or .json, to be added.")
    ] = None,
    drop_rule: Annotated[
        list[str] | None, typer.Option("--drop-rule", metavar="RULE", help="Without this rule of the patient's own.")
    ] = None,
    from_version: Annotated[
        int | None, typer.Option(min=0, help="Refuse if the plan is no longer at this version; default: the newest.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Save nothing: say what it would have done.")] = False,
    days: Annotated[int, typer.Option(min=1, max=3660, help="With --dry-run: so many days back.")] = 90,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Write the next version, which holds from now on. hearthline plan show names rules, conflicts and times."""
    from hearthline_backend.plan_work import Asked  # keeps --help quick

    asked = Asked(
        limits=limit or (),
        usual=usual or (),
        add=add or (),
        remove=remove or (),
        decide=decide or (),
        undecide=undecide or (),
        oxygen=oxygen,
        oxygen_source=oxygen_source,
        no_oxygen=no_oxygen,
        expect=expect or (),
        not_expect=not_expect or (),
        drop=drop_rule or (),
    )
    run(_change, config, patient, by, reason, asked, rules, from_version, days if dry_run else None, as_json)


@app.command()
def undo(
    patient: Who,
    by: By,
    version: Annotated[int, typer.Option(min=1, help="The newest version, which is taken back.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the plan's history.")],
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Take the newest version back: what the one before it said holds again, as a further version."""
    run(_undo, config, patient, by, version, reason, as_json)


async def _show(config: Path | None, patient_id: UUID, history: bool, as_json: bool) -> None:
    from hearthline_backend import plan_work  # keeps --help quick
    from hearthline_backend.cli_correcting import correcting

    async with correcting(config) as here, here.records.read() as unit:
        _patient, versions = await plan_work.whose_plan(unit, patient_id)
    if not versions:
        fail("this patient has no plan: nothing is judged and nobody is called; hearthline plan change makes one")
    shown = versions[::-1] if history else versions[-1:]
    if as_json:
        found = [plan_work.as_json(one) for one in shown]
        typer.echo(json.dumps({"patient": str(patient_id), "versions": found} if history else found[0], indent=2))
        return
    for one in shown:
        typer.echo("\n".join(plan_work.told(one)))


async def _change(
    config: Path | None,
    patient_id: UUID,
    by: str,
    reason: str,
    asked: "Asked",
    rules: Path | None,
    from_version: int | None,
    days: int | None,
    as_json: bool,
) -> None:
    from dataclasses import replace
    from datetime import UTC, datetime

    from hearthline_backend import plan_work  # keeps --help quick
    from hearthline_backend.cli_correcting import correcting
    from hearthline_backend.cli_rules import compare_in_words
    from hearthline_backend.domain.plan_wish import before_the_first, next_plan
    from hearthline_backend.domain.rules import RuleError
    from hearthline_backend.events import EventBus
    from hearthline_backend.plan_changing import PlanChanging, name_of
    from hearthline_backend.plan_errors import PlanRefusedError
    from hearthline_backend.replay.backtest import Backtest, compare
    from hearthline_backend.replay.rules_file import read_rules

    if rules is not None:
        asked = replace(asked, rules=read_rules(rules))
    now = datetime.now(UTC)
    async with correcting(config) as here:
        async with here.records.read() as unit:
            patient, versions = await plan_work.whose_plan(unit, patient_id)
            actor = await plan_work.clinician(unit, by, patient)
        newest, author = (versions or (before_the_first(patient_id, now),))[-1], name_of(actor)
        wish = plan_work.wished(newest, asked, author, reason, now)
        if days is None:
            plans = PlanChanging(here.records, here.readings, EventBus(), lambda: datetime.now(UTC))
            based_on = newest.version if from_version is None else from_version
            made = await plans.change(patient_id, wish, based_on=based_on, reason=reason, actor=actor)
            typer.echo(json.dumps(plan_work.as_json(made), indent=2) if as_json else _saved(made.version))
            return
        try:
            draft = next_plan(newest, wish, at=now, author=author, reason=reason)
        except RuleError as error:
            raise PlanRefusedError(str(error)) from error
        found = Backtest(days)
        await compare(found, here.readings, patient, newest, draft, now)
    typer.echo(json.dumps(found.as_json(), indent=2) if as_json else "\n".join(compare_in_words(found)))


async def _undo(config: Path | None, patient_id: UUID, by: str, version: int, reason: str, as_json: bool) -> None:
    from datetime import UTC, datetime

    from hearthline_backend import plan_work  # keeps --help quick
    from hearthline_backend.cli_correcting import correcting
    from hearthline_backend.events import EventBus
    from hearthline_backend.plan_changing import PlanChanging

    async with correcting(config) as here:
        async with here.records.read() as unit:
            patient, _versions = await plan_work.whose_plan(unit, patient_id)
            actor = await plan_work.clinician(unit, by, patient)
        plans = PlanChanging(here.records, here.readings, EventBus(), lambda: datetime.now(UTC))
        made = await plans.take_back(patient_id, version, reason=reason, actor=actor)
    typer.echo(json.dumps(plan_work.as_json(made), indent=2) if as_json else _saved(made.version))


def _saved(version: int) -> str:
    return f"Saved. Version {version} holds from now on; hearthline plan undo takes it back."
