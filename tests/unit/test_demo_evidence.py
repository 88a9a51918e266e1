"""The evidence is read from files that the product's own stores have written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.ports import PatientReading
from hearthline_simulator.demo.evidence import RecordsFile, Unreadable, decoded_again, outbox_row, stored_rows
from hearthline_simulator.ward.body import Pressure
from hearthline_simulator.ward.profiles import ASTRID
from hearthline_simulator.ward.readings import HomeMeters

NOW = datetime(2026, 11, 23, 2, 12, tzinfo=UTC)
FRAME = "16" + "ba0070008900" + "ea070b17030c00" + "5800" + "0000"


def test_a_raw_frame_is_decoded_from_its_bytes_alone() -> None:
    assert decoded_again("2A35", FRAME, None) == (186, 112, 88)
    assert decoded_again("2A35", FRAME[:-2], None) is None
    assert decoded_again("2A9D", "00", None) is None


async def test_stored_rows_are_counted_by_what_they_say_whatever_their_id(tmp_path: Path) -> None:
    store = await EmbeddedReadings.open(tmp_path / "readings.sqlite3")
    meters = HomeMeters(ASTRID)
    red = meters.pressure(NOW, Pressure(186, 112, 88), live=True)
    again = red.model_copy(update={"id": uuid4()})
    calm = meters.pressure(NOW - timedelta(hours=9), Pressure(138, 82, 70), live=True)
    await store.write([PatientReading(uuid4(), "home-0417", one, NOW) for one in (red, again, calm)])
    await store.close()
    found = stored_rows(tmp_path / "readings.sqlite3", red.sensor)
    assert {reading for reading, _ in found} == {red.id, again.id}
    assert {gateway for _, gateway in found} == {"home-0417"}
    assert stored_rows(tmp_path / "readings.sqlite3", "C2:00:00:00:00:00") == []


async def test_an_empty_records_file_answers_with_nothing(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite3"
    await migrate(f"sqlite+aiosqlite:///{path}")
    records, reading = RecordsFile(path), uuid4()
    assert records.judged(reading) is None
    assert records.alerts([reading]) == []
    assert records.notifications(1, "mail") == {}
    assert records.unsettled(1) == 0
    assert records.quarantined(reading) == 0


def test_a_file_that_is_not_there_yet_is_a_state_to_wait_out(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        outbox_row(tmp_path / "outbox.sqlite3")
    (tmp_path / "empty.sqlite3").touch()
    with pytest.raises(Unreadable):
        stored_rows(tmp_path / "empty.sqlite3", "C2:00:00:00:00:00")
