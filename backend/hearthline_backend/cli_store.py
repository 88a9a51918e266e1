"""``hearthline store``: the store of readings itself."""

import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self

import typer

from hearthline_backend.cli_running import Config, fail, run

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress as Bars

    from hearthline_backend.settings import Settings
    from hearthline_backend.storage.reading_copy import Copied

app = typer.Typer(help="The store of readings.", no_args_is_help=True, rich_markup_mode=None)

_PROGRESS_FILE: Final = "store-migration.json"
_MOST_LISTED: Final = 20


class EngineName(StrEnum):
    """An engine of the store of readings."""

    EMBEDDED = "embedded"
    INFLUXDB = "influxdb"


@app.callback()
def store() -> None:
    """The store of readings."""


@app.command()
def migrate(
    source: Annotated[EngineName, typer.Option("--from", help="The engine that holds the readings.")],
    target: Annotated[EngineName, typer.Option("--to", help="The engine that shall hold them.")],
    forget_other_bucket: Annotated[
        bool,
        typer.Option(
            "--forget-other-bucket",
            help="With --to influxdb: let go of where readings stand in a bucket that was used before.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as one JSON object.")] = False,
    config: Config = None,
) -> None:
    """Copy all readings to the other engine and prove that both hold the same. The backend must not run meanwhile.

    The embedded file is the one in data_dir, InfluxDB the one that readings_url names. Interrupted, the same command
    goes on where it was. The source is left as it is.
    """
    if source is target:
        fail(f"--from and --to are both {source.value}; name the two engines: --from embedded --to influxdb")
    if forget_other_bucket and target is not EngineName.INFLUXDB:
        fail("--forget-other-bucket is for --to influxdb; the embedded store has no buckets")
    run(_migrate, source, target, forget_other_bucket, as_json, config)


async def _migrate(
    source: EngineName, target: EngineName, forget_other_bucket: bool, as_json: bool, config: Path | None
) -> None:
    from hearthline_backend.settings import load
    from hearthline_backend.storage.alone import nobody_else
    from hearthline_backend.storage.migrate import migrate as migrate_records
    from hearthline_backend.storage.opening import both
    from hearthline_backend.storage.reading_copy import Progress, copy_readings

    settings = load(config)
    _must_hold_something(settings, source)
    settings.make_data_dir()
    await nobody_else(settings.records_address)
    await migrate_records(settings.records_address)
    progress = Progress(settings.data_dir / _PROGRESS_FILE, f"{source} to {target}, {settings.readings_url}")
    began = time.monotonic()
    stores = both(settings, source.value, target.value, forget_other_bucket=forget_other_bucket)
    async with stores as (one, other):
        with _Shown() as shown:
            done = await copy_readings(one, other, progress, shown)
    _tell(done, source, target, time.monotonic() - began, as_json=as_json)
    if done.differences:
        raise typer.Exit(1)


def _must_hold_something(settings: "Settings", source: EngineName) -> None:
    """A file that is not there would be made, and found empty."""
    if source is EngineName.EMBEDDED and not settings.readings_file.exists():
        fail(f"there are no readings in {settings.readings_file}; set data_dir to the folder that holds them")


def _tell(done: "Copied", source: EngineName, target: EngineName, seconds: float, *, as_json: bool) -> None:
    if as_json:
        said = {
            "from": source.value,
            "to": target.value,
            "patients": done.patients,
            "readings": done.readings,
            "copied": done.copied,
            "seconds": round(seconds, 1),
            "same": not done.differences,
            "differences": [str(one.patient_id) for one in done.differences],
        }
        typer.echo(json.dumps(said))
    elif not done.differences:
        typer.echo(
            f"{done.readings} readings of {done.patients} patients are in both, {done.copied} of them newly copied; "
            f"counts and checksums agree ({seconds:.0f} s)."
        )
        typer.echo(f"Start the backend {_with(target)}. Keep the {source.value} store until you are content.")
    for one in done.differences[:_MOST_LISTED]:
        counts = f"{one.source.count} readings in {source.value}, {one.target.count} in {target.value}"
        typer.echo(f"patient {one.patient_id}: {counts}; they differ", err=True)
    if done.differences:
        typer.echo(
            f"{len(done.differences)} patients differ. The target held readings before that the source does not have, "
            "or the source changed meanwhile: stop what writes to them, empty the target, and run this again.",
            err=True,
        )


def _with(target: EngineName) -> str:
    if target is EngineName.INFLUXDB:
        return "with these settings"
    return "without HEARTHLINE_READINGS_URL, so that it uses the file in data_dir"


class _Shown:
    """A line that moves at a terminal; silence elsewhere."""

    def __init__(self) -> None:
        self._bars: Bars | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress as Shown
            from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            self._bars = Shown(*columns, console=Console(stderr=True))
            self._bars.start()
            self._task = self._bars.add_task("reading the list of patients")
        return self

    def __call__(self, what: str, patients: int, readings: int) -> None:
        if self._bars is not None:
            self._bars.update(self._task, description=f"{what}: {patients} patients, {readings} readings")

    def __exit__(
        self, kind: "type[BaseException] | None", error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
