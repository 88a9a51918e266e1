"""Who is on call, as the care team reads it."""

from collections.abc import AsyncIterator
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthline_backend.domain.rotas import Holiday, StandIn
from hearthline_backend.storage.records.people import User
from hearthline_backend.storage.records.rota_content import QuietContent, RotaContent, TurnContent
from hearthline_backend.storage.records.rotas import TrialCall
from tests.browser.ward import Ward
from tests.browser.ward_filling import open_ward
from tests.integration.web_visitor import Visitor, visitor

ZONE = ZoneInfo("Europe/Stockholm")


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


@pytest.fixture
async def nurse(ward: Ward) -> AsyncIterator[Visitor]:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        yield client


async def team_of(ward: Ward) -> tuple[User, ...]:
    """Who looks, first, and their colleagues."""
    async with ward.records.read() as unit:
        everybody = await unit.people.care_team(ward.team)
        me = await unit.people.user_by_login("nurse")
    assert me is not None
    return (me, *(one for one in everybody if one.id != me.id))


async def agree(ward: Ward) -> tuple[User, ...]:
    """The colleague is first by rota until tomorrow 20:00, then who looks; the hand-made order goes."""
    people = await team_of(ward)
    me, other = people[:2]
    now = ward.clock()
    tomorrow = now.astimezone(ZONE).date() + timedelta(days=1)
    content = RotaContent(
        zone="Europe/Stockholm",
        first_week=tomorrow,
        places=(
            (
                TurnContent(weekday=tomorrow.weekday(), at=time(20), people=(me.id,)),
                TurnContent(weekday=(tomorrow.weekday() + 2) % 7, at=time(8), people=(other.id,)),
            ),
        ),
        last_resort=(me.id,),
        quiet=(QuietContent(begins=time(0), ends=time(12), zone="Europe/Stockholm"),),
    )
    async with ward.records.begin() as unit:
        await unit.connection.exec_driver_sql("DELETE FROM on_call")
        await unit.rotas.add_version(
            ward.team, content, valid_from=now - timedelta(days=9), created_at=now, reason="a test"
        )
    return people


async def test_the_heading_says_who_until_when_and_below_who_comes_next_and_at_last(ward: Ward, nurse: Visitor) -> None:
    me, other = (await agree(ward))[:2]
    text = await (await nurse.get("/on-call")).text()
    assert f"<h1>{other.initials} is on call until " in text
    assert "20:00</h1>" in text
    assert "Next handover" in text
    assert "<dd>You" in text
    assert "Not tried for 35 days" in text
    async with ward.records.begin() as unit:
        await unit.rotas.add_trial(ward.team, TrialCall(me.id, "mail", ward.clock() - timedelta(hours=1), "sent"))
        day = ward.clock().astimezone(ZONE).date() + timedelta(days=5)
        await unit.rotas.add_holiday(ward.team, Holiday(day, like=6), "Midsummer", created_at=ward.clock())
        span = ward.clock() + timedelta(days=2), ward.clock() + timedelta(days=3)
        await unit.rotas.add_stand_in(ward.team, StandIn(other.id, me.id, *span), "leave", created_at=ward.clock())
    text = await (await nurse.get("/on-call")).text()
    assert "Not tried" not in text
    assert "Midsummer" in text
    assert f"{me.initials} for {other.initials}" in text


async def test_the_header_of_every_page_names_who_is_on_call_and_leads_there(ward: Ward, nurse: Visitor) -> None:
    _, other = (await agree(ward))[:2]
    text = await (await nurse.get("/worklist")).text()
    assert f'<a href="/on-call">On call: {other.initials}, until ' in text


async def test_with_nobody_on_call_it_says_so_and_what_happens_then(ward: Ward, nurse: Visitor) -> None:
    async with ward.records.begin() as unit:
        await unit.connection.exec_driver_sql("DELETE FROM on_call")
    text = await (await nurse.get("/on-call")).text()
    assert "<h1>Nobody is on call</h1>" in text
    assert "Everybody of the team who is not on call" in text
