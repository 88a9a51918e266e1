"""Commands of ``hearthline-gateway`` that look: status, meters, outbox, check-config, doctor."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hearthline_gateway.cli_answer import Answer, ConfigOption, JsonOption, table
from hearthline_gateway.exit_codes import ExitCode

if TYPE_CHECKING:
    from hearthline_gateway.control.messages import GatewayState
    from hearthline_gateway.doctor.finding import Diagnosis
    from hearthline_gateway.settings import GatewaySettings


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("check-config")(check_config)
    app.command()(status)
    app.command()(meters)
    app.command()(outbox)
    app.command()(doctor)


def check_config(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check the settings and name every problem with its line; exit 2 when there is one."""
    answer = Answer("check-config", as_json=json)
    settings = answer.settings(config)
    found = {"gateway": settings.gateway.name, "meters": len(settings.meters)}
    answer.give(f"The settings are good: gateway {settings.gateway.name}, {len(settings.meters)} meters.", found)


def status(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show how the running gateway is. Counts and times only, no values."""
    answer = Answer("status", as_json=json)
    settings = answer.settings(config)
    with answer.errors():
        state = asyncio.run(_state(settings))
    lines, message = _status_lines(state), _verdict(state)
    answer.give(message, state.model_dump(mode="json", exclude={"answer"}), lines=lines)


def meters(config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the meters that are read: who listed each, battery, last sign of life, problem."""
    answer = Answer("meters", as_json=json)
    settings = answer.settings(config)
    with answer.errors():
        rows, running = asyncio.run(_meters(settings))
    heading = ("ADDRESS", "MODEL", "LISTED BY", "PAIRED", "BATTERY", "HEARD", "LAST READING")
    lines = table([heading, *(_meter_row(row) for row in rows)]) if rows else []
    lines += [f"{row['address']}: {row['problem']}" for row in rows if row["problem"]]
    message = f"{len(rows)} meters." + ("" if running else " No gateway runs: only the list is known.")
    if not rows:
        message += " Find one: hearthline-gateway scan"
    answer.give(message, {"running": running, "meters": rows}, lines=lines)


def outbox(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show how much waits in the outbox. Counts and times only, no values."""
    answer = Answer("outbox", as_json=json)
    settings = answer.settings(config)
    with answer.errors():
        from hearthline_gateway.outbox.overview import figures, overview

        if json:
            found = figures(settings.outbox_file)
            answer.give(f"{found['pending']} readings wait.", found)
        else:
            answer.give("", lines=overview(settings.outbox_file))


def doctor(
    config: ConfigOption = None,
    proof: Annotated[
        bool,
        typer.Option(
            "--proof/--no-proof",
            help="Send a marked reading through the running gateway, to see its receipt come back.",
        ),
    ] = True,
    json: JsonOption = False,
) -> None:
    """Look at every hop from the meters to the store. The last line names the first broken one; then exit 1."""
    from hearthline_gateway.settings_file import SettingsError

    answer = Answer("doctor", as_json=json)
    with answer.errors():
        try:
            diagnosis = asyncio.run(_diagnose(config, answer, proof=proof))
        except SettingsError as error:
            from hearthline_gateway.doctor.finding import Diagnosis, Finding, State

            first = error.problems[0]
            step = "hearthline-gateway check-config names every problem; correct the settings file."
            diagnosis = Diagnosis.of([Finding("gateway", "settings", State.BROKEN, f"{first}.", step)])
    code = ExitCode.FAILED if diagnosis.broken else ExitCode.OK
    answer.give(diagnosis.verdict(), diagnosis.as_data(), lines=[*diagnosis.lines(), ""], code=code)


async def _diagnose(config: Any, answer: Answer, *, proof: bool) -> "Diagnosis":
    import os

    from hearthline_gateway.doctor.examination import Examination, diagnose
    from hearthline_gateway.settings_file import load_settings

    settings = load_settings(config, os.environ)
    return await diagnose(
        Examination(settings, proof=proof), lambda found: answer.progress(f"{found.hop} {found.check} …")
    )


async def _state(settings: "GatewaySettings") -> "GatewayState":
    from hearthline_gateway.control.client import talking

    async with talking(settings.control_socket) as gateway:
        return await gateway.state()


async def _meters(settings: "GatewaySettings") -> tuple[list[dict[str, Any]], bool]:
    from hearthline_gateway.configuration_in_force import ConfigurationInForce
    from hearthline_gateway.control.client import NotRunningError

    try:
        state = await _state(settings)
    except NotRunningError:
        kept = ConfigurationInForce(settings.gateway.data_dir, settings.configured_meters)
        kept.load(repair=False)
        listed, known = kept.reported().meters, {}
    else:
        listed = state.configuration.meters
        known = {meter.address: meter.model_dump(mode="json") for meter in state.status.meters}
    empty = dict.fromkeys(
        ("paired", "battery_percent", "signal_dbm", "last_heard", "last_reading", "last_error", "problem")
    )
    rows = [
        empty | known.get(meter.address, {}) | {"origin": meter.origin, "address": meter.address, "model": meter.model}
        for meter in listed
    ]
    return rows, bool(known) or not listed


def _meter_row(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["address"],
        row["model"],
        row["origin"],
        {True: "yes", False: "no", None: "–"}[row["paired"]],
        "–" if row["battery_percent"] is None else f"{row['battery_percent']} %",
        _ago(row["last_heard"]),
        _ago(row["last_reading"]),
    )


def _ago(text: str | None) -> str:
    from hearthline_gateway.ages import ago

    return "–" if text is None else ago(datetime.fromisoformat(text), datetime.now(UTC))


def _status_lines(state: "GatewayState") -> list[str]:
    from hearthline_gateway.ages import ago

    revision = state.configuration.revision
    now, said = datetime.now(UTC), state.status
    lines = [
        f"gateway        release {said.version}, started {ago(said.started_time, now)}",
        f"bluetooth      {said.adapter}",
        f"clock          {'synchronised' if said.clock_synchronised else 'not synchronised'}",
        f"broker         {'connected' if state.uplink_connected else state.uplink_problem}",
        f"configuration  {'none from the backend' if revision is None else f'revision {revision}'}",
    ]
    if said.outbox is not None:
        lines.append(f"outbox         {said.outbox.pending} wait, {said.outbox.rejected} rejected")
        lines.append(f"last receipt   {ago(said.outbox.last_receipt, now)}")
    lines += [f"meter          {meter.address} {meter.model}: {_heard(meter.last_heard, now)}" for meter in said.meters]
    return lines


def _heard(moment: datetime | None, now: datetime) -> str:
    from hearthline_gateway.ages import ago

    return "not heard yet" if moment is None else f"heard {ago(moment, now)}"


def _verdict(state: "GatewayState") -> str:
    problems = [*state.status.problems, *(meter.problem for meter in state.status.meters if meter.problem)]
    if not state.uplink_connected and state.uplink_problem:
        problems.insert(0, state.uplink_problem)
    return f"Needs a hand: {problems[0]}" if problems else "All is well."
