"""``hearthline watch``: the watchdog, beside everything it watches."""

from pathlib import Path
from typing import Annotated

import typer

from hearthline_backend.cli_running import FAILED, Config, run


def watch(
    config: Config = None,
    once: Annotated[
        bool, typer.Option("--once", help="Prove every hop once, call nobody, and say what is broken; 1 if anything.")
    ] = False,
) -> None:
    """Send a synthetic reading through the whole chain every minute, and call the operator when an answer is late.

    It needs no database and has settings of its own, HEARTHLINE_WATCH_*: run it on another machine where you can. Its
    user at the broker is made by: scripts/compose-secrets, or as for any gateway."""
    run(_once if once else _watch, config, quick=not once)


def add_to(app: typer.Typer) -> None:
    """Put this into the command."""
    app.command()(watch)


async def _watch(config: Path | None) -> None:
    import structlog

    from hearthline_backend.errors import HearthlineError
    from hearthline_backend.logs import configure_logs
    from hearthline_backend.watch.running import watch as keep_watching
    from hearthline_backend.watch.settings import load

    settings = load(config)
    configure_logs(settings.log_level, settings.log_format)
    try:
        await keep_watching(settings)
    except HearthlineError:
        raise
    except Exception as error:  # logged our way, without the values that a library's error may repeat
        structlog.get_logger(__name__).exception("ended_by_a_defect")
        raise typer.Exit(FAILED) from error


async def _once(config: Path | None) -> None:
    from hearthline_backend.logs import configure_logs
    from hearthline_backend.watch.running import prove_once
    from hearthline_backend.watch.settings import load

    settings = load(config)
    configure_logs("warning", settings.log_format)
    for line in await prove_once(settings):
        typer.echo(line)
