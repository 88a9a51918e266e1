"""The rota changed in the browser: shown before it is kept, every field checked, two people at once, all on record."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.browser.ward import Ward
from tests.browser.ward_filling import open_ward
from tests.integration.web_visitor import Visitor, visitor


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


@pytest.fixture
async def nurse(ward: Ward) -> AsyncIterator[Visitor]:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        yield client


class _Form(HTMLParser):
    """What a browser would post of the form of the rota."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self._inside = False
        self._select = ""
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("id") == "rota"
        if not self._inside:
            return
        if tag == "input" and given.get("name") and (given.get("type") != "checkbox" or "checked" in given):
            self.fields.append((given["name"], given.get("value", "")))
        if tag == "select":
            self._select, self._options = given["name"], []
        if tag == "option":
            self._options.append((given.get("value", ""), "selected" in given))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._inside:
            chosen = [value for value, selected in self._options if selected] or [self._options[0][0]]
            self.fields.append((self._select, chosen[-1]))
        if tag == "form":
            self._inside = False


def fields_of(page: str) -> list[tuple[str, str]]:
    parser = _Form()
    parser.feed(page)
    return [one for one in parser.fields if one[0] != "csrf"]


def with_field(fields: list[tuple[str, str]], name: str, *values: str) -> list[tuple[str, str]]:
    return [one for one in fields if one[0] != name] + [(name, value) for value in values]


def problems_of(page: str) -> dict[str, str]:
    return {name: unescape(text) for name, text in re.findall(r'<li><a href="#([^"]+)">([^<]+)</a>', page)}


async def press(visitor: Visitor, fields: list[tuple[str, str]], do: str) -> str:
    return await (await visitor.post_pairs("/on-call/rota", [*fields, ("do", do)])).text()


def a_rota(ward: Ward, *logins: str) -> list[tuple[str, str]]:
    people = [str(ward.users[one].id) for one in logins]
    return [
        ("seen", "0"),
        ("shown", ""),
        ("p0", "1"),
        *[("p0-t0-days", day) for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")],
        ("p0-t0-at", "08:00"),
        *[("p0-t0-person", one) for one in people],
        ("zone", "Europe/Stockholm"),
        ("first-week", "2026-11-16"),
        ("day-begins", "08:00"),
        ("last", str(ward.users["doctor"].id)),
        ("reason", "as agreed"),
    ]


async def save(visitor: Visitor, fields: list[tuple[str, str]]) -> None:
    """Show it, then save what was shown."""
    shown = await press(visitor, fields, "show")
    assert problems_of(shown) == {}
    answer = await visitor.post_pairs("/on-call/rota", [*fields_of(shown), ("do", "save")])
    assert answer.status == 303, await answer.text()


async def test_it_is_shown_before_it_is_kept_and_then_holds_with_author_and_reason(ward: Ward, nurse: Visitor) -> None:
    assert "<h1>Change the rota</h1>" in await (await nurse.get("/on-call/rota")).text()
    shown = await press(nurse, a_rota(ward, "nurse", "second"), "show")
    assert "<h1>Somebody is on call at every hour of the next 14 days.</h1>" in shown
    assert "Nurse K.L." in shown
    async with ward.records.read() as unit:
        assert await unit.rotas.newest(ward.team) == 0  # nothing is kept by looking
    answer = await nurse.post_pairs("/on-call/rota", [*fields_of(shown), ("do", "save")])
    assert answer.headers["Location"] == "/on-call?kept=1"
    async with ward.records.read() as unit:
        (version,) = await unit.rotas.versions(ward.team)
    assert (version.author_id, version.reason) == (ward.users["nurse"].id, "as agreed")
    assert [len(turn.people) for turn in version.content.places[0]] == [2] * 7
    page = await (await nurse.get("/on-call?kept=1")).text()
    assert "Saved. Version 1 of the rota holds from 03:12." in page
    assert "Version 1, by E.S., 03:12" in page
    history = await (await nurse.get("/on-call/history")).text()
    assert "“as agreed”" in history
    assert "E.S., 03:12. Holds from 03:12." in history


async def test_the_time_to_confirm_a_report_is_the_teams_own_and_in_the_history(ward: Ward, nurse: Visitor) -> None:
    await save(nurse, a_rota(ward, "nurse"))
    form = await (await nurse.get("/on-call/rota")).text()
    assert "Empty for 240 minutes, as on the whole site." in form
    changed = with_field(fields_of(form), "confirm", "90")
    await save(nurse, with_field(changed, "reason", "a small team"))
    async with ward.records.read() as unit:
        first, second = await unit.rotas.versions(ward.team)
    assert (first.content.confirm_within, second.content.confirm_within) == (None, timedelta(minutes=90))
    assert ("confirm", "90") in fields_of(await (await nurse.get("/on-call/rota")).text())
    history = await (await nurse.get("/on-call/history")).text()
    assert "Changed: time to confirm a report." in history
    assert "to be confirmed within 90 min" in history


async def test_what_was_not_shown_is_not_kept(ward: Ward, nurse: Visitor) -> None:
    shown = await press(nurse, a_rota(ward, "nurse"), "show")
    other = with_field(fields_of(shown), "p0-t0-at", "09:00")
    again = await press(nurse, other, "save")
    assert "has changed since you looked at it" in again
    async with ward.records.read() as unit:
        assert await unit.rotas.newest(ward.team) == 0


async def test_hours_that_nobody_covers_are_named_before_and_after(ward: Ward, nurse: Visitor) -> None:
    fields = with_field(a_rota(ward, "nurse"), "p0-t0-days", "mon", "tue", "wed", "thu", "fri")
    fields += [("p0-t1-days", "fri"), ("p0-t1-at", "16:00"), ("p0-t1-person", "nobody")]
    shown = await press(nurse, fields, "show")
    # By hand somebody is on call until Sunday 07:00; then until Monday 08:00, and the next weekend from Friday 16:00.
    assert "Nobody is on call for 3 d of the next 14 days, in 2 gaps." not in shown
    assert "Fri 27 Nov 16:00 to Mon 30 Nov 08:00" in shown
    assert "Sun 22 Nov 07:00 to Mon 23 Nov 08:00" in shown
    await save(nurse, fields)
    page = await (await nurse.get("/on-call")).text()
    assert "Fri 27 Nov 16:00 to Mon 30 Nov 08:00" in page
    assert "Red alerts go to the last resort then." in page


async def test_every_field_says_what_is_wrong_with_what_was_typed(ward: Ward, nurse: Visitor) -> None:
    stranger = str(ward.users["stranger"].id)
    fields = a_rota(ward, "nurse")
    for name, *values in (
        ("p0-t0-days",),
        ("p0-t0-at", "8 o'clock"),
        ("p0-t0-person", stranger),
        ("zone", "Europe/Atlantis"),
        ("first-week", "soon"),
        ("last",),
        ("confirm", "7"),
        ("since", "2026-11-01T08:00"),
        ("reason",),
    ):
        fields = with_field(fields, name, *values)
    fields += [("s0-who", "place:4"), ("s0-channel", ""), ("s0-wait", "900")]
    fields += [("s1-who", "none"), ("s1-channel", "pigeon"), ("s1-wait", "15")]
    fields += [("q0-who", "team"), ("q0-from", "06:00"), ("q0-until", "23:30"), ("q0-days", "mon"), ("q0-zone", "")]
    answer = await nurse.post_pairs("/on-call/rota", [*fields, ("do", "save")])
    assert answer.status == 422
    page = await answer.text()
    found = problems_of(page)
    assert set(found) == {
        *("p0-t0-days", "p0-t0-at", "p0-t0-person", "zone", "first-week", "last", "confirm", "since", "reason"),
        *("s0-who", "s0-wait", "s1-who", "s1-channel", "q0-until"),
    }
    assert found["s0-wait"] == "“900” is not possible here. Enter 1 to 240 minutes, such as 15."
    assert found["confirm"] == "“7” is not possible here. Enter 15 to 10080 minutes, such as 240, or nothing."
    assert 'value="Europe/Atlantis"' in page
    for name in found:
        assert f'id="{name}"' in page, name  # each leads to its field
    async with ward.records.read() as unit:
        assert await unit.rotas.newest(ward.team) == 0


async def test_somebody_without_a_contact_cannot_be_the_last_resort(ward: Ward, nurse: Visitor) -> None:
    async with ward.records.begin() as unit:
        await unit.connection.exec_driver_sql(
            f"DELETE FROM contacts WHERE user_id = '{ward.users['doctor'].id.hex}'"  # noqa: S608
            if unit.connection.dialect.name == "sqlite"
            else f"DELETE FROM contacts WHERE user_id = '{ward.users['doctor'].id}'"  # noqa: S608
        )
    found = problems_of(await press(nurse, a_rota(ward, "doctor"), "show"))
    assert found == {"last": "M.R. has no contact and cannot be called. An operator can add one."}
    fields = with_field(a_rota(ward, "doctor"), "last", str(ward.users["nurse"].id))
    assert "Nobody can reach M.R." in await press(nurse, fields, "show")


async def test_buttons_add_and_remove_parts_and_keep_what_was_typed(ward: Ward, nurse: Visitor) -> None:
    page = await press(nurse, a_rota(ward, "nurse"), "add-turn:0")
    assert 'name="p0-t1-at"' in page
    page = await press(nurse, fields_of(page), "add-place")
    assert 'name="p1"' in page
    page = await press(nurse, fields_of(page), "drop-place:1")
    page = await press(nurse, fields_of(page), "drop-turn:0-1")
    page = await press(nurse, fields_of(page), "add-step")
    page = await press(nurse, fields_of(page), "add-quiet")
    names = {name for name, _value in fields_of(page)}
    assert {"s0-who", "q0-from"} <= names
    page = await press(nurse, fields_of(page), "drop-step:0")
    page = await press(nurse, fields_of(page), "drop-quiet:0")
    kept = {one for one in fields_of(page) if one[1] and one[0] != "shown"}
    assert kept == {one for one in a_rota(ward, "nurse") if one[1]}


async def test_the_second_of_two_people_is_told_and_loses_nothing(ward: Ward, nurse: Visitor) -> None:
    await save(nurse, a_rota(ward, "nurse"))
    async with visitor(ward) as other:
        await other.sign_in("second")
        mine = await (await nurse.get("/on-call/rota")).text()
        theirs = await (await other.get("/on-call/rota")).text()
        await save(other, with_field(fields_of(theirs), "reason", "theirs"))
        shown = await press(nurse, with_field(fields_of(mine), "reason", "mine"), "show")
        answer = await nurse.post_pairs("/on-call/rota", [*fields_of(shown), ("do", "save")])
    assert answer.status == 409
    page = await answer.text()
    assert "K.L. agreed version 2 at 03:12, while you were changing the one before." in page
    assert 'name="reason" value="mine"' in page
    async with ward.records.read() as unit:
        assert [one.reason for one in await unit.rotas.versions(ward.team)] == ["as agreed", "theirs"]
    await save(nurse, fields_of(page))
    async with ward.records.read() as unit:
        assert await unit.rotas.newest(ward.team) == 3


async def test_a_version_is_taken_back_and_an_old_one_used_again(ward: Ward, nurse: Visitor) -> None:
    await save(nurse, a_rota(ward, "nurse"))
    ward.clock.now += timedelta(minutes=1)
    page = await (await nurse.get("/on-call/rota")).text()
    fields = with_field(fields_of(page), "p0-t0-person", str(ward.users["second"].id))
    await save(nurse, with_field(fields, "reason", "a mistake"))
    page = await (await nurse.get("/on-call?kept=2")).text()
    assert 'action="/on-call/rota/undo"' in page
    answer = await nurse.post("/on-call/rota/undo", seen="2")
    assert answer.headers["Location"] == "/on-call?back"
    async with ward.records.read() as unit:
        versions = await unit.rotas.versions(ward.team)
    assert [one.content == versions[0].content for one in versions] == [True, False, True]
    assert versions[2].valid_from == versions[1].valid_from
    assert (await nurse.post("/on-call/rota/undo", seen="2")).headers["Location"] == "/on-call?gone"
    page = await (await nurse.get("/on-call/rota?from=2")).text()
    assert ("p0-t0-person", str(ward.users["second"].id)) in fields_of(page)
    assert ("seen", "3") in fields_of(page)
    history = await (await nurse.get("/on-call/history")).text()
    assert "Changed: turns." in history
    assert "Version 2 taken back" in history


async def test_a_stand_in_holds_at_once_and_is_taken_back(ward: Ward, nurse: Visitor) -> None:
    me, other = ward.users["nurse"], ward.users["second"]
    ends = "2026-11-25T08:00"
    refused = await nurse.post("/on-call/away", away=str(me.id), instead=str(other.id), begins="", ends=ends)
    assert refused.status == 422
    assert "no rota yet" in await refused.text()
    await save(nurse, a_rota(ward, "nurse"))
    refused = await nurse.post(
        "/on-call/away", away=str(me.id), instead=str(me.id), begins="2026-11-25T09:00", ends=ends
    )
    assert set(problems_of(await refused.text())) == {"instead", "ends"}
    answer = await nurse.post("/on-call/away", away=str(me.id), instead=str(other.id), reason="leave", ends=ends)
    page = await (await nurse.get(answer.headers["Location"])).text()
    assert "K.L. for E.S., 03:12 to Wed 25 Nov 08:00" in page
    async with ward.records.read() as unit:
        on_call = await unit.people.on_call(ward.team, ward.clock() + timedelta(hours=12))
        (stand_in,) = await unit.rotas.stand_ins(ward.team, ward.clock())
    assert [one.user.id for one in on_call] == [other.id]
    assert stand_in.entered.by == me.id
    assert (await nurse.post(f"/on-call/away/{stand_in.id}/back")).headers["Location"] == "/on-call?back"
    assert (await nurse.post(f"/on-call/away/{stand_in.id}/back")).headers["Location"] == "/on-call?gone"
    history = await (await nurse.get("/on-call/history")).text()
    assert "Taken back: E.S., 03:12" in history


async def test_a_holiday_is_entered_once_and_taken_back(ward: Ward, nurse: Visitor) -> None:
    assert "/on-call/holiday" not in await (await nurse.get("/on-call")).text()
    none = problems_of(await (await nurse.post("/on-call/holiday", day="2026-11-25", like="sun")).text())
    assert "no rota yet" in none["day"]
    await save(nurse, a_rota(ward, "nurse"))
    for day, field in (("2026-11-01", "day"), ("2036-12-25", "day"), ("Christmas", "day")):
        found = problems_of(await (await nurse.post("/on-call/holiday", day=day, like="sun")).text())
        assert set(found) == {field}
    empty = problems_of(await (await nurse.post("/on-call/holiday", day="2026-11-25", like="")).text())
    assert set(empty) == {"people"}
    people = str(ward.users["second"].id)
    answer = await nurse.post("/on-call/holiday", day="2026-11-25", name="A fair", like="", people=people)
    assert answer.headers["Location"] == "/on-call?holiday=2026-11-25"
    page = await (await nurse.get("/on-call?holiday=2026-11-25")).text()
    assert "Wed 25 Nov 2026: K.L., A fair" in page
    again = problems_of(await (await nurse.post("/on-call/holiday", day="2026-11-25", like="sun")).text())
    assert again == {"day": "This day is a holiday already. Take that one back first."}
    async with ward.records.read() as unit:
        (holiday,) = await unit.rotas.every_holiday(ward.team, 5)
    assert (await nurse.post(f"/on-call/holiday/{holiday.id}/back", day="2026-11-25")).status == 303
    async with ward.records.read() as unit:
        (holiday,) = await unit.rotas.every_holiday(ward.team, 5)
    assert holiday.entered.removed_by == ward.users["nurse"].id


async def test_only_the_care_team_changes_it_and_only_its_own(ward: Ward, nurse: Visitor) -> None:
    await save(nurse, a_rota(ward, "nurse"))
    answer = await nurse.post("/on-call/away", away=str(ward.users["nurse"].id), instead="", begins="",
                              ends="2026-11-25T08:00")  # fmt: skip
    number = answer.headers["Location"].rpartition("=")[2]
    async with visitor(ward) as client:
        await client.sign_in("stranger")
        assert (await client.post(f"/on-call/away/{number}/back")).headers["Location"] == "/on-call?gone"
        assert "E.S." not in await (await client.get("/on-call/history")).text()
    for login in ("technician", "patient"):
        async with visitor(ward) as client:
            await client.sign_in(login)
            for path in ("/on-call/rota", "/on-call/away", "/on-call/holiday"):
                assert (await client.post(path)).status == 403
                assert (await client.get(path)).status == 403
