"""The disk full while readings come, and full at the start; then there is room again.

A small tmpfs of its own where this process may mount one. Otherwise a limit on the outbox's pages: SQLite then fails in
the same way, but only where the file itself grows, and a start with a full disk is not tried. The result says which.
"""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Protocol

from tests.faults.home import Home, eventually, running_home
from tests.faults.ledger import Ledger
from tests.faults.measurements import SENSORS, ends_connection, ids_of, measurement
from tests.faults.outcome import Outcome, counted
from tests.fixtures.broker import running_broker
from tests.fixtures.receipt_backend import ReceiptBackend, silent

_SIZE = "16m"
"""Room for the journal, which SQLite empties at 4 MB, and for a few thousand readings."""


class Disk(Protocol):
    """Where the outbox lies, and how it gets full and empty."""

    @property
    def folder(self) -> Path:
        """The outbox's."""

    @property
    def kind(self) -> str:
        """In words."""

    async def fill(self, home: Home) -> None:
        """Until there is no room."""

    async def free(self, home: Home) -> None:
        """There is room again."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A disk that can be filled to its last byte, and freed again."""

    folder: Path
    kind: str = "tmpfs"

    async def fill(self, home: Home) -> None:
        """Until the system says that there is no room."""
        self.fill_now()

    async def free(self, home: Home) -> None:
        """There is room again."""
        (self.folder / "ballast").unlink()

    def fill_now(self) -> None:
        """The same, without an outbox."""
        with (self.folder / "ballast").open("ab", buffering=0) as ballast:
            for size in (65536, 4096, 512, 1):
                try:
                    while True:
                        ballast.write(bytes(size))
                except OSError:
                    continue


@dataclass(frozen=True, slots=True)
class PageLimit:
    """A file that SQLite does not let grow."""

    folder: Path
    kind: str = "a limit on its pages, since this process may not mount a tmpfs"

    async def fill(self, home: Home) -> None:
        """Not one page more."""
        await home.outbox._writer.do(lambda db: db.execute("PRAGMA max_page_count = 1").fetchall())

    async def free(self, home: Home) -> None:
        """As many as SQLite ever has."""
        await home.outbox._writer.do(lambda db: db.execute(f"PRAGMA max_page_count = {2**30}").fetchall())


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A tmpfs, or the next best."""
    folder.mkdir()
    mount = which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "hearthline-faults", str(folder)]
    if os.geteuid() != 0 or mount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        yield PageLimit(folder)
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def full(folder: Path, *, readings: int) -> Outcome:
    """A third before, a third while the disk is full, a third after; and a start while it is full."""
    with small_disk(folder / "disk") as disk:
        return await _on(disk, folder, readings)


async def _on(disk: Disk, folder: Path, readings: int) -> Outcome:
    ledger, third = Ledger(), readings // 3 // len(SENSORS)
    promised: list[str] = []
    failures: list[str] = []
    async with running_broker(folder / "broker") as broker, ReceiptBackend(broker.port, answer=silent) as backend:
        async with running_home(disk.folder, broker.port) as home:
            promised += _hand_over(home, 0, third)
            await home.delivery.drained()
            before = await home.all_ids()
            await disk.fill(home)
            waiting = _hand_over(home, third, 2 * third)
            promised += waiting
            await eventually(_says_full(home))
            home.uplink.status_changed()
            await backend.until(lambda: any("free some space" in words for words in _problems(backend)))
            if not before <= await home.all_ids():
                failures.append("something stored was touched")
            backend.answer = ledger
            await disk.free(home)
            promised += _hand_over(home, 2 * third, 3 * third)
            async with asyncio.timeout(60):
                await home.delivery.drained()
            await eventually(_says_nothing(home))
        if isinstance(disk, SmallDisk):
            disk.fill_now()
        async with running_home(disk.folder, broker.port) as home:
            promised += _hand_over(home, 3 * third, 3 * third + 4)
            if isinstance(disk, SmallDisk):
                await eventually(_says_full(home))
                await disk.free(home)
            async with asyncio.timeout(60):
                await home.delivery.drained()
            await home.settled()
            kept = await home.all_ids()
    return counted(
        f"disk full ({disk.kind})",
        f"{len(waiting):,} readings waited in memory"
        + (", and again at a start with a full disk" if isinstance(disk, SmallDisk) else ""),
        promised=promised,
        kept=kept,
        stored=ledger.ids,
        twice=ledger.twice,
        failures=failures,
    )


def _hand_over(home: Home, begin: int, end: int) -> list[str]:
    """What the meters bring, into the queue that waits in memory; returns the ids."""
    ids: list[str] = []
    for number in range(begin, end):
        for sensor in SENSORS:
            frame = measurement(sensor, number)
            home.delivery.frame(frame)
            ids += ids_of(frame)
            if ends_connection(number):
                home.delivery.ended(sensor)
    return ids


def _problems(backend: ReceiptBackend) -> list[str]:
    """What the status on the broker said, newest last."""
    return [words for _, status, _ in backend.statuses for words in status.problems]


def _says_full(home: Home) -> Callable[[], Awaitable[bool]]:
    async def says() -> bool:
        return any("is full" in words for words in (await home.status()).problems)

    return says


def _says_nothing(home: Home) -> Callable[[], Awaitable[bool]]:
    async def says() -> bool:
        return not any("is full" in words for words in (await home.status()).problems)

    return says
