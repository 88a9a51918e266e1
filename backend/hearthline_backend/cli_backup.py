"""``hearthline backup`` and ``hearthline restore``: everything in one file, and back."""

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hearthline_backend.cli_running import Config, fail, run

if TYPE_CHECKING:
    from hearthline_backend.backup.manifest import Manifest

_STANDARD_OUTPUT: Final = Path("-")
_SAY_EVERY_S: Final = 2.0
_PACKED: Final = (".gz", ".tgz")
_CREDENTIALS: Final = re.compile(r"//[^/@]*@")


def add_to(app: typer.Typer) -> None:
    """The two commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    to: Annotated[Path, typer.Option(help="FILE.tar or FILE.tar.gz; - writes to standard output.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    config: Config = None,
) -> None:
    """Copy records and readings into one file, while the backend runs. It holds patients' data: keep it as such."""
    if to == _STANDARD_OUTPUT and sys.stdout.isatty():
        fail("standard output is a terminal; send it into a file or a program: hearthline backup --to - | ...")
    if to != _STANDARD_OUTPUT and to.suffix not in (".tar", *_PACKED):
        fail(f"{to}: name it .tar or .tar.gz; for another packing: hearthline backup --to - | zstd >FILE.tar.zst")
    run(_backup, to, force, config)


def restore(
    file: Annotated[Path, typer.Argument(help="What `hearthline backup` wrote.")],
    check: Annotated[bool, typer.Option("--check", help="Only read all of it and say whether it is whole.")] = False,
    live: Annotated[
        bool | None,
        typer.Option(
            "--live/--rehearsal",
            help="It takes over and calls people; with --rehearsal it is a copy to try, which can call nobody.",
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Bring a backup back, into the empty stores that the settings name. The backend must not run."""
    if check:
        run(_check, file)
        return
    if live is None:
        fail(
            "say what it is for: --live takes over, and makes the calls that were due when the backup was made; "
            "--rehearsal is a copy to try, which can call nobody"
        )
    run(_restore, file, live, config)


async def _backup(to: Path, force: bool, config: Path | None) -> None:
    from hearthline_backend.backup.output import Output, new_file
    from hearthline_backend.backup.taking import take_backup
    from hearthline_backend.settings import load
    from hearthline_backend.storage.opening import readings_of

    settings = load(config)
    progress = _Progress()
    async with readings_of(settings) as readings:
        said = _without_secrets(settings.model_dump(mode="json"))
        arguments = (settings.records_address, readings, said)
        if to == _STANDARD_OUTPUT:
            output = Output(sys.stdout.buffer, "standard output")
            manifest = await take_backup(output, *arguments, compressed=False, say=progress)
            output.flush()
        else:
            with new_file(to, force=force) as output:
                manifest = await take_backup(output, *arguments, compressed=to.suffix in _PACKED, say=progress)
    size = f"{output.bytes / 1e6:.1f} MB"
    typer.echo(f"{_contents(manifest)} {size}. Keep it where only those may read who may read the records.", err=True)


async def _check(file: Path) -> None:
    from hearthline_backend.backup.restoring import check

    manifest = check(file, _Progress())
    typer.echo(f"{file} is whole. {_contents(manifest)}")


async def _restore(file: Path, live: bool, config: Path | None) -> None:
    from hearthline_backend.backup.restoring import restore as bring_back
    from hearthline_backend.settings import load
    from hearthline_backend.storage.opening import readings_of

    done = await bring_back(file, load(config), readings_of, _Progress(), live=live)
    typer.echo(f"Restored. {_contents(done.manifest)}")
    if done.held:
        typer.echo(f"{done.held} readings were on their way: the backend takes and judges them at its start.")
    if done.without_reading:
        typer.echo(f"{done.without_reading} judged readings are gone, as after an erasure.")
    if not live:
        typer.echo("A rehearsal: nobody's addresses are in it. To take over, restore into empty stores with --live.")
    typer.echo("Start the backend. What homes sent after the backup was made is not in it.")


def _contents(manifest: "Manifest") -> str:
    rows = sum(table.rows for table in manifest.tables)
    made = manifest.made_at.isoformat(timespec="seconds")
    return f"Backup of {made}, release {manifest.release}: {rows} rows of records, {manifest.readings} readings."


def _without_secrets(settings: dict[str, Any]) -> dict[str, Any]:
    """Secrets stand in files, which are only named here; an address may hold one before its @ or after its ?."""
    return {
        name: _CREDENTIALS.sub("//", value).split("?")[0] if isinstance(value, str) and "://" in value else value
        for name, value in settings.items()
    }


class _Progress:
    """Says now and then how far it is."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if now - self._said_at >= _SAY_EVERY_S:
            self._said_at = now
            typer.echo(text, err=True)
