"""The embedded engine when its process is killed between any two statements: all of a group, or none; one place each.

What was said to be stored survives; an id keeps its first row, and a move has exactly one end.
"""

import sqlite3
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.ports import PatientReading, Place
from tests.contract.embedded_killed import killed_everywhere
from tests.contract.reading_stores import whole_series
from tests.fixtures.readings import PATIENT, of_patient, pressure, value
from tests.fixtures.records import NOW

SECOND = UUID(int=2)
FIRST = of_patient(pressure(id=UUID(int=7)))
OTHERS = [
    of_patient(pressure(id=UUID(int=number), effective_time=NOW + timedelta(hours=number)), UUID(int=number % 2 + 1))
    for number in range(10, 13)
]
PLACE = Place(SECOND, FIRST.effective_time + timedelta(days=3 * 365))


async def _write(rows: list[PatientReading], store: EmbeddedReadings) -> None:
    await store.write(rows)


async def _move(store: EmbeddedReadings) -> None:
    await store.move({FIRST.id: PLACE, OTHERS[0].id: Place(PATIENT, NOW, aside=True)})


async def _erase(store: EmbeddedReadings) -> None:
    await store.erase(PATIENT)


async def _holding(path: Path, rows: list[PatientReading]) -> Path:
    store = await EmbeddedReadings.open(path)
    await store.write(rows)
    await store.close()
    return path


def _whole(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        counts = (
            "SELECT (SELECT count(*) FROM series), (SELECT count(*) FROM bodies), (SELECT count(*) FROM identities)"
        )
        (series, bodies, identities) = connection.execute(counts).fetchone()
        assert series == bodies == identities == connection.execute("SELECT count(*) FROM readings").fetchone()[0]


async def test_a_group_is_there_whole_or_not_at_all_and_can_be_written_again(tmp_path: Path) -> None:
    before = await _holding(tmp_path / "before.sqlite3", [FIRST])
    left = killed_everywhere(before, partial(_write, [FIRST, *OTHERS]))
    assert len(left) > len(OTHERS) * 3
    seen = set()
    for path in left:
        _whole(path)
        store = await EmbeddedReadings.open(path)
        there = set(await store.get_many([one.id for one in OTHERS]))
        seen.add(len(there))
        assert await store.write([FIRST, *OTHERS]) == {one.id for one in OTHERS} - there
        assert await store.get_many([one.id for one in OTHERS]) == {one.id: one for one in OTHERS}
        assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"] == OTHERS[2]
        await store.close()
    assert seen == {0, len(OTHERS)}
    assert there == {one.id for one in OTHERS}  # its process was killed after it had been told


@pytest.mark.parametrize(
    "again",
    [
        of_patient(pressure(id=FIRST.id, effective_time=FIRST.effective_time + timedelta(seconds=3))),
        of_patient(pressure(id=FIRST.id, effective_time=FIRST.effective_time + timedelta(days=3 * 365))),
        of_patient(pressure(id=FIRST.id), SECOND),
        of_patient(pressure(id=FIRST.id, kind="heart_rate", values={"rate": value(70, "/min")})),
    ],
    ids=["3 s later", "3 years later", "another patient", "another kind"],
)
async def test_the_same_id_neither_adds_nor_moves_across_a_kill(tmp_path: Path, again: PatientReading) -> None:
    before = await _holding(tmp_path / "before.sqlite3", [FIRST])
    for path in killed_everywhere(before, partial(_write, [again, OTHERS[0]])):
        _whole(path)
        store = await EmbeddedReadings.open(path)
        assert await store.get(FIRST.id) == FIRST
        assert again.id not in await store.write([again])
        assert [one for one in await whole_series(store) if one.id == FIRST.id] == [FIRST]
        assert again.id not in {one.id for one in await store.everything(SECOND)}
        await store.close()


async def test_whichever_of_two_with_one_id_came_first_before_the_kill_stays(tmp_path: Path) -> None:
    empty = await _holding(tmp_path / "before.sqlite3", [])
    late = of_patient(pressure(id=FIRST.id, effective_time=FIRST.effective_time + timedelta(days=3 * 365)), SECOND)
    for path in killed_everywhere(empty, partial(_write, [FIRST])):
        store = await EmbeddedReadings.open(path)
        was_there = await store.get(FIRST.id) is not None
        new = await store.write([late])
        assert new == (frozenset() if was_there else {late.id})
        everywhere = [*await store.everything(PATIENT), *await store.everything(SECOND)]
        assert everywhere == [FIRST if was_there else late]
        await store.close()


async def test_a_move_that_is_killed_leaves_exactly_one_and_is_complete_when_repeated(tmp_path: Path) -> None:
    before = await _holding(tmp_path / "before.sqlite3", [FIRST, *OTHERS])
    moved = FIRST.moved(PLACE)
    ends = []
    for path in killed_everywhere(before, _move):
        _whole(path)
        store = await EmbeddedReadings.open(path)
        found = [one for whose in (PATIENT, SECOND) for one in await store.everything(whose) if one.id == FIRST.id]
        assert found in ([FIRST], [moved])
        ends.append(found[0])
        await _move(store)
        assert await store.get(FIRST.id) == moved
        assert [one for one in await whole_series(store, SECOND) if one.id == FIRST.id] == [moved]
        assert FIRST.id not in {one.id for one in await whole_series(store)}
        assert (await store.latest([SECOND]))[SECOND]["blood_pressure"] == moved
        await store.close()
    assert FIRST in ends
    assert ends[-1] == moved


async def test_an_erasure_that_is_killed_forgets_all_or_nothing(tmp_path: Path) -> None:
    before = await _holding(tmp_path / "before.sqlite3", [FIRST, *OTHERS])
    counts = []
    for path in killed_everywhere(before, _erase):
        _whole(path)
        store = await EmbeddedReadings.open(path)
        counts.append(await store.erase(PATIENT))
        assert await store.patients() == [SECOND]
        await store.close()
    assert set(counts) == {0, 3}
    assert counts[-1] == 0
