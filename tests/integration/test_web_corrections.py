"""Whose reading, corrections and quarantine over HTTP: who may, what a post needs, what nobody else sees."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hearthline_backend.storage.every_table import metadata
from hearthline_backend.storage.patient_reading import NOBODY
from hearthline_backend.storage.records.care import Organisation
from hearthline_backend.storage.records.corrections import What
from hearthline_backend.storage.records.homes import Gateway
from hearthline_backend.storage.records.quarantine import Refusal
from tests.browser.ward import MOMENT, Ward, named
from tests.browser.ward_filling import open_ward
from tests.browser.ward_inbox import (
    LATE_CUFF,
    NOBODYS,
    SHARED,
    SHARED_WEIGHT,
    assign,
    fill_inbox,
    fill_quarantine,
)
from tests.integration.web_visitor import Visitor, visitor

ROLES = ("nobody", "patient", "technician", "engineer", "nurse", "stranger")


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        await fill_inbox(opened)
        await fill_quarantine(opened)
        yield opened


async def _quarantined(ward: Ward, reason: str) -> int:
    async with ward.records.read() as unit:
        return (await unit.quarantine.listed(reason=reason))[0].id


async def _series(ward: Ward, name: str, days: int = 1) -> set[Any]:
    rows = await ward.readings.window(ward.patient_id(name), "body_weight", MOMENT - timedelta(days=days), MOMENT)
    return {row.id for row in rows}


async def test_every_new_address_for_every_role(ward: Ward) -> None:
    astrid, unknown = ward.patient_id("Astrid"), await _quarantined(ward, "unknown_sensor")
    reading = (await ward.readings.latest([astrid]))[astrid]["body_weight"].id
    wanted: dict[str, tuple[int, ...]] = {
        "/whose": (303, 403, 403, 403, 200, 200),
        "/whose/count": (303, 403, 403, 403, 200, 200),
        "/whose/summary": (303, 403, 403, 403, 200, 200),
        f"/whose/{SHARED_WEIGHT.id}": (303, 403, 403, 403, 200, 404),
        "/whose/x": (303, 403, 403, 403, 404, 404),
        f"/whose/{named('nothing')}": (303, 403, 403, 403, 404, 404),
        f"/patients/{astrid}/readings/{reading}": (303, 403, 403, 403, 200, 404),
        f"/patients/{astrid}/readings/{SHARED_WEIGHT.id}": (303, 403, 403, 403, 404, 404),
        f"/patients/{astrid}/readings/x": (303, 403, 403, 403, 404, 404),
        "/quarantine": (303, 403, 200, 200, 403, 403),
        "/quarantine?status=held&reason=whose&gateway=home-0101&page=9": (303, 403, 200, 200, 403, 403),
        f"/quarantine/{unknown}": (303, 403, 200, 200, 403, 403),
        "/quarantine/99999": (303, 403, 404, 404, 403, 403),
        f"/quarantine/{unknown}/payload": (303, 403, 403, 200, 403, 403),
    }
    for place, role in enumerate(ROLES):
        async with visitor(ward) as client:
            if role != "nobody":
                await client.sign_in(role)
            found = {path: (await client.get(path, allow_redirects=False)).status for path in wanted}
        assert found == {path: row[place] for path, row in wanted.items()}, role


async def test_looking_changes_nothing_but_the_log_of_looks(ward: Ward) -> None:
    astrid = ward.patient_id("Astrid")
    reading = (await ward.readings.latest([astrid]))[astrid]["body_weight"].id
    row = await _quarantined(ward, "unknown_sensor")
    paths = ["/whose", "/whose/count", f"/whose/{SHARED_WEIGHT.id}", f"/patients/{astrid}/readings/{reading}"]
    before = await _counts(ward)
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        for path in (*paths, f"/whose/{SHARED_WEIGHT.id}/claim", f"/patients/{astrid}/readings/{reading}/error"):
            await client.get(path)
    async with visitor(ward) as client:
        await client.sign_in("engineer")
        for path in ("/quarantine", f"/quarantine/{row}", f"/quarantine/{row}/payload", f"/quarantine/{row}/discard"):
            await client.get(path)
    assert await _counts(ward) == before


async def _counts(ward: Ward) -> dict[str, Any]:
    async with ward.records.read() as unit:
        rows = {
            table.name: await unit.connection.scalar(select(func.count()).select_from(table))
            for table in metadata.sorted_tables
            if table.name not in ("access_log", "sessions")
        }
        return rows | {"statuses": dict(await unit.quarantine.grouped()), "readings": len(ward.readings)}


async def test_a_claim_needs_the_page_s_token_and_takes_effect_at_once(ward: Ward) -> None:
    path = f"/whose/{SHARED_WEIGHT.id}/claim"
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        assert (await client.raw_post(path, {"patient": str(ward.patient_id("Astrid"))})).status == 403
        assert (await client.post(path, patient="x")).status == 400
        assert SHARED_WEIGHT.id not in await _series(ward, "Astrid")
        page = await (await client.get("/whose")).text()
        assert "71.4" in page
        assert "Near the usual weight of Astrid." in page
        assert page.count("A guest’s") >= 3
        answer = await client.post(path, htmx=True, patient=str(ward.patient_id("Astrid")))
        assert answer.status == 200
        text = await answer.text()
        assert "You said so" in text
        assert f"/whose/{SHARED_WEIGHT.id}/undo" in text
        assert SHARED_WEIGHT.id in await _series(ward, "Astrid")
        refused = await (await client.post(path, htmx=True, patient=str(ward.patient_id("Ingrid")))).text()
        assert "Take that back first" in refused
        assert ">2<" in await (await client.get("/whose/count")).text()
        undone = await (await client.post(f"/whose/{SHARED_WEIGHT.id}/undo", htmx=True)).text()
        assert "It waits again" in undone
        assert SHARED_WEIGHT.id not in await _series(ward, "Astrid")
        assert ">3<" in await (await client.get("/whose/count")).text()
        assert (await client.post(path, patient="guest")).status == 303
    row = await ward.readings.get(SHARED_WEIGHT.id)
    assert row is not None
    assert row.patient_id == NOBODY


async def test_another_team_sees_no_question_and_its_posts_change_nothing(ward: Ward) -> None:
    before = await _counts(ward)
    astrid = ward.patient_id("Astrid")
    reading = (await ward.readings.latest([astrid]))[astrid]["body_weight"].id
    async with visitor(ward) as client:
        await client.sign_in("stranger")
        page = await (await client.get("/whose")).text()
        assert "Every reading is somebody’s" in page
        assert "71.4" not in page
        assert (await (await client.get("/whose/count")).text()).strip() == ""
        for patient in (str(astrid), str(ward.patient_id("Stranger")), "guest"):
            answer = await client.post(f"/whose/{SHARED_WEIGHT.id}/claim", patient=patient, htmx=True)
            assert answer.status == 404
        assert (await client.post(f"/patients/{astrid}/readings/{reading}/error", reason="x")).status == 404
    assert await _counts(ward) == before


async def test_a_meter_shared_with_another_team_asks_both_and_names_only_the_own(ward: Ward) -> None:
    async with ward.records.begin() as unit:
        await assign(unit, SHARED, ward.patient_id("Stranger"), MOMENT - timedelta(days=9), shared=True)
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        row = await (await client.get(f"/whose/{SHARED_WEIGHT.id}")).text()
        assert "1 person of another team is asked, too." in row
        assert "Stranger" not in row
        assert "A guest’s" not in row
        assert (await client.post(f"/whose/{SHARED_WEIGHT.id}/claim", htmx=True, patient="guest")).status == 200
    async with visitor(ward) as client:
        await client.sign_in("stranger")
        row = await (await client.get(f"/whose/{SHARED_WEIGHT.id}")).text()
        assert "Stranger" in row
        assert "Astrid" not in row
        await client.post(f"/whose/{SHARED_WEIGHT.id}/claim", patient=str(ward.patient_id("Stranger")))
    assert SHARED_WEIGHT.id in await _series(ward, "Stranger")
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        row = await (await client.get(f"/whose/{SHARED_WEIGHT.id}")).text()
        assert "Another team has said whose it is." in row
        assert "undo" not in row


async def test_every_look_at_a_value_is_in_the_patients_log(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        await client.get("/whose")
    for name in ("Astrid", "Ingrid"):
        async with ward.records.read() as unit:
            looks = await unit.people.looks(ward.patient_id(name), 5)
        assert ("E.S.", "whose") in {(one.initials, one.view) for one in looks}, name
    async with visitor(ward) as client:
        await client.sign_in("patient")
        assert "readings that may be yours" in await (await client.get("/my-data")).text()


async def test_entered_in_error_with_a_reason_struck_through_and_restored(ward: Ward) -> None:
    astrid = ward.patient_id("Astrid")
    reading = (await ward.readings.latest([astrid]))[astrid]["body_weight"].id
    address = f"/patients/{astrid}/readings/{reading}"
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        assert (await client.raw_post(f"{address}/error", {"reason": "slipped"})).status == 403
        missing = await client.post(f"{address}/error", reason="   ")
        assert missing.status == 422
        assert "Write why" in await missing.text()
        answer = await client.post(f"{address}/error", reason="Shoes & coat on")
        assert (answer.status, answer.headers["Location"]) == (303, f"{address}?done=error")
        page = await (await client.get(answer.headers["Location"])).text()
        assert "entered in error" in page
        assert "Undo" in page
        table = await (await client.get(f"/patients/{astrid}/table?kind=body_weight&range=7d")).text()
        struck = re.search(r'<tr class="struck">.*?</tr>', table, re.DOTALL)
        assert struck is not None
        assert "<s>" in struck.group()
        assert "Entered in error: You, 03:12. “Shoes &amp; coat on”" in struck.group()
        assert len(await _points(client, ward)) == len(await _series(ward, "Astrid", 7))
    async with visitor(ward) as client:
        await client.sign_in("patient")
        mine = await (await client.get("/my-data")).text()
        assert "Nurse E.S. marked your weight as a mistake" in mine
        assert "Shoes &amp; coat on" in mine
        table = await (await client.get(f"/patients/{astrid}/table?kind=body_weight&range=7d")).text()
        assert "Entered in error: E.S." in table
        assert f"{address}" not in table, "a patient corrects nothing"
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        assert (await client.post(f"{address}/restore", reason="it was right")).status == 303
    row = await ward.readings.get(reading)
    assert row is not None
    assert row.aside is False
    async with ward.records.read() as unit:
        history = (await unit.corrections.of_readings([reading]))[reading]
    assert [one.what for one in history] == [What.ENTERED_IN_ERROR, What.RESTORED]


async def _points(client: Visitor, ward: Ward) -> list[dict[str, Any]]:
    answer = await client.get(f"/patients/{ward.patient_id('Astrid')}/series?kind=body_weight&range=7d")
    found: dict[str, Any] = await answer.json()
    return list(found["points"])


async def test_a_claim_is_taken_back_from_the_reading_itself(ward: Ward) -> None:
    astrid = ward.patient_id("Astrid")
    await ward.corrections.claim(SHARED_WEIGHT.id, astrid, ward.users["second"])
    address = f"/patients/{astrid}/readings/{SHARED_WEIGHT.id}"
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        assert "It is not Astrid’s" in await (await client.get(address)).text()
        answer = await client.post(f"{address}/back")
        assert (answer.status, answer.headers["Location"]) == (303, f"/patients/{astrid}?taken-back")
        assert ">3<" in await (await client.get("/whose/count")).text()


# --- quarantine ---


async def test_a_technician_sees_why_and_how_often_and_never_a_value(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("technician")
        pages = [await (await client.get("/quarantine")).text()]
        for number in range(1, 12):
            answer = await client.get(f"/quarantine/{number}")
            pages += [await answer.text()] if answer.status == 200 else []
    text = " ".join(pages)
    assert len(pages) > 6
    for words in ("Meter not registered", "Gateway not enrolled", "The meter was nobody’s then", "0x2A35", "bytes"):
        assert words in text
    visible = re.sub(r"<[^>]*>", " ", text)
    for value in ("71.4", "55.3", "191", "112", "140", "Astrid", "Ingrid", "shoe_size"):
        assert not re.search(rf"(?<![\d.]){re.escape(value)}(?![\d.])", visible), value


async def test_filters_leave_what_fits_and_say_so_where_nothing_does(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("technician")
        held = await (await client.get("/quarantine?status=held&gateway=home-0101&reason=whose")).text()
        assert "2 rows" in held
        none = await (await client.get("/quarantine?status=released&reason=guest")).text()
        assert "No row fits these filters." in none
        assert "Home 0101" in held
        assert "home-9999" in await (await client.get("/quarantine?reason=unknown_gateway")).text()


async def test_another_organisations_rows_do_not_exist(ward: Ward) -> None:
    other = named("another organisation")
    async with ward.records.begin() as unit:
        await unit.care.add_organisation(Organisation(other, "Other Region"))
        await unit.homes.add_gateway(Gateway("home-7777", "7777", other, "Europe/Stockholm", MOMENT))
        await unit.quarantine.put(Refusal("home-7777", "rejected", "not_json", "not JSON", b"secret", MOMENT))
    async with ward.records.read() as unit:
        row = next(one.id for one in await unit.quarantine.listed(gateway="home-7777"))
    async with visitor(ward) as client:
        await client.sign_in("engineer")
        assert "7777" not in await (await client.get("/quarantine")).text()
        for path in (f"/quarantine/{row}", f"/quarantine/{row}/payload"):
            assert (await client.get(path)).status == 404
        for act in ("retry", "discard"):
            assert (await client.post(f"/quarantine/{row}/{act}", reason="x")).status == 404


async def test_only_engineers_open_what_was_sent_and_the_patient_reads_of_it(ward: Ward) -> None:
    row = await _quarantined(ward, "not_assigned")
    stranger = await _quarantined(ward, "unknown_gateway")
    async with visitor(ward) as client:
        await client.sign_in("engineer")
        page = await (await client.get(f"/quarantine/{row}")).text()
        assert "191" not in page
        opened = await client.get(f"/quarantine/{row}/payload")
        assert "191" in await opened.text()
        assert (await client.get(f"/quarantine/{stranger}/payload")).status == 404, "whose gateway is it?"
    async with ward.records.read() as unit:
        looks = await unit.people.looks(ward.patient_id("Astrid"), 3)
    assert ("L.E.", "quarantine") in {(one.initials, one.view) for one in looks}


async def test_retry_takes_what_can_be_taken_now(ward: Ward) -> None:
    row = await _quarantined(ward, "not_assigned")
    async with visitor(ward) as client:
        await client.sign_in("technician")
        assert (await client.raw_post(f"/quarantine/{row}/retry", {})).status == 403
        tried = await client.post(f"/quarantine/{row}/retry")
        assert tried.headers["Location"].endswith("done=tried")
        async with ward.records.begin() as unit:
            await assign(unit, LATE_CUFF, ward.patient_id("Astrid"), MOMENT - timedelta(days=4))
        taken = await client.post(f"/quarantine/{row}/retry")
        assert taken.headers["Location"].endswith("done=taken")
        again = await client.post(f"/quarantine/{row}/retry")
        assert again.status == 409
        assert "the home has to send it again" in await again.text()
    assert await ward.readings.get(NOBODYS.id) is not None


async def test_letting_go_asks_why_and_keeps_who_and_why(ward: Ward) -> None:
    row, whose = await _quarantined(ward, "unknown_sensor"), await _quarantined(ward, "whose")
    async with visitor(ward) as client:
        await client.sign_in("technician")
        assert (await client.raw_post(f"/quarantine/{row}/discard", {"reason": "x"})).status == 403
        asked = await client.post(f"/quarantine/{row}/discard", reason=" ")
        assert asked.status == 422
        assert "Write why nobody needs it" in await asked.text()
        assert (await client.post(f"/quarantine/{whose}/discard", reason="x")).status == 409, "the care team's"
        done = await client.post(f"/quarantine/{row}/discard", reason="a neighbour's meter")
        assert done.status == 303
        assert "a neighbour" in await (await client.get(f"/quarantine/{row}")).text()
    async with ward.records.read() as unit:
        kept = await unit.quarantine.get(row)
    assert kept is not None
    assert (kept.status, kept.payload, kept.message) == ("discarded", None, "discarded by J.T.: a neighbour's meter")
