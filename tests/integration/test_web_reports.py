"""The extraordinary report in the browser: who may see it, what it says, one word that confirms it, and what leads to
it."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hearthline_backend.alerting.links import AlertLinks
from hearthline_backend.storage.records.alerts import AlertState, Outcome
from hearthline_backend.storage.records.corrections import Correction, What
from hearthline_backend.storage.records.reports import Report
from tests.browser.ward import Ward
from tests.browser.ward_filling import open_ward
from tests.fixtures.records import Engine
from tests.integration.web_visitor import Visitor, visitor

LINKS = AlertLinks(b"a key of the links of this test")


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ward]:
    """A filled ward, in which Ingrid turned yellow in the morning."""
    async with open_ward(tmp_path, records_engine) as opened:
        yield opened


@pytest.fixture
async def nurse(ward: Ward) -> AsyncIterator[Visitor]:
    """The nurse on call, signed in."""
    async with visitor(ward, links=LINKS) as client:
        await client.sign_in("nurse")
        yield client


async def report_of(ward: Ward, name: str = "Ingrid") -> Report:
    async with ward.records.read() as unit:
        (report,) = await unit.reports.of_patient(ward.patient_id(name), 5)
    return report


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).replace("\u00a0", " ")


async def test_the_report_says_what_happened_and_three_days_of_it(ward: Ward, nurse: Visitor) -> None:
    answer = await nurse.get(await ward.report_of("Ingrid"))
    text = plain(await answer.text())
    assert answer.status == 200
    assert "Ingrid turned yellow: weight" in text
    assert "Weight 84.2 kg is 0.2 kg over the yellow limit of 84 kg." in text
    assert "Plan version 1, by Doctor M.R." in text
    assert "3 readings. 0 of 2 planned readings missed." in text
    assert re.search(r"Weight 3 81\.\d kg 82\.\d kg 84\.2 kg 84\.2 kg", text)
    assert "To who is on call: E.S., K.L." in text
    assert "Not confirmed" in text
    async with ward.records.read() as unit:
        looks = await unit.people.looks(ward.patient_id("Ingrid"), 5)
    assert (looks[0].view, looks[0].initials) == ("report", "E.S.")


async def test_confirming_says_who_has_read_it_and_calls_nobody_any_more(ward: Ward, nurse: Visitor) -> None:
    path = await ward.report_of("Ingrid")
    answer = await nurse.post(f"{path}/confirm", note="Called <her>.")
    assert (answer.status, answer.headers["Location"]) == (303, path)
    text = plain(await (await nurse.get(path)).text())
    assert "You have read it, 03:12" in text
    assert "&lt;her&gt;" in text
    report = await report_of(ward)
    assert (report.waiting, report.due_at) == (False, None)
    async with ward.records.read() as unit:
        alert = await unit.alerts.get(report.alerts[0])
    assert alert is not None
    assert alert.state is AlertState.OPEN  # reading is not taking


async def test_one_button_confirms_and_takes_the_alert(ward: Ward, nurse: Visitor) -> None:
    path = await ward.report_of("Ingrid")
    assert "Confirm and acknowledge" in await (await nurse.get(path)).text()
    await nurse.post(f"{path}/confirm", take="yes")
    report = await report_of(ward)
    async with ward.records.read() as unit:
        alert = await unit.alerts.get(report.alerts[0])
    assert alert is not None
    assert (alert.state, alert.owner_id) == (AlertState.ACKNOWLEDGED, ward.users["nurse"].id)
    assert report.confirmed_by == ward.users["nurse"].id


async def test_who_comes_second_is_told_who_was_first_and_keeps_what_was_typed(ward: Ward, nurse: Visitor) -> None:
    path = await ward.report_of("Ingrid")
    report = await report_of(ward)
    await ward.context().confirmations.confirm(report.patient_id, report.number, ward.users["second"])
    answer = await nurse.post(f"{path}/confirm", note="typed")
    assert (answer.status, "K.L. has confirmed it already" in await answer.text()) == (409, True)
    answer = await nurse.post(f"{path}/confirm", note="x" * 2001)
    assert (answer.status, "2001" in await answer.text()) == (422, True)


async def test_nothing_of_it_is_there_for_others_and_a_get_changes_nothing(ward: Ward, nurse: Visitor) -> None:
    path = await ward.report_of("Ingrid")
    for wrong in (
        path.replace("/reports/1", "/reports/2"),
        f"{path}x",
        path.replace("/reports/1", "/reports/99999999999"),
    ):
        assert (await nurse.get(wrong)).status == 404
    assert (await nurse.get(f"{path}/confirm")).status == 405
    assert (await nurse.raw_post(f"{path}/confirm", {"csrf": "wrong"})).status == 403
    for login, status in (("stranger", 404), ("technician", 403)):
        async with visitor(ward, links=LINKS) as other:
            await other.sign_in(login)
            assert (await other.get(path)).status == status
            assert (await other.post(f"{path}/confirm")).status == status
    assert (await report_of(ward)).waiting


async def test_the_link_names_nobody_and_leads_to_the_report(ward: Ward, nurse: Visitor) -> None:
    report = await report_of(ward)
    link = LINKS.reports.path(report.id)
    async with visitor(ward, links=LINKS) as nobody:
        text = await (await nobody.get(link)).text()
        assert "A report needs to be read" in text
        assert "Ingrid" not in text
        assert str(report.patient_id) not in text
        assert (await nobody.head(link)).status == 200
        assert (await nobody.get(link[:-2] + "AA")).status == 404
        assert (await nobody.get(link.replace("/r/", "/a/"))).status == 404
    answer = await nurse.get(link, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, await ward.report_of("Ingrid"))
    text = await (await nurse.get(LINKS.path(report.alerts[0]))).text()
    assert await ward.report_of("Ingrid") in text
    assert (await report_of(ward)).waiting


async def test_list_patient_and_alert_lead_to_a_report_until_it_is_confirmed(ward: Ward, nurse: Visitor) -> None:
    path, report = await ward.report_of("Ingrid"), await report_of(ward)
    row = f"/worklist/rows/{report.patient_id}"
    assert "Report not confirmed" in (text := await (await nurse.get(row)).text())
    assert "Acknowledge" in text
    await nurse.post(f"/alerts/{report.alerts[0]}/acknowledge")
    ward.clock.now += timedelta(minutes=1)
    text = await (await nurse.get(row)).text()
    assert "Read report" in text
    assert f'href="{path}"' in text
    for page in (f"/patients/{report.patient_id}", f"/alerts/{report.alerts[0]}"):
        assert path in await (await nurse.get(page)).text()
    await nurse.post(f"{path}/confirm")
    text = await (await nurse.get(row)).text()
    assert "Report not confirmed" not in text
    assert "Open" in text


async def test_a_green_patient_with_an_unread_report_comes_first_of_the_green_ones(ward: Ward, nurse: Visitor) -> None:
    report = await report_of(ward)
    second = ward.users["second"]
    await ward.actions.resolve(report.alerts[0], second, Outcome.KNOWN, "Seen on Friday.")
    text = await (await nurse.get("/worklist?show=green")).text()
    names = re.findall(r'data-open id="open-[^"]+">(\w+) ', text)
    assert names[0] == "Ingrid"
    assert "Report not confirmed" in text


async def test_what_was_corrected_since_is_told_beside_the_figures_as_they_were(ward: Ward, nurse: Visitor) -> None:
    report = await report_of(ward)
    async with ward.records.begin() as unit:
        content = await unit.reports.content(report.id)
        (worst,) = content.of_evidence()
        at = ward.clock.now - timedelta(hours=1)
        done = Correction(
            0, worst, "body_weight", What.ENTERED_IN_ERROR, at, "With shoes on.", report.patient_id, report.patient_id,
            content.until, content.until, False, True, ward.users["second"].id, at,
        )  # fmt: skip
        await unit.corrections.add(done)
        await unit.reports.save(replace(report, withdrawn_at=ward.clock.now, due_at=None))
    text = plain(await (await nurse.get(await ward.report_of("Ingrid"))).text())
    assert "1 reading of this report was corrected since." in text
    assert "“With shoes on.”" in text
    assert "84.2 kg" in text
    assert "Withdrawn" in text
