"""Acknowledging from a link in a message and from another system: opening a link does nothing, a signed post does."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse

from hearthline_backend.alerting.links import AlertLinks
from hearthline_backend.alerting.webhook import signature
from hearthline_backend.storage.records.alerts import AlertState, Happened
from hearthline_backend.storage.schema import contacts
from tests.browser.ward import Ward
from tests.browser.ward_filling import open_ward
from tests.fixtures.records import Engine
from tests.integration.web_visitor import Visitor, visitor

LINKS = AlertLinks(b"a key of thirty-two bytes, or so.")
SECRET = "a secret shared with the on-call app"
SCANNERS = (
    {"User-Agent": "Mozilla/5.0 (compatible; MailScanner)"},
    {"Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender"},
    {"X-Moz": "prefetch"},
    {"Accept": "*/*", "Range": "bytes=0-1023"},
    {"Accept": "image/avif,image/webp"},
)


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path, records_engine) as opened:
        yield opened


@pytest.fixture
async def outside(ward: Ward) -> AsyncIterator[Visitor]:
    async with visitor(ward, links=LINKS) as client:
        yield client


async def story(ward: Ward, number: int) -> tuple[Any, ...]:
    async with ward.records.read() as unit:
        return await unit.alerts.get(number), await unit.alerts.events(number), await unit.calls.of_alert(number)


async def test_a_link_names_nobody_and_asks_to_sign_in(ward: Ward, outside: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    path = LINKS.path(number)
    text = await (await outside.get(path)).text()
    assert "A red alert needs somebody" in text
    assert f"/login?next={path}" in text
    for word in ("Astrid", "mmHg", "186", "ressure", "1948", "E.S.", f"/alerts/{number}", "<form"):
        assert word not in text, word


async def test_whatever_opens_a_link_changes_nothing(ward: Ward, outside: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    path, before = LINKS.path(number), await story(ward, number)
    for login in (None, "nurse"):
        if login is not None:
            await outside.sign_in(login)
        for headers in SCANNERS:
            for address in (path, f"{path}?utm=1", f"{path}/acknowledge"):
                assert (await outside.get(address, headers=headers)).status < 500
                assert (await outside.head(address)).status < 500
    assert await story(ward, number) == before


async def test_a_post_without_a_session_or_its_token_changes_nothing(ward: Ward, outside: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    path, before = f"{LINKS.path(number)}/acknowledge", await story(ward, number)
    answer = await outside.raw_post(path, {}, headers={"Accept": "text/html"})
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    await outside.sign_in("nurse")
    assert (await outside.raw_post(path, {"csrf": "made up"})).status == 403
    assert await story(ward, number) == before


async def test_after_signing_in_the_link_leads_on_and_takes_the_alert(ward: Ward, outside: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    path = LINKS.path(number)
    answer = await outside.sign_in("nurse", back=path)
    assert answer.headers["Location"] == path
    text = await (await outside.get(path)).text()
    assert "Astrid" not in text
    assert f"/alerts/{number}" in text
    answer = await outside.post(f"{path}/acknowledge")
    assert (answer.status, answer.headers["Location"]) == (303, path)
    text = await (await outside.get(path)).text()
    assert "You have this red alert" in text
    alert, events, _calls = await story(ward, number)
    assert (alert.owner_id, events[-1].what) == (ward.users["nurse"].id, Happened.ACKNOWLEDGED)


async def test_a_link_is_nothing_for_another_team_a_technician_or_a_made_up_one(ward: Ward) -> None:
    number = await ward.alert_of("Astrid")
    path = LINKS.path(number)
    for login in ("stranger", "technician", "patient"):
        async with visitor(ward, links=LINKS) as client:
            await client.sign_in(login)
            assert (await client.get(path)).status == 404
            assert (await client.post(f"{path}/acknowledge")).status in (403, 404)
    async with visitor(ward, links=LINKS) as client:
        for wrong in (f"/a/{number}", path[:-1], path[:-1] + ("A" if path[-1] != "A" else "B"), "/a/", "/a/%ff"):
            assert (await client.get(wrong)).status == 404
        assert (await client.get(AlertLinks(b"another key").path(number))).status == 404
    alert, *_rest = await story(ward, number)
    assert alert.state is AlertState.OPEN


# --- by webhook ---


async def called(ward: Ward) -> tuple[int, str]:
    """Astrid's alert and the call to the nurse's on-call app, whose secret is known."""
    number = await ward.alert_of("Astrid")
    async with ward.records.begin() as unit:
        told = await unit.calls.of_alert(number)
        call = next(one.notification for one in told if one.channel == "webhook")
        await unit.connection.execute(contacts.update().where(contacts.c.id == call.contact_id).values(secret=SECRET))
    return number, str(call.id)


async def send(
    ward: Ward, outside: Visitor, call: str, *, secret: str = SECRET, ago: float = 0, signed: str | None = None
) -> ClientResponse:
    body = json.dumps({"action": "acknowledge", "notification": call}).encode()
    at = int((ward.clock.now - timedelta(seconds=ago)).timestamp())
    header = signature(secret, at, body) if signed is None else signed
    return await outside.raw_post("/webhooks/acknowledge", body, headers={"Hearthline-Signature": header})


async def test_a_signed_post_acknowledges_as_the_person_who_was_called(ward: Ward, outside: Visitor) -> None:
    number, call = await called(ward)
    answer = await send(ward, outside, call)
    assert (answer.status, await answer.json()) == (200, {"status": "acknowledged", "repeat": False})
    alert, events, _calls = await story(ward, number)
    assert (alert.state, alert.owner_id) == (AlertState.ACKNOWLEDGED, ward.users["nurse"].id)
    assert (events[-1].what, events[-1].initials) == (Happened.ACKNOWLEDGED, "E.S.")


async def test_the_same_message_again_is_answered_and_does_nothing(ward: Ward, outside: Visitor) -> None:
    number, call = await called(ward)
    await send(ward, outside, call)
    ward.clock.now += timedelta(seconds=20)
    await ward.actions.unassign(number, ward.users["nurse"])
    before = await story(ward, number)
    ward.clock.now += timedelta(seconds=5)
    answer = await send(ward, outside, call, ago=25)
    assert (answer.status, await answer.json()) == (200, {"status": "acknowledged", "repeat": True})
    assert await story(ward, number) == before
    ward.clock.now += timedelta(minutes=5)
    assert (await send(ward, outside, call, ago=325)).status == 401
    assert await story(ward, number) == before


async def test_what_is_not_signed_as_it_should_be_changes_nothing(ward: Ward, outside: Visitor) -> None:
    number, call = await called(ward)
    before = await story(ward, number)
    tries = [
        await send(ward, outside, call, secret="another"),
        await send(ward, outside, call, secret=""),
        await send(ward, outside, call, ago=301),
        await send(ward, outside, call, ago=-301),
        await send(ward, outside, call, signed=""),
        await send(ward, outside, call, signed="t=1,v1=" + "0" * 64),
        await send(ward, outside, "00000000-0000-4000-8000-000000000000"),
    ]
    assert {answer.status for answer in tries} == {401}
    assert {await answer.text() for answer in tries} == {'{"status": "not_signed", "repeat": false}'}
    for body in (b"", b"[]", b"{", b'{"action": "resolve"}', b'{"action": "acknowledge"}', b"[" * 5000, b"\xff"):
        assert (await outside.raw_post("/webhooks/acknowledge", body)).status == 400
    assert (await outside.get("/webhooks/acknowledge")).status in (404, 405)
    assert await story(ward, number) == before


async def test_a_contact_without_a_secret_or_a_person_who_left_cannot_sign(ward: Ward, outside: Visitor) -> None:
    number, call = await called(ward)
    before = await story(ward, number)
    async with ward.records.begin() as unit:
        await unit.connection.execute(contacts.update().values(secret=None))
    assert (await send(ward, outside, call, secret="")).status == 401
    assert await story(ward, number) == before


async def test_what_somebody_else_has_is_answered_so_and_once(ward: Ward, outside: Visitor) -> None:
    number, call = await called(ward)
    await ward.actions.acknowledge(number, ward.users["second"])
    answer = await send(ward, outside, call)
    assert (answer.status, (await answer.json())["status"]) == (409, "taken")
    alert, *_rest = await story(ward, number)
    assert alert.owner_id == ward.users["second"].id
