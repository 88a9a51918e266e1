"""``hearthline``: the backend's command. Everything heavy is imported by the command that needs it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from hearthline_backend import (
    cli_backup,
    cli_contacts,
    cli_plan,
    cli_quarantine,
    cli_reading,
    cli_replay,
    cli_reports,
    cli_rota,
    cli_rules,
    cli_setup,
    cli_store,
    cli_watch,
    cli_whose,
    cli_why,
)
from hearthline_backend.cli_running import FAILED, Config, missing, run

app = typer.Typer(
    name="hearthline",
    help="Hearthline's backend: takes readings from the homes, judges them, and calls a person who acts.",
    epilog="Settings come from HEARTHLINE_* in the environment or from a TOML file.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli_setup.add_to(app)
cli_backup.add_to(app)
cli_replay.add_to(app)
cli_why.add_to(app)
cli_watch.add_to(app)
app.add_typer(cli_quarantine.app, name="quarantine")
app.add_typer(cli_whose.app, name="whose")
app.add_typer(cli_store.app, name="store")
app.add_typer(cli_reading.app, name="reading")
app.add_typer(cli_rules.app, name="rules")
app.add_typer(cli_reports.app, name="reports")
app.add_typer(cli_plan.app, name="plan")
app.add_typer(cli_rota.app, name="rota")
app.add_typer(cli_contacts.app, name="contact")


@app.command()
def serve(
    config: Config = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the web site; 0: any free one.")] = None,
    port_search: Annotated[bool, typer.Option("--port-search", help="Take the next free port.")] = False,
) -> None:
    """Run the backend until it is told to stop (SIGTERM or Ctrl-C); told twice, it ends at once."""
    run(_serve, "serve", config, port, port_search, quick=True)


@app.command()
def work(
    config: Config = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of /readyz; 0: any free one.")] = None,
    port_search: Annotated[bool, typer.Option("--port-search", help="Take the next free port.")] = False,
) -> None:
    """Take readings and make calls beside `serve`, without the site, until told to stop. Run as many as are needed."""
    run(_serve, "work", config, port, port_search, quick=True)


@app.command()
def migrate(config: Config = None) -> None:
    """Bring the records' schema to this release, as `serve` does at its start."""
    run(_migrate, config)


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def demo(context: typer.Context) -> None:
    """The whole chain on this machine, from a simulated home to a call. See `hearthline demo --help`."""
    try:
        from hearthline_simulator.demo.cli import main as demo_main  # another extra

        demo_main(context.args)
    except ModuleNotFoundError as error:
        missing("simulator", error)


async def _serve(command: Literal["serve", "work"], config: Path | None, port: int | None, port_search: bool) -> None:
    import structlog

    from hearthline_backend.errors import HearthlineError
    from hearthline_backend.logs import configure_logs
    from hearthline_backend.settings import load
    from hearthline_backend.storage.ports import StoreUnavailableError

    settings = load(config)
    if port is not None:
        settings = settings.model_copy(update={"http_port": port})
    configure_logs(settings.log_level, settings.log_format)
    from hearthline_backend import app as backend  # after the settings, which fail sooner

    try:
        await (backend.serve if command == "serve" else backend.work)(settings, port_search=port_search)
    except (HearthlineError, StoreUnavailableError):
        raise
    except Exception as error:  # logged our way, without the values that a library's error may repeat
        structlog.get_logger(__name__).exception("ended_by_a_defect")
        raise typer.Exit(FAILED) from error


async def _migrate(config: Path | None) -> None:
    from hearthline_backend.settings import load
    from hearthline_backend.storage.migrate import migrate as migrate_records

    settings = load(config)
    settings.make_data_dir()
    await migrate_records(settings.records_address)
    typer.echo("The records are at this release's schema.")


def main() -> None:
    """The entry point of the ``hearthline`` command."""
    app()


if __name__ == "__main__":
    main()
