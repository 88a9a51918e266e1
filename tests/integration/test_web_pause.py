"""A pause on the screens: begun and ended by a person, told with who and until, kept for ever."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientResponse

from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.pauses import KeptPause
from tests.browser.ward import MOMENT, Ward
from tests.browser.ward_filling import open_ward
from tests.integration.web_visitor import Visitor, visitor

_ZONE = ZoneInfo("Europe/Stockholm")


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


def typed(at: datetime) -> str:
    """As a browser sends a day and time."""
    return at.astimezone(_ZONE).strftime("%Y-%m-%dT%H:%M")


async def kept(ward: Ward, name: str) -> tuple[Patient, tuple[KeptPause, ...]]:
    async with ward.records.read() as unit:
        patient = await unit.care.patient(ward.patient_id(name))
        assert patient is not None
        return patient, await unit.pauses.history(patient.id)


async def text(visit: Visitor, path: str) -> str:
    answer = await visit.get(path)
    assert answer.status == 200, path
    return await answer.text()


async def begun(visit: Visitor, patient: str, fields: dict[str, str]) -> ClientResponse:
    """Post the form."""
    return await visit.raw_post(f"{patient}/pause", fields | {"csrf": visit.token})


async def test_a_pause_is_begun_told_and_ended_and_its_row_stays(ward: Ward) -> None:
    astrid = f"/patients/{ward.patient_id('Astrid')}"
    until, since = MOMENT.replace(second=0) + timedelta(days=3), MOMENT.replace(second=0) - timedelta(days=2)
    async with visitor(ward) as nurse:
        await nurse.sign_in("nurse")
        fields = {"kind": "hospital", "until": typed(until), "begins": typed(since), "note": "ward 12"}
        assert (await begun(nurse, astrid, fields)).status == 303
        patient, (pause,) = await kept(ward, "Astrid")
        assert pause.pause == Pause(PauseKind.HOSPITAL, since.astimezone(UTC), until.astimezone(UTC))
        assert (patient.paused_until, pause.note, pause.made_by) == (until, "ward 12", ward.users["nurse"].id)
        shown = await text(nurse, astrid)
        who = ward.users["nurse"].initials
        assert f"In hospital until {until.astimezone(_ZONE):%a %-d %b %H:%M}, says {who}: ward 12" in shown
        assert "In hospital until" in await text(nurse, "/worklist")
        assert (await nurse.post(f"{astrid}/pause/end")).status == 303
        patient, (pause,) = await kept(ward, "Astrid")
        assert (patient.paused_until, pause.ended_by) == (None, ward.users["nurse"].id)
        assert pause.pause.ended_at is not None
        assert pause.pause.until == until
        assert "In hospital until" not in await text(nurse, astrid)
        assert f"ended early by {who}" in await text(nurse, f"{astrid}/pause")
    async with ward.records.read() as unit:
        looks = await unit.people.looks(patient.id, 20)
    assert "pause" in {one.view for one in looks}


async def test_a_change_ends_one_row_and_begins_another(ward: Ward) -> None:
    vera = f"/patients/{ward.patient_id('Vera')}"
    until = MOMENT.replace(second=0) + timedelta(days=1)
    async with visitor(ward) as nurse:
        await nurse.sign_in("nurse")
        assert "pause</span>" in await text(nurse, vera), "in the calendar of what was measured"
        assert (await nurse.post(f"{vera}/pause", kind="away", until=typed(until))).status == 303
    patient, (newer, older) = await kept(ward, "Vera")
    assert (patient.paused_until, newer.pause.kind, newer.pause.ended_at) == (until, PauseKind.AWAY, None)
    assert older.pause.ended_at == newer.pause.begins_at


async def test_what_is_no_pause_says_what_to_do_and_only_the_patients_own_team_may(ward: Ward) -> None:
    good = {"kind": "away", "until": typed(MOMENT + timedelta(days=1))}
    refused = [
        (good | {"kind": ""}, "Choose why"),
        (good | {"until": typed(MOMENT - timedelta(hours=1))}, "a day and time ahead"),
        (good | {"until": "tomorrow"}, "a day and time ahead"),
        (good | {"until": typed(MOMENT + timedelta(days=400))}, "within a year"),
        (good | {"begins": typed(MOMENT + timedelta(hours=2))}, "begins now"),
        (good | {"note": "x" * 201}, "Shorten it"),
    ]
    async with visitor(ward) as nurse:
        await nurse.sign_in("nurse")
        for fields, said in refused:
            answer = await begun(nurse, f"/patients/{ward.patient_id('Astrid')}", fields)
            assert (answer.status, said in await answer.text()) == (422, True), fields
    for login, name, status in (("nurse", "Stranger", 404), ("technician", "Astrid", 403), ("patient", "Astrid", 403)):
        async with visitor(ward) as somebody:
            await somebody.sign_in(login)
            assert (await begun(somebody, f"/patients/{ward.patient_id(name)}", good)).status == status
            assert (await somebody.post(f"/patients/{ward.patient_id(name)}/pause/end")).status == status
    assert [(await kept(ward, name))[1] for name in ("Astrid", "Stranger")] == [(), ()]
