"""The embedded engine when its process is killed between any two statements: all of a group, or none; one place each.

What was said to be stored survives; an id keeps its first row, and a move has exactly one end.
"""

import sqlite3
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.ports import PatientReading, Place
from hearthline_backend.storage.readings_tables import SHOWN
from tests.contract.embedded_killed import killed_everywhere
from tests.contract.embedded_series import in_series
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


async def _write_and_fill_in(store: EmbeddedReadings) -> None:
    await store.write([FIRST, *OTHERS])
    await store._upkeep.close()


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
        everything = set(connection.execute("SELECT patient, time_us, id, number, standing, kind FROM readings"))
        latest = connection.execute("SELECT patient, time_us, id, number, ?, kind FROM latest", (SHOWN,)).fetchall()
    for repeated in (in_series(path), latest):
        assert len(repeated) == len(set(repeated))
        assert set(repeated) <= everything


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


async def test_filling_in_that_is_killed_shows_every_reading_once(tmp_path: Path) -> None:
    before = await _holding(tmp_path / "before.sqlite3", [])
    filled = []
    for path in killed_everywhere(before, _write_and_fill_in, fewest=1):
        _whole(path)
        store = await EmbeddedReadings.open(path)
        there = await store.get_many([one.id for one in (FIRST, *OTHERS)])
        series = [one for whose in (PATIENT, SECOND) for one in await whole_series(store, whose)]
        assert len(series) == len(there)
        assert {one.id for one in series} == there.keys()
        if there:
            assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"] == OTHERS[2]
        filled.append(len(in_series(path)))
        await store.close()
    assert set(filled) == {0, 3, 4}  # a shelf at a time


async def test_the_same_id_neither_adds_nor_moves_across_a_kill(tmp_path: Path) -> None:
    firsts = [of_patient(pressure(id=UUID(int=number))) for number in range(1, 5)]
    at = FIRST.effective_time
    again = [
        of_patient(pressure(id=UUID(int=1), effective_time=at + timedelta(seconds=3))),
        of_patient(pressure(id=UUID(int=2), effective_time=at + timedelta(days=3 * 365))),
        of_patient(pressure(id=UUID(int=3)), SECOND),
        of_patient(pressure(id=UUID(int=4), kind="heart_rate", values={"rate": value(70, "/min")})),
    ]
    before = await _holding(tmp_path / "before.sqlite3", firsts)
    left = killed_everywhere(before, partial(_write, [*again, OTHERS[1]]))
    assert len(left) > len(again) * 2
    for path in left:
        _whole(path)
        store = await EmbeddedReadings.open(path)
        assert await store.write(again) == frozenset()
        assert await store.get_many([one.id for one in firsts]) == {one.id: one for one in firsts}
        assert [one for one in await store.everything(PATIENT) if one != OTHERS[1]] == firsts
        assert await store.everything(SECOND) in ([], [OTHERS[1]])
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
