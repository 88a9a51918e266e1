"""Commands of ``hearthline-gateway`` that use the radio, or have the running gateway do something."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hearthline_gateway.cli_answer import Answer, ConfigOption, JsonOption, table
from hearthline_gateway.cli_conversation import carry_out, code_of, conversation
from hearthline_gateway.exit_codes import ExitCode

if TYPE_CHECKING:
    from hearthline_gateway.settings import GatewaySettings
    from hearthline_protocol.commands import CommandReply, FoundMeter, Work

AddressArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help="The meter's address, as scan shows it.")]
_FIND_S = 20.0


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(scan)
    app.command()(pair)
    app.command()(unpair)
    app.command()(identify)
    app.command()(collect)
    app.command()(restart)


def scan(
    config: ConfigOption = None,
    seconds: Annotated[float, typer.Option(min=1, max=120, help="How long to listen.")] = 20,
    json: JsonOption = False,
) -> None:
    """Find health meters nearby, nearest first, with the steps that put each into pairing mode."""
    answer = Answer("scan", as_json=json)
    settings = answer.settings(config)
    with answer.errors():
        from hearthline_protocol.commands import Scan

        reply = asyncio.run(_one(settings, Scan(seconds=seconds), answer))
    data = {"meters": [meter.model_dump(mode="json") for meter in reply.found]}
    answer.give(reply.message, data, lines=_found_lines(reply.found), code=code_of(reply))


def pair(
    address: AddressArgument,
    config: ConfigOption = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Its model; without it the meter is listened for and recognised.")
    ] = None,
    passkey: Annotated[int | None, typer.Option(min=0, max=999_999, help="The digits on it, where known.")] = None,
    json: JsonOption = False,
) -> None:
    """Pair a meter and read it from now on. Asks for digits at the terminal where the meter wants them."""
    answer = Answer("pair", as_json=json)
    settings = answer.settings(config)
    wanted = _address(address, answer)
    with answer.errors():
        reply = asyncio.run(_pair(settings, wanted, model, passkey, answer))
    answer.give(reply.message, {"address": wanted}, code=code_of(reply))


def unpair(address: AddressArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Forget a meter's bond and read it no more."""
    answer = Answer("unpair", as_json=json)
    settings = answer.settings(config)
    wanted = _address(address, answer)
    with answer.errors():
        from hearthline_protocol.commands import Unpair

        reply = asyncio.run(_one(settings, Unpair(address=wanted), answer))
    answer.give(reply.message, {"address": wanted}, code=code_of(reply))


def identify(
    config: ConfigOption = None,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="For how long.")] = 10,
    json: JsonOption = False,
) -> None:
    """Have the running gateway show itself by light and sound."""
    from hearthline_protocol.commands import Identify

    _at_the_gateway("identify", config, Identify(seconds=seconds), as_json=json)


def collect(
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="One meter; without it all.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Have the running gateway connect to the meters now, whatever pause they are in."""
    from hearthline_protocol.commands import Collect

    wanted = None if address is None else _address(address, Answer("collect", as_json=json))
    _at_the_gateway("collect", config, Collect(address=wanted), as_json=json)


def restart(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Have the running gateway end, so that its service manager starts it again."""
    from hearthline_protocol.commands import Restart

    _at_the_gateway("restart", config, Restart(), as_json=json)


def _at_the_gateway(name: str, config: Path | None, work: "Work", *, as_json: bool) -> None:
    answer = Answer(name, as_json=as_json)
    settings = answer.settings(config)
    with answer.errors():
        reply = asyncio.run(_with_the_gateway(settings, work, answer))
    answer.give(reply.message, code=code_of(reply))


async def _with_the_gateway(settings: "GatewaySettings", work: "Work", answer: Answer) -> "CommandReply":
    from hearthline_gateway.control.client import talking

    async with talking(settings.control_socket) as gateway:
        return await carry_out(gateway, work, answer)


async def _one(settings: "GatewaySettings", work: "Work", answer: Answer) -> "CommandReply":
    async with conversation(settings) as talk:
        return await carry_out(talk, work, answer)


async def _pair(
    settings: "GatewaySettings", address: str, model: str | None, passkey: int | None, answer: Answer
) -> "CommandReply":
    from hearthline_gateway.meter_models import UnknownModelError
    from hearthline_gateway.meter_models import model as meter_model
    from hearthline_protocol.commands import Pair, Scan

    async with conversation(settings) as talk:
        if model is None:
            heard = await carry_out(talk, Scan(seconds=_FIND_S), answer)
            model = _recognised(address, heard.found, answer)
        try:
            kind = meter_model(model)
        except UnknownModelError as error:
            answer.fail(str(error), ExitCode.BAD_INPUT)
        if kind.pair and kind.digits is not None and passkey is None and not sys.stdin.isatty():
            answer.fail(
                f"{kind.title} has digits {kind.digits} on it that somebody has to enter: run this in a terminal, or "
                "give them with --passkey.",
                ExitCode.NEEDS_A_PERSON,
            )
        for number, step in enumerate(kind.steps, 1):
            answer.progress(f"{number}. {step}")
        return await carry_out(talk, Pair(address=address, model=model, passkey=passkey), answer)


def _recognised(address: str, found: "tuple[FoundMeter, ...]", answer: Answer) -> str:
    meter = next((meter for meter in found if meter.address == address), None)
    if meter is None:
        answer.fail(
            f"{address} was not heard in {_FIND_S:.0f} s: wake it up or put it into pairing mode near the gateway, or "
            "name its model with --model.",
            ExitCode.FAILED,
        )
    if meter.model is None and len(meter.candidates) != 1:
        answer.fail(
            f"{address} may be one of {', '.join(meter.candidates) or 'several models'}: name its model with --model.",
            ExitCode.BAD_INPUT,
            {"candidates": list(meter.candidates)},
        )
    return meter.model or meter.candidates[0]


def _address(text: str, answer: Answer) -> str:
    import re

    address = text.strip().upper().replace("-", ":")
    if re.fullmatch(r"([0-9A-F]{2}:){5}[0-9A-F]{2}", address) is None:
        answer.fail(
            f"{text!r} is no address: write six pairs of hex digits such as A4:C1:38:01:02:03", ExitCode.BAD_INPUT
        )
    return address


def _found_lines(found: "tuple[FoundMeter, ...]") -> list[str]:
    if not found:
        return []
    rows = [("ADDRESS", "SIGNAL", "PAIRING MODE", "METER", "NAME", "MODEL")]
    rows += [
        (
            meter.address,
            "" if meter.signal_dbm is None else f"{meter.signal_dbm} dBm",
            {True: "yes", False: "no", None: "not said"}[meter.pairing],
            meter.title or meter.device,
            meter.name or "",
            (meter.model or " or ".join(meter.candidates[:3]) or "unknown")
            + (" (read already)" if meter.listed else ""),
        )
        for meter in found
    ]
    lines = table(rows)
    for meter in found:
        if meter.steps and not meter.listed:
            lines += ["", f"{meter.address} {meter.title or meter.device}:"]
            lines += [f"  {number}. {step}" for number, step in enumerate(meter.steps, 1)]
    return [*lines, ""]
