"""Who sees what: every role at every address, what a technician never sees, what the access log keeps."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hearthline_backend.storage.every_table import metadata
from tests.browser.ward import Ward
from tests.browser.ward_filling import GREEN, open_ward
from tests.fixtures.records import Engine
from tests.integration.web_visitor import visitor

ROLES = ("nobody", "patient", "technician", "nurse", "stranger")
NAMES = ("Astrid", "Bengt", "Ingrid", "Sofia", "Milan", "Per ", "Elin", *GREEN)


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ward]:
    """A filled ward."""
    async with open_ward(tmp_path, records_engine) as opened:
        yield opened


async def _addresses(ward: Ward) -> dict[str, tuple[int, int, int, int, int]]:
    """Each address with the status for every role of ROLES; "nobody" is sent to the sign-in page."""
    astrid, number = ward.patient_id("Astrid"), await ward.alert_of("Astrid")
    series = "kind=blood_pressure&range=14d"
    return {
        "/worklist": (303, 403, 403, 200, 200),
        "/worklist?show=red": (303, 403, 403, 200, 200),
        "/worklist/summary": (303, 403, 403, 200, 200),
        f"/worklist/rows/{astrid}": (303, 403, 403, 200, 404),
        f"/worklist/rows/{astrid}?as=line": (303, 403, 403, 200, 404),
        f"/patients/{astrid}": (303, 403, 403, 200, 404),
        f"/patients/{astrid}?range=1y": (303, 403, 403, 200, 404),
        f"/patients/{astrid}/series?{series}": (303, 200, 403, 200, 404),
        f"/patients/{astrid}/table?{series}": (303, 200, 403, 200, 404),
        f"/patients/{ward.patient_id('Bengt')}/series?{series}": (303, 404, 403, 200, 404),
        f"/patients/{ward.patient_id('Bengt')}/table?{series}": (303, 404, 403, 200, 404),
        f"/patients/{ward.patient_id('Stranger')}": (303, 403, 403, 404, 200),
        f"/alerts/{number}": (303, 403, 403, 200, 404),
        f"/alerts/{number}/parts": (303, 403, 403, 200, 404),
        "/alerts/99999": (303, 403, 403, 404, 404),
        "/alerts/x": (303, 403, 403, 404, 404),
        "/patients/x": (303, 403, 403, 404, 404),
        "/homes": (303, 403, 200, 403, 403),
        "/homes?show=all": (303, 403, 200, 403, 403),
        "/homes/0417": (303, 403, 200, 403, 403),
        "/homes/none": (303, 403, 404, 403, 403),
        "/homes/0417/remote": (303, 403, 200, 403, 403),
        "/homes/none/remote": (303, 403, 404, 403, 403),
        "/my-data": (303, 200, 403, 403, 403),
        "/on-call": (303, 403, 403, 200, 200),
        "/account": (303, 200, 200, 200, 200),
        "/session": (303, 200, 200, 200, 200),
    }


@pytest.mark.parametrize("role", ROLES)
async def test_every_address_for_every_role(ward: Ward, role: str) -> None:
    wanted = {path: row[ROLES.index(role)] for path, row in (await _addresses(ward)).items()}
    async with visitor(ward) as client:
        if role != "nobody":
            await client.sign_in(role)
        found = {path: (await client.get(path, allow_redirects=False)).status for path in wanted}
    assert found == wanted


async def test_every_role_gets_an_answer_that_says_what_to_do(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("technician")
        text = await (await client.get("/worklist")).text()
        assert "Ask the care team" in text
        assert "To the homes" in text
        answer = await client.get("/worklist", headers={"Accept": "application/json"})
        assert (answer.status, answer.content_type) == (403, "application/json")
        text = await (await client.get("/nothing-here")).text()
        assert "There is nothing here" in text


async def test_reading_changes_nothing_but_the_access_log_and_the_session(ward: Ward) -> None:
    async def counted() -> dict[str, int]:
        async with ward.records.read() as unit:
            return {
                name: int(await unit.connection.scalar(select(func.count()).select_from(table)) or 0)
                for name, table in metadata.tables.items()
                if name not in ("access_log", "sessions", "sign_in_attempts")
            }

    async def alerts() -> list[object]:
        async with ward.records.read() as unit:
            return [tuple(row) for row in await unit.connection.execute(select(metadata.tables["alerts"]))]

    before = await counted(), await alerts()
    addresses = await _addresses(ward)
    for role in ("nurse", "technician", "patient"):
        async with visitor(ward) as client:
            await client.sign_in(role)
            for path in addresses:
                await client.get(path)
                assert (await client.head(path)).status < 500
    assert (await counted(), await alerts()) == before


async def test_a_technician_never_gets_a_name_a_value_or_a_condition(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("technician")
        pages = [
            "/homes",
            "/homes?show=all",
            "/account",
            "/session",
            *(f"/homes/{home}" for home in ("0417", "0051", "0388")),
        ]
        for path in pages:
            text = await (await client.get(path)).text()
            for word in (*NAMES, "mmHg", "mg/dL", "°C", "Blood pressure", "ypertension", "systolic", "1948", "186/112"):
                assert word not in text, (path, word)
            assert not re.search(r"\d\s?kg\b", text), path


async def test_a_clinical_page_never_goes_to_a_technician_as_json_either(ward: Ward) -> None:
    series = f"/patients/{ward.patient_id('Astrid')}/series?kind=blood_pressure"
    async with visitor(ward) as client:
        await client.sign_in("technician")
        answer = await client.get(series, headers={"Accept": "application/json"})
        assert answer.status == 403
        assert "points" not in await answer.text()


async def test_every_view_of_a_patient_is_kept_and_the_patient_reads_it(ward: Ward) -> None:
    astrid, number = ward.patient_id("Astrid"), await ward.alert_of("Astrid")
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        for path in ("/worklist", "/worklist", f"/patients/{astrid}", f"/patients/{astrid}", f"/alerts/{number}"):
            await client.get(path)
        for _again in range(3):
            await client.get(f"/patients/{astrid}/series?kind=blood_pressure")
        await client.get(f"/alerts/{number}/parts", headers={"HX-Request": "true"})
    async with ward.records.read() as unit:
        kept = [one.view for one in await unit.people.looks(astrid, 50) if one.initials == "E.S."]
        others = [one.view for one in await unit.people.looks(ward.patient_id("Bengt"), 50)]
    assert sorted(kept) == ["alert", "patient", "patient", "series", "worklist"]
    assert others == ["worklist"]
    async with visitor(ward) as client:
        await client.sign_in("patient")
        text = await (await client.get("/my-data")).text()
    assert "Nurse E.S., night team: readings and plan" in text
    assert "Nurse E.S., night team: an alert" in text
    assert "Doctor M.R." in text


async def test_a_refused_look_is_not_a_look(ward: Ward) -> None:
    astrid = ward.patient_id("Astrid")
    async with ward.records.read() as unit:
        before = len(await unit.people.looks(astrid, 50))
    for role in ("stranger", "technician"):
        async with visitor(ward) as client:
            await client.sign_in(role)
            await client.get(f"/patients/{astrid}")
    async with ward.records.read() as unit:
        assert len(await unit.people.looks(astrid, 50)) == before


async def test_the_list_is_kept_once_a_shift(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        await client.get("/worklist")
        ward.clock.now += timedelta(hours=8, seconds=1)
        await client.sign_in("nurse")
        await client.get("/worklist")
    async with ward.records.read() as unit:
        views = [one.view for one in await unit.people.looks(ward.patient_id("Bengt"), 50)]
    assert views == ["worklist", "worklist"]


async def test_headers_forbid_what_is_not_our_own(ward: Ward) -> None:
    async with visitor(ward, secure_cookies=True) as client:
        for path in ("/login", "/nothing", "/static/js/live.js", "/worklist"):
            headers = (await client.get(path, allow_redirects=False)).headers
            assert headers["Content-Security-Policy"].startswith("default-src 'self'; ")
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Strict-Transport-Security"].startswith("max-age=")
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        assert (await client.get("/worklist")).headers["Cache-Control"] == "no-store"
