"""The past goes through the real stores, the real judge and the real acts of people."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_simulator.ward.profiles import ASTRID, WARD, Scene
from hearthline_simulator.ward.staff import DOCTOR, NURSE, SECOND, TECHNICIAN, Reach, Staff
from hearthline_simulator.ward.writing import PATIENT_LOGIN, Ward, pasts, write_ward

NOW = datetime(2026, 11, 23, 2, 12, 5, tzinfo=UTC)
FEW = (ASTRID, *(profile for profile in WARD if profile.scene is not Scene.GREEN), WARD[0])
REACH = Reach("demo.example", "http://127.0.0.1:1/call", "not a secret")


class Written:
    def __init__(self, folder: Path, staff: Staff) -> None:
        self.staff = staff
        self._folder = folder

    @property
    def records_url(self) -> str:
        return f"sqlite+aiosqlite:///{self._folder / 'records.sqlite3'}"

    def rows(self, query: str, *arguments: str, file: str = "records") -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self._folder / f"{file}.sqlite3")) as connection:
            return connection.execute(query, arguments).fetchall()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ward")


@pytest.fixture(scope="module")
def written_once() -> dict[str, Written]:
    return {}


@pytest.fixture
async def written(folder: Path, written_once: dict[str, Written]) -> Written:
    if "ward" not in written_once:
        staff = await write_ward(folder, Ward(FEW, NOW, pasts(FEW, NOW, NOW)), REACH)
        written_once["ward"] = Written(folder, staff)
    return written_once["ward"]


async def test_everything_is_stored_and_judged_once(written: Written) -> None:
    (stored,) = written.rows("SELECT count(*) FROM readings", file="readings")
    (judged,) = written.rows("SELECT count(*), count(DISTINCT reading_id) FROM judged")
    assert judged == (*stored, *stored)
    assert stored[0] == sum(len(past) for past in pasts(FEW, NOW, NOW).values())


async def test_the_worklist_is_as_told(written: Written) -> None:
    found = written.rows(
        "SELECT p.given_name, a.level, a.review, a.state, u.initials FROM alerts a "
        "JOIN patients p ON p.id = a.patient_id LEFT JOIN users u ON u.id = a.owner_id "
        "WHERE a.state IN ('open', 'acknowledged') ORDER BY p.given_name"
    )
    assert found == [
        ("Bengt", "red", 0, "acknowledged", "K.L."),
        ("Ingrid", "yellow", 0, "acknowledged", "E.S."),
        ("Milan", "red", 1, "open", None),
        ("Sofia", "yellow", 0, "open", None),
    ]


async def test_astrids_last_times_have_an_end_and_a_note(written: Written) -> None:
    found = written.rows(
        "SELECT a.level, a.outcome, e.note FROM alerts a JOIN patients p ON p.id = a.patient_id "
        "JOIN alert_events e ON e.alert_id = a.id AND e.what = 'resolved' "
        "WHERE p.given_name = 'Astrid' AND a.state = 'resolved' AND a.level = 'red' ORDER BY a.opened_at"
    )
    assert [row[:2] for row in found] == [("red", "false_alarm"), ("red", "true")]
    assert all(row[2] for row in found)


async def test_nothing_of_the_past_is_left_to_be_sent(written: Written) -> None:
    assert written.rows("SELECT DISTINCT state FROM notifications") == [("sent",)]
    assert written.rows("SELECT DISTINCT outcome, repeat FROM attempts") == [("sent", 0)]
    query = "SELECT count(*) FROM due WHERE done_at IS NULL AND due_at <= ?"
    (overdue,) = written.rows(query, f"{NOW:%F %T}")
    assert overdue == (0,)


async def test_nobody_was_called_for_the_late_red(written: Written) -> None:
    (called,) = written.rows(
        "SELECT count(*) FROM notifications n JOIN alerts a ON a.id = n.alert_id WHERE a.review = 1"
    )
    assert called == (0,)


async def test_calls_were_sent_when_they_were_due(written: Written) -> None:
    (late,) = written.rows("SELECT max(julianday(sent_at) - julianday(due_at)) * 86400 FROM notifications")
    assert isinstance(late[0], float)
    assert late[0] < 1


async def test_no_report_of_the_past_waits_for_longer_than_its_time(written: Written) -> None:
    now = NOW.strftime("%Y-%m-%d %H:%M:%S")
    (late,) = written.rows("SELECT count(*) FROM reports WHERE confirmed_at IS NULL AND datetime(due_at) <= ?", now)
    assert late == (0,)
    (read,) = written.rows("SELECT count(*) FROM reports WHERE confirmed_at <= confirm_by")
    assert read != (0,)


async def test_who_can_sign_in_and_who_is_called(written: Written) -> None:
    assert set(written.staff.passwords) == {NURSE, TECHNICIAN, PATIENT_LOGIN}
    assert len(set(written.staff.passwords.values())) == 3
    order = written.rows("SELECT u.login FROM on_call o JOIN users u ON u.id = o.user_id ORDER BY o.position")
    assert order == [(NURSE,), (SECOND,)]
    records = SqlRecords.open(written.records_url)
    try:
        async with records.read() as unit:
            on_call = await unit.people.on_call(written.staff.team.id, NOW)
            (version,) = await unit.rotas.versions(written.staff.team.id)
    finally:
        await records.close()
    assert [(one.user.login, one.ends_at) for one in on_call] == [
        (NURSE, datetime(2026, 11, 26, 7, tzinfo=UTC)),
        (SECOND, datetime(2026, 11, 26, 7, tzinfo=UTC)),
    ], "no handover on the day of the demo"
    assert version.content.last_resort == (written.staff.users[DOCTOR].id,)
    assert {row[0] for row in written.rows("SELECT channel FROM contacts")} == {"mail", "webhook"}


async def test_no_password_is_kept_in_the_clear(written: Written) -> None:
    hashes = [str(row[0]) for row in written.rows("SELECT password_hash FROM users")]
    assert not any(password in text for password in written.staff.passwords.values() for text in hashes)


async def test_every_home_but_the_real_one_has_spoken(written: Written) -> None:
    silent = written.rows("SELECT name FROM gateways WHERE status IS NULL OR status = 'null'")
    assert silent == [(ASTRID.gateway,)]


async def test_a_ward_without_a_past_has_patients_and_plans(tmp_path: Path) -> None:
    staff = await write_ward(tmp_path / "new", Ward((ASTRID,), NOW, {}), REACH)
    written = Written(tmp_path / "new", staff)
    assert written.rows("SELECT given_name FROM patients") == [("Astrid",)]
    assert written.rows("SELECT count(*) FROM readings", file="readings") == [(0,)]
    assert written.rows("SELECT max(version) FROM plans") == [(2,)]
