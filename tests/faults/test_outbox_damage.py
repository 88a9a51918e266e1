"""A damaged outbox file: set aside, carried over as far as it can be read, counted, and said; never silently."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.normalize import normalize
from hearthline_gateway.outbox.opening import set_aside
from hearthline_gateway.outbox.store import Outbox
from tests.faults import damages
from tests.fixtures.cuff_frames import cuff_frame

ZONE = ZoneInfo("Europe/Madrid")
READINGS = 300


async def fill(path: Path, *, crashed_copy: Path | None = None) -> list[str]:
    """A filled outbox, closed; with ``crashed_copy`` also as a power cut leaves it: the file and its journal."""
    ids = []
    async with Outbox(path) as outbox:
        for number in range(READINGS):
            frame = cuff_frame(number)
            readings = normalize(frame, zone=ZONE)
            await outbox.keep(frame, readings)
            ids += [str(reading.id) for reading in readings]
        for suffix in ("", "-wal") if crashed_copy is not None else ():
            Path(f"{crashed_copy}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    return ids


async def everything(outbox: Outbox) -> set[str]:
    """The ids of what the outbox still has, decoding again what it says has to be."""
    for kept in await outbox.raw_frames():
        await outbox.settle(kept.id, kept.frame, normalize(kept.frame, zone=ZONE))
    seqs = [row.seq for row in await outbox.pending()]
    return {row.id for row in await outbox.load(seqs)}


async def examine(path: Path, told: list[str]) -> None:
    async with Outbox(path) as outbox:
        (aside,) = set_aside(path)
        lost = await outbox.fact("set_aside_lost")
        found = await everything(outbox)
        assert found <= set(told), "nothing that was never heard"
        if lost:
            assert len(found) + int(lost) == len(told), "kept and lost together are what was told"
        report = await outbox.report(())
        assert report.status.set_aside == 1
        (problem,) = [words for words in report.problems if aside.name in words]
        assert "copy the file for support" in problem
        aside.unlink()
        assert (await outbox.report(())).problems == (), "the technician has dealt with it"


@pytest.mark.parametrize("damage", damages.CLOSED, ids=lambda damage: str(damage.__name__))
async def test_a_damaged_file(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "outbox.sqlite3"
    told = await fill(path)
    damage(path)
    await examine(path, told)


@pytest.mark.parametrize("damage", damages.AFTER_A_CRASH, ids=lambda damage: str(damage.__name__))
async def test_a_file_damaged_in_a_crash(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "home" / "outbox.sqlite3"
    path.parent.mkdir()
    told = await fill(tmp_path / "outbox.sqlite3", crashed_copy=path)
    damage(path)
    await examine(path, told)


async def test_a_file_that_is_damaged_while_the_gateway_runs(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    told = set(await fill(path))
    async with Outbox(path) as outbox:
        await outbox._writer.do(lambda db: db.execute("PRAGMA cache_size = 10").fetchall())
        damages.overwrite(path, path.stat().st_size // 2, path.stat().st_size // 3)
        seqs = [row.seq for row in await outbox.pending()]
        await asyncio.gather(*(outbox.load([seq]) for seq in seqs))
        async with asyncio.timeout(15):
            await outbox.mended.wait()
        lost = int(await outbox.fact("set_aside_lost") or -1)
        found = await everything(outbox)
        assert 0 < len(found) < len(told)
        assert found <= told
        assert len(found) + lost == len(told)
        (again,) = normalize(cuff_frame(READINGS + 1), zone=ZONE)
        await outbox.keep(cuff_frame(READINGS + 1), [again])
        assert str(again.id) in await everything(outbox)


async def test_an_exchange_that_a_power_cut_interrupts_is_finished_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    told = set(await fill(path))
    mended = tmp_path / "outbox.sqlite3.mended-20261122T080000Z"
    path.rename(mended)
    path.write_bytes(b"the damaged one")
    Path(f"{path}-wal").write_bytes(b"and its journal")
    async with Outbox(path) as outbox:
        assert await everything(outbox) == told
    assert not mended.exists()
    aside = tmp_path / "outbox.sqlite3.damaged-20261122T080000Z"
    assert aside.read_bytes() == b"the damaged one"
    assert Path(f"{aside}-wal").read_bytes() == b"and its journal"


async def test_only_the_three_newest_damaged_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    for _ in range(5):
        path.write_bytes(b"no outbox" * 1000)
        await Outbox(path).close()
    assert len(set_aside(path)) == 3


async def test_a_journal_with_the_rest_of_an_unfinished_commit_is_sound(tmp_path: Path) -> None:
    """What kill -9 leaves behind the last commit is no damage."""
    path = tmp_path / "home" / "outbox.sqlite3"
    path.parent.mkdir()
    told = await fill(tmp_path / "outbox.sqlite3", crashed_copy=path)
    journal = Path(f"{path}-wal")
    os.truncate(journal, journal.stat().st_size - 2000)
    async with Outbox(path) as outbox:
        assert set_aside(path) == ()
        assert await everything(outbox) >= set(told[:-1])


async def test_a_meter_that_numbers_its_records_is_asked_for_all_of_them_again(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    async with Outbox(path) as outbox:
        frame = cuff_frame(0)
        (reading,) = normalize(frame, zone=ZONE)
        await outbox.keep(frame, [reading.model_copy(update={"sequence": 7})])
        assert await outbox.last_sequence(frame.sensor, frame.characteristic) == 7
    damages.header(path)
    async with Outbox(path) as outbox:
        assert await outbox.last_sequence(frame.sensor, frame.characteristic) is None
        assert len(await everything(outbox)) == 1
