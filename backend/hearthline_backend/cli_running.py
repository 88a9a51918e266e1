"""How a command is run: settings read, errors told in a sentence, an exit code for the supervisor."""

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

FAILED: Final = 1
EXTRA: Final = "backend"
GARBAGE_AFTER: Final = 50_000
"""Objects made before Python looks for rings among them. Its default looks after 700, which is once for every hundred
readings, and nothing of a reading is a ring."""

Config = Annotated[
    Path | None,
    typer.Option("--config", help="A TOML file with settings; what the environment says comes first."),
]


def fail(message: str) -> NoReturn:
    """Say what went wrong and end."""
    typer.echo(message, err=True)
    raise typer.Exit(FAILED)


def missing(extra: str, error: ModuleNotFoundError) -> NoReturn:
    """A library is not there because its extra is not."""
    if error.name is not None and error.name.startswith("hearthline_") and extra == EXTRA:
        raise error
    fail(f"this command needs {error.name}, which comes with: pip install 'hearthline[{extra}]'")


def run_in_unit(work: Callable[[Any, Any], Coroutine[Any, Any, None]], config: Path | None) -> None:
    """Run ``work(unit, administration)`` in one transaction on records; all of it is written, or nothing."""
    run(_in_unit, work, config)


async def _in_unit(work: Callable[[Any, Any], Coroutine[Any, Any, None]], config: Path | None) -> None:
    from hearthline_backend import administration  # keeps --help quick
    from hearthline_backend.settings import load  # keeps --help quick

    async with administration.administering(load(config)) as unit:
        await work(unit, administration)


def run(work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any, quick: bool = False) -> None:
    """Run a command's coroutine; what a person can put right ends in a sentence and exit code 1. ``quick`` is for what
    runs for long: on uvloop where it is installed."""
    from hearthline_backend.errors import HearthlineError  # keeps --help quick
    from hearthline_backend.storage.ports import StoreUnavailableError  # keeps --help quick

    try:
        with quick_runner() if quick else asyncio.Runner() as runner:
            runner.run(work(*arguments))
    except ModuleNotFoundError as error:
        missing(EXTRA, error)
    except (HearthlineError, StoreUnavailableError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)  # the shell's code for an end by Ctrl-C


def quick_runner() -> asyncio.Runner:
    """What a service runs on, and what measures a part of it by itself."""
    gc.set_threshold(GARBAGE_AFTER, 20, 100)
    return asyncio.Runner(loop_factory=_quick_loop())


def _quick_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop
