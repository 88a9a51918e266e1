"""The home as a process: one JSON command a line on standard input, one JSON event a line on standard output.

Commands: ``{"measure": NAME, ...values}`` (``"stored": [{...}, ...]`` are older records, sent before it),
``{"advertise": NAME}``, ``{"pairing_mode": NAME}`` as by its pairing button, ``{"vanish": NAME}``,
``{"die_in_use": NAME}`` once somebody connects next, ``{"forget_bond": NAME}``, and ``{"clear_memory": NAME}``, after
which a meter with numbered records counts from 1. Each is answered by ``{"event": "done", "command": ...}`` or
``{"event": "error", "message": ...}``. End of input or SIGTERM ends the home.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

import structlog
from pydantic import ValidationError

from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.home_options import HomeOptions, OptionsError, read_options
from hearthline_simulator.meters.events import MeterEvent

_VERBS = ("measure", "advertise", "pairing_mode", "vanish", "die_in_use", "forget_bond", "clear_memory")


class CommandError(ValueError):
    """A command that cannot be carried out; the message says what was expected."""


class HomeProcess:
    """Reads commands, carries them out, writes events."""

    def __init__(self, options: HomeOptions, out: TextIO) -> None:
        self._options = options
        self._out = out
        self._nobody_reads = asyncio.Event()

    async def run(self, commands: asyncio.StreamReader, ended: asyncio.Event) -> None:
        """Live until the commands end, ``ended`` is set or nobody reads the events any more."""
        home = SimulatedHome(
            self._options.bus,
            self._options.specs(),
            home_zone=self._options.zone(),
            report=self._on_event,
            temporary_timeout_s=self._options.temporary_timeout_s,
        )
        async with home:
            self._say({"event": "ready", "meters": list(home.meters)})
            reading = asyncio.create_task(self._follow(commands, home))
            ending = {asyncio.create_task(event.wait()) for event in (ended, self._nobody_reads)}
            done, pending = await asyncio.wait({reading, *ending}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            for task in done:
                task.result()

    async def _follow(self, commands: asyncio.StreamReader, home: SimulatedHome) -> None:
        while line := await commands.readline():
            if not line.strip():
                continue
            try:
                command = json.loads(line)
                await carry_out(home, command)
            except (ValueError, KeyError) as error:
                self._say(
                    {"event": "error", "message": _in_words(error), "command": line.decode(errors="replace").strip()}
                )
            else:
                self._say({"event": "done", "command": command})

    def _on_event(self, event: MeterEvent) -> None:
        self._say(event.as_json())

    def _say(self, table: dict[str, Any]) -> None:
        if self._nobody_reads.is_set():
            return
        try:
            self._out.write(json.dumps(table) + "\n")
            self._out.flush()
        except BrokenPipeError:  # whoever started the home is gone: end it as at the end of input
            self._nobody_reads.set()


async def carry_out(home: SimulatedHome, command: object) -> None:
    """One command; raises :class:`CommandError`, ``KeyError`` or pydantic's ``ValidationError`` with what is wrong."""
    if not isinstance(command, dict):
        raise CommandError("a command is a JSON object")
    verbs = [verb for verb in _VERBS if verb in command]
    if len(verbs) != 1:
        raise CommandError(f"a command names exactly one of {', '.join(_VERBS)}")
    meter = home.meter(command[verbs[0]])
    values = {key: value for key, value in command.items() if key != verbs[0]}
    match verbs[0]:
        case "measure":
            stored = values.pop("stored", [])
            if not isinstance(stored, list):
                raise CommandError("stored is a list of records")
            await meter.measure_values(*stored, *([values] if values else []))
        case "advertise":
            await meter.advertise()
        case "pairing_mode":
            await meter.enter_pairing_mode()
        case "vanish":
            await meter.stop()
        case "die_in_use":
            meter.die_in_use()
        case "clear_memory":
            meter.clear_memory()
        case _:
            await meter.forget_bond()


def _in_words(error: ValueError | KeyError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error.args[0]) if error.args else repr(error)


async def _serve(options: HomeOptions) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    commands = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    await HomeProcess(options, sys.stdout).run(commands, ended)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of ``python -m hearthline_simulator.home``."""
    parser = argparse.ArgumentParser(
        prog="python -m hearthline_simulator.home", description="A simulated home behind a simulated org.bluez."
    )
    parser.add_argument("options", help="a TOML or JSON file; see HomeOptions")
    parser.add_argument(
        "--bus",
        default=os.environ.get("DBUS_SYSTEM_BUS_ADDRESS"),
        help="D-Bus address; default: the file's, else DBUS_SYSTEM_BUS_ADDRESS",
    )
    given = parser.parse_args(arguments)
    try:
        options = read_options(given.options, bus=given.bus)
    except OptionsError as error:
        parser.exit(2, f"{error}\n")
    structlog.configure(  # standard output belongs to the events
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(options))
    with suppress(BrokenPipeError):
        sys.stdout.close()
