"""Signing in: who gets in, who has to wait, what a session is worth, and that every post proves where it came from."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hearthline_backend.storage.schema import sessions
from tests.browser.ward import PASSWORD, Ward
from tests.browser.ward_filling import open_ward
from tests.integration.web_visitor import visitor


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    """A filled ward."""
    async with open_ward(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("login", "front"), [("nurse", "/worklist"), ("technician", "/homes"), ("patient", "/my-data")]
)
async def test_each_role_comes_to_its_own_view(ward: Ward, login: str, front: str) -> None:
    async with visitor(ward) as client:
        answer = await client.sign_in(login)
        assert (answer.status, answer.headers["Location"]) == (303, front)
        answer = await client.get("/", allow_redirects=False)
        assert answer.headers["Location"] == front


async def test_the_token_is_kept_only_as_its_hash_and_the_cookie_is_not_for_scripts(ward: Ward) -> None:
    async with visitor(ward, secure_cookies=True) as client:
        answer = await client.sign_in("nurse")
    cookie = answer.headers.getall("Set-Cookie")[0]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" in cookie
    token = cookie.split(";")[0].split("=", 1)[1]
    async with ward.records.read() as unit:
        kept = list(await unit.connection.scalars(select(sessions.c.token_hash)))
    assert len(kept) == 1
    assert token not in kept[0]
    assert len(kept[0]) == 64


async def test_a_wrong_password_says_how_many_tries_are_left_then_pauses(ward: Ward) -> None:
    async with visitor(ward) as client:
        for left in (4, 3, 2, 1):
            answer = await client.sign_in("nurse", "wrong")
            assert answer.status == 401
            assert f"{left} tr" in await answer.text()
        assert (await client.sign_in("nurse", "wrong")).status == 401
        answer = await client.sign_in("nurse", PASSWORD)
        assert answer.status == 429
        assert "Try again in 15 minutes" in await answer.text()
        ward.clock.now += timedelta(minutes=15, seconds=1)
        assert (await client.sign_in("nurse", PASSWORD)).status == 303


async def test_an_unknown_login_and_a_wrong_password_get_the_same_answer(ward: Ward) -> None:
    async with visitor(ward) as client:
        known = await (await client.sign_in("nurse", "wrong")).text()
        unknown = await (await client.sign_in("nobody", "wrong")).text()
    assert "do not match" in known
    assert known.replace("nurse", "").count("match") == unknown.replace("nobody", "").count("match")


async def test_one_address_cannot_try_every_login(ward: Ward) -> None:
    async with visitor(ward) as client:
        answers = [(await client.sign_in(f"guess-{number}", "x")).status for number in range(21)]
    assert answers[:20] == [401] * 20
    assert answers[20] == 429


async def test_a_session_ends_when_nobody_acts_and_goes_on_when_somebody_does(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        ward.clock.now += timedelta(minutes=29)
        assert (await client.get("/worklist")).status == 200
        ward.clock.now += timedelta(minutes=29)
        state = await client.get("/session", headers={"Accept": "application/json"})
        assert state.status == 200
        ward.clock.now += timedelta(minutes=2)
        answer = await client.get("/worklist", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/worklist")


async def test_fragments_that_a_page_fetches_by_itself_do_not_keep_a_session(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        for _minute in range(4):
            ward.clock.now += timedelta(minutes=8)
            last = await client.get("/worklist/summary", headers={"HX-Request": "true"}, allow_redirects=False)
        assert last.status == 401


async def test_no_session_lasts_longer_than_twelve_hours(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        for _step in range(36):
            ward.clock.now += timedelta(minutes=20, seconds=5)
            answer = await client.get("/worklist", allow_redirects=False)
        assert answer.status == 303


async def test_signing_out_ends_the_session_and_not_only_the_cookie(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        cookie = client.cookie()
        await client.post("/logout")
        answer = await client.get(
            "/worklist", headers={"Cookie": f"hearthline_session={cookie}"}, allow_redirects=False
        )
        assert answer.status == 303


async def test_every_post_without_the_sessions_token_is_refused(ward: Ward) -> None:
    number = await ward.alert_of("Astrid")
    posts = (
        f"/alerts/{number}/acknowledge",
        f"/alerts/{number}/resolve",
        "/account",
        "/worklist",
        "/logout",
        "/session",
    )
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        for path in posts:
            for token in ("", "x" * 43):
                answer = await client.raw_post(path, {"csrf": token})
                assert answer.status == 403, path
                assert "too old to send" in await answer.text()
        assert (await client.get("/worklist")).status == 200
    async with ward.records.read() as unit:
        alert = await unit.alerts.get(number)
    assert alert is not None
    assert alert.owner_id is None


async def test_signing_in_needs_the_token_of_its_own_page(ward: Ward) -> None:
    async with visitor(ward) as client:
        answer = await client.raw_post("/login", {"login": "nurse", "password": PASSWORD, "csrf": "x"})
        assert answer.status == 403


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"])
async def test_after_signing_in_nobody_is_sent_elsewhere(ward: Ward, elsewhere: str) -> None:
    async with visitor(ward) as client:
        answer = await client.sign_in("nurse", back=elsewhere)
        assert answer.headers["Location"] == "/worklist"


async def test_theme_and_keys_are_kept_for_the_user_and_set_without_a_script(ward: Ward) -> None:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        assert "data-single-keys" in await (await client.get("/worklist")).text()
        await client.post("/account", theme="dark")
        text = await (await client.get("/worklist")).text()
    assert 'data-theme="dark"' in text
    assert "data-single-keys" not in text


async def test_behind_a_proxy_each_visitor_has_an_address_of_their_own(ward: Ward) -> None:
    async with visitor(ward, trusted_proxies=frozenset({"127.0.0.1"})) as client:
        for number in range(20):
            await client.sign_in(f"guess-{number}", "x", forwarded="203.0.113.7")
        assert (await client.sign_in("guess", "x", forwarded="203.0.113.7")).status == 429
        assert (await client.sign_in("guess", "x", forwarded="1.1.1.1, 203.0.113.8")).status == 401


async def test_somebody_elses_word_for_an_address_is_not_believed(ward: Ward) -> None:
    async with visitor(ward) as client:
        for number in range(20):
            await client.sign_in(f"guess-{number}", "x", forwarded=f"203.0.113.{number}")
        assert (await client.sign_in("guess", "x", forwarded="203.0.113.99")).status == 429
