"""`hearthline demo`: the whole chain on this machine, and `--check`, the same without a person.

The backend's command line forwards to :func:`main`; nothing heavy is imported before a run begins.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hearthline_simulator.demo.chain import Victim
from hearthline_simulator.demo.report import Report

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def demo(
    check: Annotated[
        bool, typer.Option("--check", help="Run once without a person, show the evidence of every hop, and end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --check: print only JSON.")] = False,
    kill: Annotated[
        Victim | None, typer.Option("--kill", help="With --check: kill this process at the worst instant.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Keep everything in this empty folder. Without it: a temporary one, removed."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the web; the next free one when it is taken.")] = 8080,
) -> None:
    """Start a broker, the backend, a simulated home and its gateway, and follow the first reading through every hop.

    Ends with Ctrl-C and takes everything with it. Only the radio and the meters are simulated.
    """
    if (kill is not None or as_json) and not check:
        raise typer.BadParameter("it belongs to the check: add --check", param_hint="--kill" if kill else "--json")
    if check and data_dir is not None:
        raise typer.BadParameter("the check uses a folder of its own: leave it out", param_hint="--data-dir")
    from hearthline_backend.logs import configure_logs  # keeps --help quick

    configure_logs("warning")  # what the past made is no news; the terminal belongs to the narrator
    if check:
        raise typer.Exit(_check(as_json=as_json, kill=kill))
    from hearthline_simulator.demo.live import run_demo  # keeps --help quick

    raise typer.Exit(asyncio.run(run_demo(data_dir=data_dir, port=port)))


def _check(*, as_json: bool, kill: Victim | None) -> int:
    try:
        from hearthline_simulator.demo.check import run_check  # keeps --help quick
    except Exception as error:
        if not as_json:
            raise
        report = Report()  # a program that asked for JSON gets JSON, even when a part cannot be loaded
        report.break_at(f"the check cannot be loaded: {type(error).__name__}: {error}")
        typer.echo(report.as_json())
        return 1
    return asyncio.run(run_check(as_json=as_json, kill=kill))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with ``arguments`` (default: the process's own) and leave with its exit code."""
    app(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="hearthline demo")


if __name__ == "__main__":
    main()
