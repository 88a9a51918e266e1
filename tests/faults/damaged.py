"""A damaged outbox: what can be read of it reaches the backend, and the gateway says how much it lost."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from shutil import copyfile

from hearthline_gateway.outbox.opening import set_aside
from tests.faults import damages
from tests.faults.home import Home, eventually, running_home
from tests.faults.ledger import Ledger
from tests.faults.measurements import SENSORS, ends_connection, ids_of, measurement
from tests.faults.outcome import Outcome, counted
from tests.fixtures.broker import free_port, running_broker
from tests.fixtures.receipt_backend import ReceiptBackend

EVERY = tuple((damage, False) for damage in damages.CLOSED) + tuple((damage, True) for damage in damages.AFTER_A_CRASH)
"""Each way of damage, and whether it comes with a crash, the journal not yet in the file."""


async def damaged(folder: Path, *, readings: int, damage: Callable[[Path], None], crash: bool) -> Outcome:
    """Fill an outbox with nobody to send to, ruin it, start again."""
    ledger, home_folder = Ledger(), folder / "home"
    home_folder.mkdir()
    before = folder / "before"
    before.mkdir()
    async with running_home(before, free_port()) as home:
        promised = await _fill(home, readings)
        if crash:
            for suffix in ("", "-wal"):
                copyfile(before / f"outbox.sqlite3{suffix}", home_folder / f"outbox.sqlite3{suffix}")
    path = home_folder / "outbox.sqlite3"
    if not crash:
        (before / "outbox.sqlite3").rename(path)
    damage(path)
    failures: list[str] = []
    async with (
        running_broker(folder / "broker") as broker,
        ReceiptBackend(broker.port, answer=ledger) as backend,
        running_home(home_folder, broker.port) as home,
    ):
        if not set_aside(path) or await home.outbox.fact("set_aside_lost") is None:
            failures.append("it was not set aside")
        await eventually(_nothing_raw(home))
        await home.settled()
        said = await home.outbox.fact("set_aside_lost")
        await backend.until(lambda: backend.statuses)
        if not any(path.name in words for _, status, _ in backend.statuses for words in status.problems):
            failures.append("the status on the broker did not say so")
    words = f"{damage.__name__.replace('_', ' ')} overwritten" if damage not in _CUT else damage.__name__
    return counted(
        f"corrupted database, {words}" + (" after a crash" if crash else ""),
        "set aside, begun anew",
        promised=promised,
        kept=(),
        stored=ledger.ids,
        twice=ledger.twice,
        reported=int(said) if said else None,
        failures=failures,
    )


_CUT = (damages.truncated, damages.emptied)


async def _fill(home: Home, readings: int) -> list[str]:
    promised: list[str] = []
    for number in range(readings // len(SENSORS)):
        for sensor in SENSORS:
            frame = measurement(sensor, number)
            await home.pipeline.heard(frame)
            promised += ids_of(frame)
            if ends_connection(number):
                await home.pipeline.connection_ended(sensor)
    for sensor in SENSORS:
        await home.pipeline.connection_ended(sensor)
    return promised


def _nothing_raw(home: Home) -> Callable[[], Awaitable[bool]]:
    async def looked() -> bool:
        return not await home.outbox.raw_frames()

    return looked
