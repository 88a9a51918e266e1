"""The outbox: nothing twice, nothing lost, and a receipt means what it says."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.clock import BOOT
from hearthline_gateway.frame import BootMoment, Frame, MeterClock
from hearthline_gateway.normalize import normalize
from hearthline_gateway.outbox import rows
from hearthline_gateway.outbox.retention import Retention
from hearthline_gateway.outbox.schema import MIGRATIONS, OutboxError, connect, migrate
from hearthline_gateway.outbox.store import Outbox
from hearthline_protocol.messages import Receipt, ReceiptEntry, ReceiptStatus
from hearthline_protocol.readings import Reading
from tests.fixtures.cuff_frames import SENSOR, cuff_frame

ZONE = ZoneInfo("Europe/Madrid")
START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def outbox(tmp_path: Path, clock: Clock) -> AsyncIterator[Outbox]:
    async with Outbox(tmp_path / "outbox.sqlite3", now=clock) as opened:
        yield opened


def readings_of(frame: Frame) -> tuple[Reading, ...]:
    return normalize(frame, zone=ZONE)


async def keep(outbox: Outbox, *numbers: int) -> list[Reading]:
    kept: list[Reading] = []
    for number in numbers:
        frame = cuff_frame(number)
        kept += readings_of(frame)
        await outbox.keep(frame, readings_of(frame))
    return kept


def select(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What another program sees in the file, read-only."""
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def answer(
    *entries: tuple[Reading, ReceiptStatus, str | None], batch: str = "b", whole: ReceiptStatus | None = None
) -> Receipt:
    return Receipt(
        batch=batch,
        readings=tuple(
            ReceiptEntry(id=reading.id, status=status, reason=reason) for reading, status, reason in entries
        ),
        status=whole,
        reason=None if whole is None else "not JSON",
    )


async def test_a_frame_and_its_reading_are_there_for_another_program(outbox: Outbox) -> None:
    (reading,) = await keep(outbox, 0)
    rows = select(
        outbox.path,
        "SELECT sensor, characteristic, payload, readings.id, readings.state, readings.reading"
        " FROM frames JOIN readings ON readings.frame_id = frames.id",
    )
    assert rows == [
        (
            SENSOR,
            "2A35",
            cuff_frame(0).payload,
            str(reading.id),
            "pending",
            reading.model_dump_json(exclude_defaults=True),
        ),
    ]


async def test_the_same_reading_heard_again_adds_nothing(outbox: Outbox) -> None:
    frame = cuff_frame(0)
    assert len(await outbox.keep(frame, readings_of(frame))) == 1
    later = cuff_frame(0, received=frame.received_time + timedelta(minutes=3))
    assert await outbox.keep(later, readings_of(later)) == ()
    assert select(outbox.path, "SELECT (SELECT count(*) FROM frames), (SELECT count(*) FROM readings)") == [(1, 1)]


async def test_it_survives_being_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    async with Outbox(path) as first:
        await keep(first, 0, 1)
    async with Outbox(path) as second:
        assert [row.seq for row in await second.pending()] == [1, 2]


@pytest.mark.parametrize("status", list(ReceiptStatus))
async def test_a_receipt_takes_a_row_out_of_pending(outbox: Outbox, clock: Clock, status: ReceiptStatus) -> None:
    (reading,) = await keep(outbox, 0)
    applied = await outbox.answered(answer((reading, status, "why")))
    assert applied.settled == (1,)
    assert await outbox.pending() == ()
    assert await outbox.counts() == {status.value: 1}
    assert select(outbox.path, "SELECT reason, receipt_time FROM readings") == [
        ("why", START.isoformat(timespec="microseconds"))
    ]
    assert (await outbox.status()).last_receipt == clock.now


async def test_a_receipt_for_a_batch_nobody_remembers_still_applies_by_reading(outbox: Outbox) -> None:
    (reading,) = await keep(outbox, 0)
    applied = await outbox.answered(answer((reading, ReceiptStatus.STORED, None), batch=str(uuid4())))
    assert applied.settled == (1,)


async def test_a_receipt_for_a_reading_that_is_not_ours_is_counted(outbox: Outbox) -> None:
    (stranger,) = readings_of(cuff_frame(9))
    applied = await outbox.answered(answer((stranger, ReceiptStatus.STORED, None)))
    assert (applied.settled, applied.unknown) == ((), 1)


@pytest.mark.parametrize(
    ("earlier", "later", "end"),
    [
        ("stored", "rejected", "stored"),
        ("stored", "held", "stored"),
        ("held", "stored", "stored"),
        ("held", "rejected", "rejected"),
        ("rejected", "stored", "stored"),
        ("rejected", "held", "rejected"),
    ],
)
async def test_late_receipts_never_take_stored_back(outbox: Outbox, earlier: str, later: str, end: str) -> None:
    (reading,) = await keep(outbox, 0)
    await outbox.answered(answer((reading, ReceiptStatus(earlier), None)))
    applied = await outbox.answered(answer((reading, ReceiptStatus(later), None)))
    assert applied.settled == ()
    assert await outbox.counts() == {end: 1}


async def test_an_unparsable_batch_of_one_is_rejected(outbox: Outbox) -> None:
    await keep(outbox, 0)
    await outbox.sent("b1", [1])
    applied = await outbox.answered(answer(batch="b1", whole=ReceiptStatus.REJECTED))
    assert (applied.settled, applied.split) == ((1,), ())
    assert select(outbox.path, "SELECT state, reason FROM readings") == [("rejected", "not JSON")]


async def test_an_unparsable_batch_of_several_is_taken_apart_first(outbox: Outbox) -> None:
    await keep(outbox, 0, 1)
    await outbox.sent("b1", [1, 2])
    applied = await outbox.answered(answer(batch="b1", whole=ReceiptStatus.REJECTED))
    assert (applied.settled, applied.split) == ((), (1, 2))
    assert await outbox.counts() == {"pending": 2}


async def test_sent_rows_remember_their_last_batch(outbox: Outbox) -> None:
    await keep(outbox, 0)
    await outbox.sent("b1", [1])
    await outbox.sent("b2", [1])
    assert select(outbox.path, "SELECT attempts, batch FROM readings") == [(2, "b2")]
    assert await outbox.answered(answer(batch="b1", whole=ReceiptStatus.REJECTED)) is not None
    assert await outbox.counts() == {"pending": 1}, "a late answer for an older batch says nothing about the newer one"


async def test_loading_leaves_out_what_is_settled_and_keeps_the_order(outbox: Outbox) -> None:
    kept = await keep(outbox, 0, 1, 2)
    await outbox.answered(answer((kept[1], ReceiptStatus.STORED, None)))
    assert [row.seq for row in await outbox.load([3, 2, 1])] == [3, 1]


async def test_bad_frames_are_kept_once_and_counted(outbox: Outbox) -> None:
    frame = Frame(SENSOR, "2A35", b"\x00\x01", START)
    for _ in range(3):
        await outbox.keep_bad(frame, "TruncatedError", "the frame ends before its systolic")
    (counted,) = (await outbox.report([SENSOR])).bad_frames[SENSOR]
    assert (counted.characteristic, counted.length, counted.count) == ("2A35", 2, 3)
    assert select(outbox.path, "SELECT payload, error_type, state FROM frames") == [
        (b"\x00\x01", "TruncatedError", "bad")
    ]


async def test_a_raw_frame_comes_back_as_it_was(outbox: Outbox) -> None:
    heard = cuff_frame(0, first=True)
    ahead = timedelta(hours=1, seconds=3)
    clock = MeterClock(ahead, START, set_ahead_of_utc=timedelta(hours=1), set_at=START + timedelta(seconds=1))
    frame = replace(heard, clock=clock)
    frame_id = await outbox.keep_raw(frame)
    (kept,) = await outbox.raw_frames()
    found = kept.frame
    assert kept.id == frame_id
    assert (found.payload, found.clock, found.received_time) == (frame.payload, frame.clock, frame.received_time)
    assert found.alone, "nothing later came from the same meter"
    await outbox.keep_raw(cuff_frame(1))
    assert [kept.frame.alone for kept in await outbox.raw_frames()] == [False, False]


async def test_it_knows_when_a_meter_was_last_heard(outbox: Outbox) -> None:
    assert (await outbox.report([SENSOR])).last_heard == {}
    await keep(outbox, 0)
    assert (await outbox.report([SENSOR])).last_heard == {SENSOR: cuff_frame(0).received_time}


async def test_a_settled_raw_frame_with_nothing_new_is_let_go(outbox: Outbox) -> None:
    await keep(outbox, 0)
    frame = cuff_frame(0)
    frame_id = await outbox.keep_raw(frame)
    assert await outbox.settle(frame_id, frame, readings_of(frame)) == ()
    assert select(outbox.path, "SELECT count(*) FROM frames") == [(1,)]


async def test_stored_rows_go_after_a_week_of_silence_and_stay_while_the_meter_replays_them(
    outbox: Outbox, clock: Clock
) -> None:
    silent, replayed = await keep(outbox, 0, 1)
    for reading in (silent, replayed):
        await outbox.answered(answer((reading, ReceiptStatus.STORED, None)))
    clock.now += timedelta(days=5)
    again = cuff_frame(1)
    await outbox.keep(again, readings_of(again))
    clock.now += timedelta(days=3)
    pruned = await outbox.prune()
    assert (pruned.receipted, pruned.too_old, pruned.no_space) == (1, 0, 0)
    assert select(outbox.path, "SELECT id FROM readings") == [(str(replayed.id),)]
    assert select(outbox.path, "SELECT count(*) FROM frames") == [(1,)], "a frame goes with its last reading"


async def test_pending_rows_stay_a_year_and_their_loss_is_counted(outbox: Outbox, clock: Clock) -> None:
    await keep(outbox, 0)
    clock.now += timedelta(days=364)
    assert (await outbox.prune()).too_old == 0
    clock.now += timedelta(days=2)
    assert (await outbox.prune()).too_old == 1
    assert await outbox.fact("dropped_for_age") == "1"


async def test_over_the_cap_receipted_rows_go_before_pending_ones(tmp_path: Path) -> None:
    async with Outbox(tmp_path / "outbox.sqlite3", retention=Retention(max_bytes=400_000)) as small:
        kept = await keep(small, *range(300))
        for reading in kept[200:]:
            await small.answered(answer((reading, ReceiptStatus.STORED, None)))
        pruned = await small.prune()
        assert pruned.receipted == 100, "the receipted rows went first"
        assert (pruned.no_space > 0) == (await small.fact("dropped_for_space") is not None)
        counts = await small.counts()
        assert counts.get("pending", 0) == 200 - pruned.no_space


async def test_work_handed_in_together_is_done_in_order_without_blocking_the_loop(outbox: Outbox) -> None:
    seen: list[str] = []

    async def note() -> None:
        seen.append(threading.current_thread().name)

    frames = [cuff_frame(number) for number in range(50)]
    await asyncio.gather(*(outbox.keep(frame, readings_of(frame)) for frame in frames), note())
    assert seen == [threading.main_thread().name]
    assert [row.seq for row in await outbox.pending()] == list(range(1, 51))


async def test_one_failing_job_does_not_undo_its_neighbours(outbox: Outbox) -> None:
    broken = cuff_frame(1)
    results = await asyncio.gather(
        outbox.keep(cuff_frame(0), readings_of(cuff_frame(0))),
        outbox.settle(4711, broken, readings_of(broken)),  # no such frame: refused by the foreign key
        outbox.keep(cuff_frame(2), readings_of(cuff_frame(2))),
        return_exceptions=True,
    )
    assert [isinstance(result, OutboxError) for result in results] == [False, True, False]
    assert len(await outbox.pending()) == 2


async def test_a_closed_outbox_says_so(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3")
    await outbox.close()
    with pytest.raises(OutboxError, match="closed"):
        await outbox.pending()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match=r"gateway\.data_dir"):
        connect(tmp_path / "file" / "outbox.sqlite3")


def test_something_else_than_an_outbox_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    path.write_text("this is no database, but it is longer than a page header would be" * 20)
    with pytest.raises(OutboxError, match="move it away"):
        connect(path)


def test_an_older_file_is_brought_up_step_by_step_and_a_newer_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    connect(path).close()
    db = sqlite3.connect(path, isolation_level=None)
    newer = (*MIGRATIONS, "ALTER TABLE facts ADD COLUMN note TEXT;")
    migrate(db, path, newer)
    assert db.execute("PRAGMA user_version").fetchone() == (len(newer),)
    assert [row[1] for row in db.execute("PRAGMA table_info(facts)")] == ["name", "value", "note"]
    db.close()
    with pytest.raises(OutboxError, match="newer hearthline"):
        connect(path)


def test_the_file_is_nobody_elses_business(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    db = connect(path)
    assert path.stat().st_mode & 0o077 == 0
    assert [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")] == [
        "wal",
        2,
        1,
    ]
    db.close()


def test_a_file_of_the_first_release_is_taken_over_with_all_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    db = sqlite3.connect(path, isolation_level=None)
    migrate(db, path, MIGRATIONS[:1])
    (reading,) = readings_of(cuff_frame(0))
    moment = START.isoformat(timespec="microseconds")
    for state in ("decoded", "raw"):
        db.execute(
            "INSERT INTO frames (sensor, characteristic, payload, received_time, first, alone, state)"
            " VALUES (?, '2A35', ?, ?, 0, 0, ?)",
            (SENSOR, cuff_frame(0).payload, moment, state),
        )
    db.execute(
        "INSERT INTO readings (id, frame_id, reading, live, heard_time, added_time) VALUES (?, 1, ?, 1, ?, ?)",
        (str(reading.id), reading.model_dump_json(), moment, moment),
    )
    db.close()
    db = connect(path)
    assert db.execute("SELECT schema_needed, state FROM readings").fetchall() == [(1, "pending")]
    assert db.execute("SELECT waits, boot_id, context_of FROM frames").fetchall() == [(0, None, None)] * 2
    assert db.execute("SELECT count(*) FROM sequences").fetchone() == (0,)
    db.close()


async def test_an_older_file_is_looked_at_beside_a_gateway_that_has_not_run_yet(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "outbox.sqlite3", isolation_level=None)
    migrate(db, tmp_path, MIGRATIONS[:1])
    assert rows.status(db).waiting_for_time == 0
    db.close()


async def test_the_last_number_of_a_meter_grows_with_its_readings_until_it_is_forgotten(outbox: Outbox) -> None:
    frame = cuff_frame(0)
    (reading,) = readings_of(frame)

    def numbered(number: int) -> tuple[Reading, ...]:
        return (reading.model_copy(update={"sequence": number, "id": uuid4()}),)

    assert await outbox.last_sequence(SENSOR, "2A35") is None
    await outbox.keep(frame, numbered(3))
    await outbox.keep(frame, numbered(2))
    await outbox.keep(frame, numbered(9), complete=False)
    assert await outbox.last_sequence(SENSOR, "2A35") == 3
    assert await outbox.last_sequence(SENSOR, "2A18") is None
    await outbox.settle(await outbox.keep_raw(frame), frame, numbered(4))
    await outbox.keep_waiting(frame, numbered(5))
    assert await outbox.last_sequence(SENSOR, "2A35") == 5
    await outbox.forget_sequence(SENSOR, "2A35")
    assert await outbox.last_sequence(SENSOR, "2A35") is None


async def test_a_row_remembers_the_version_of_the_contract_that_it_needs(outbox: Outbox) -> None:
    (plain,) = await keep(outbox, 0)
    frame = cuff_frame(1)
    (reading,) = readings_of(frame)
    await outbox.keep(frame, (reading.model_copy(update={"context": {"meal": "fasting"}}),))
    assert [row.schema for row in await outbox.load([1, 2])] == [1, 2]
    assert plain.schema_needed == 1


async def test_the_status_says_what_a_technician_asks(outbox: Outbox, clock: Clock) -> None:
    await keep(outbox, 0)
    clock.now += timedelta(days=400)
    await outbox.prune()
    waiting = replace(cuff_frame(1), since_boot=BootMoment("a", 5.0), received_time=BOOT + timedelta(seconds=5))
    await outbox.keep_waiting(waiting, readings_of(waiting))
    status = await outbox.status()
    assert (status.given_up, status.waiting_for_time, status.set_aside, status.pending) == (1, 1, 0, 0)
    assert status.disk_free_bytes is not None
    assert status.disk_free_bytes > 0


async def test_a_report_is_one_look_at_all_meters(outbox: Outbox) -> None:
    other = "A4:C1:38:0A:0B:0C"
    await keep(outbox, 0)
    for sensor, times in ((SENSOR, 1), (other, 3)):
        for _ in range(times):
            await outbox.keep_bad(Frame(sensor, "2A35", b"\x00", START), "TruncatedError", "too short")
    report = await outbox.report([SENSOR, other, "A4:C1:38:00:00:00"])
    assert {sensor: said[0].count for sensor, said in report.bad_frames.items()} == {SENSOR: 1, other: 3}
    assert report.last_heard == {SENSOR: START, other: START}
    assert report.status.pending == 1
