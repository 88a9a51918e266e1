"""What a patient reads of reports about them and of pauses of their plan: who did what, in plain words."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hearthline_backend.alerting.links import ReportLinks
from hearthline_backend.alerting.report_calls import ReportCalls
from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.storage.records.reports import Report
from tests.browser.ward import Ward
from tests.browser.ward_filling import open_ward
from tests.fixtures.records import Engine
from tests.integration.web_visitor import visitor

LINKS = ReportLinks(b"a key of the links of this test")


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ward]:
    """A filled ward, in which Ingrid turned yellow in the morning; she can sign in as well."""
    async with open_ward(tmp_path, records_engine) as opened:
        hashed = opened.users["patient"].password_hash
        ingrid = opened.patient_id("Ingrid")
        async with opened.records.begin() as unit:
            own = User(ingrid, "ingrid", hashed, Role.PATIENT, "I.", "Patient", opened.organisation, None, ingrid)
            await unit.people.add_user(own)
        yield opened


async def mine(ward: Ward, login: str = "ingrid") -> str:
    """The page as one reads it."""
    async with visitor(ward) as client:
        await client.sign_in(login)
        answer = await client.get("/my-data")
        assert answer.status == 200
        text = await answer.text()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).replace("\u00a0", " ")


def part(text: str, heading: str, following: str) -> str:
    """From one heading to the next."""
    return text[text.rindex(heading) : text.rindex(following)]


async def send_everything(ward: Ward) -> None:
    """As if each message that is due had been accepted."""
    async with ward.records.begin() as unit:
        for claim in await unit.calls.claim({"mail": 50, "webhook": 50}, ward.clock.now, timedelta(minutes=1)):
            await unit.calls.sent(claim.notification.id, ward.clock.now)


async def test_without_any_the_page_says_so(ward: Ward) -> None:
    text = await mine(ward, "patient")
    assert "No report was made so far." in text
    assert "Your plan was never on pause." in text


async def test_a_report_says_what_turned_yellow_who_was_told_and_that_nobody_confirmed(ward: Ward) -> None:
    await send_everything(ward)
    ward.clock.now += timedelta(hours=9)
    async with ward.records.begin() as unit:
        await unit.people.put_on_call(ward.team, ward.users["doctor"].id, position=0, starts_at=ward.clock.now)
        contact = (await unit.people.contacts(ward.users["second"].id))[0]
        await unit.people.add_contact(replace(contact, id=ward.users["doctor"].id, user_id=ward.users["doctor"].id))
    calls = ReportCalls(ward.records, path=LINKS.path, clock=ward.clock, events=ward.events)
    assert await calls.run_due() == 1
    before = part(await mine(ward), "Reports about you", "Who looked")
    assert (
        "Your weight went from green to yellow. It was higher than the limit you and your doctor agreed on." in before
    )
    assert "Told: Nurse E.S., by mail, " in before
    assert "Nobody has confirmed reading it so far." in before
    assert "Doctor M.R." not in before, "what was not sent yet has told nobody"
    await send_everything(ward)
    text = await mine(ward)
    assert "Told: Doctor M.R., by mail, today 12:12" in part(text, "Reports about you", "Who looked")
    assert "Doctor M.R., by mail Today 12:12" in part(text, "Who was told", "Reports about you")


async def test_who_confirmed_is_named_with_time_and_words_and_a_withdrawn_one_says_so(ward: Ward) -> None:
    (report,) = await _reports(ward)
    confirm = ward.context().confirmations.confirm
    await confirm(report.patient_id, report.number, ward.users["second"], "Called <her>.")
    text = part(await mine(ward), "Reports about you", "Who looked")
    assert "Nurse K.L. confirmed reading it, today 03:12. “Called &lt;her&gt;.”" in text
    (report,) = await _reports(ward)
    async with ward.records.begin() as unit:
        await unit.reports.save(replace(report, withdrawn_at=ward.clock.now))
    assert "It was taken back: what it was about no longer counts." in await mine(ward)


async def test_pauses_say_from_when_until_when_why_and_by_whom(ward: Ward) -> None:
    ingrid, now = ward.patient_id("Ingrid"), ward.clock.now
    hours = timedelta(hours=1)
    async with ward.records.begin() as unit:
        first = Pause(PauseKind.HOSPITAL, now - 40 * hours, now + 50 * hours)
        await unit.pauses.begin(ingrid, first, now=now - 39 * hours, note="ward <12>", by=ward.users["nurse"].id)
        await unit.pauses.end(ingrid, now=now - 20 * hours, by=ward.users["doctor"].id)
        await unit.pauses.begin(ingrid, Pause(PauseKind.AWAY, now - hours, now + 24 * hours), now=now - hours)
    text = (await mine(ward)).rpartition("Pauses of your plan")[2]
    assert "In hospital: Friday 20 November 11:12 to yesterday 07:12" in text
    assert "Entered by Nurse E.S., Friday 20 November 12:12." in text
    assert "Ended early by Doctor M.R., planned until Tuesday 24 November 05:12." in text
    assert "“ward &lt;12&gt;”" in text
    assert "Away: today 02:12 to Monday 23 November 03:12. It lasts now." in text
    assert text.index("Away") < text.index("In hospital"), "the newest first"


async def _reports(ward: Ward) -> tuple[Report, ...]:
    async with ward.records.read() as unit:
        return await unit.reports.of_patient(ward.patient_id("Ingrid"), 5)
