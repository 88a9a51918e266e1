"""Snoozing, assigning, giving back, opening again, notes and several at once in the browser, without a script."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened, Outcome
from hearthline_backend.storage.records.calls import Task
from hearthline_backend.storage.records.snoozes import Snooze
from hearthline_backend.storage.schema import due
from tests.browser.ward import Ward, pressure
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


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)).replace("\u00a0", " ")


async def seen(nurse: Visitor, path: str) -> str:
    return plain(await (await nurse.get(path)).text())


async def alert_now(ward: Ward, number: int) -> Alert:
    async with ward.records.read() as unit:
        alert = await unit.alerts.get(number)
    assert alert is not None
    return alert


async def snoozed(ward: Ward, name: str) -> tuple[Snooze, ...]:
    patient = ward.patient_id(name)
    async with ward.records.read() as unit:
        return (await unit.snoozes.in_force([patient], ward.clock.now)).get(patient, ())


async def until_of(nurse: Visitor, number: int, words: str) -> str:
    text = await (await nurse.get(f"/alerts/{number}?snooze")).text()
    found = re.search(rf'name="until" value="([^"]+)" required> {words}', text)
    assert found is not None, words
    return found.group(1)


async def test_a_snooze_says_so_in_list_alert_and_patient_and_can_be_ended(ward: Ward, nurse: Visitor) -> None:
    number = await ward.alert_of("Ingrid")
    until = await until_of(nurse, number, "Tomorrow morning")
    answer = await nurse.post(f"/alerts/{number}/snooze", until=until, note="Doctor sees her on Monday.")
    assert (answer.status, answer.headers["Location"]) == (303, f"/alerts/{number}")
    text = await seen(nurse, f"/alerts/{number}")
    assert "Yellow, snoozed until Mon 23 Nov 09:00" in text
    assert "Snoozed. A worse one of Ingrid’s still comes through." in text
    assert "You snoozed it until Mon 23 Nov 09:00" in text
    assert "“Doctor sees her on Monday.”" in text
    assert "Next: the snooze ends" in text
    row = await seen(nurse, f"/worklist/rows/{ward.patient_id('Ingrid')}")
    assert "You Snoozed until Mon 23 Nov 09:00. A red still comes through." in row.replace(
        "You" + "Snoozed", "You Snoozed"
    )
    (one,) = await snoozed(ward, "Ingrid")
    patient = await seen(nurse, f"/patients/{ward.patient_id('Ingrid')}")
    assert "Snoozed now" in patient
    assert "You snoozed it until Mon 23 Nov 09:00. A red still comes through." in patient
    answer = await nurse.post(f"/snoozes/{one.id}/end")
    assert answer.headers["Location"] == f"/patients/{ward.patient_id('Ingrid')}#snoozes"
    assert await snoozed(ward, "Ingrid") == ()
    assert (await alert_now(ward, number)).state is AlertState.OPEN
    assert "Snoozed now" not in await seen(nurse, f"/patients/{ward.patient_id('Ingrid')}")


async def test_a_snooze_needs_a_time_and_for_a_red_words_and_keeps_what_was_typed(ward: Ward, nurse: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    until = await until_of(nurse, number, "4 hours, until 07:12")
    for fields, problem in (
        ({"note": "typed before"}, "Choose until when: within 14 days."),
        ({"until": until, "note": " "}, "Write a note"),
        ({"until": "2026-11-22T07:00", "note": "typed before"}, "Choose until when"),
        ({"until": "2027-11-22T07:00+00:00", "note": "typed before"}, "Choose until when"),
        ({"until": until, "note": "x" * 2001}, "2001"),
    ):
        answer = await nurse.raw_post(f"/alerts/{number}/snooze", fields | {"csrf": nurse.token})
        text = await answer.text()
        assert (answer.status, problem in text) == (422, True), fields
        assert fields["note"].strip() in text
    assert await snoozed(ward, "Astrid") == ()
    assert (await nurse.post(f"/alerts/{number}/snooze", until=until, note="On the way.")).status == 303
    head = await seen(nurse, "/worklist/summary")
    assert "2 red alerts, somebody has each" in head


async def test_an_alert_raised_under_a_snooze_says_why_nobody_was_called(ward: Ward, nurse: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    until = ward.clock.now + timedelta(days=3)
    await ward.actions.snooze(number, ward.users["second"], until, "note")
    await ward.actions.resolve(number, ward.users["second"], Outcome.KNOWN, "note")
    ward.clock.now += timedelta(days=2)
    await ward.arrive("Astrid", pressure(ward.clock.now, 187, 101))
    again = await ward.alert_of("Astrid")
    await nurse.sign_in("nurse")
    text = await seen(nurse, f"/alerts/{again}")
    assert "Nobody was called: the rule is snoozed until Wed 25 Nov 03:12." in text
    assert "Red, snoozed until Wed 25 Nov 03:12" in text
    row = await (await nurse.get(f"/worklist/rows/{ward.patient_id('Astrid')}")).text()
    assert "K.L." in row
    assert "/acknowledge" not in row


async def test_giving_an_alert_to_a_colleague_and_back(ward: Ward, nurse: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    page = await (await nurse.get(f"/alerts/{number}?assign")).text()
    names = re.findall(r'name="to" value="([^"]+)" required> ([^<]+)<', page)
    assert [name for _id, name in names] == ["Nurse E.S. (you)", "Nurse K.L.", "Doctor M.R."]
    answer = await nurse.post(f"/alerts/{number}/assign", to="", seen="")
    assert (answer.status, "Choose a colleague" in await answer.text()) == (422, True)
    doctor = ward.users["doctor"].id
    assert (await nurse.post(f"/alerts/{number}/assign", to=str(doctor), seen="")).status == 303
    text = await seen(nurse, f"/alerts/{number}")
    assert "Red, M.R." in text
    assert "You gave it to M.R." in text
    row = await seen(nurse, f"/worklist/rows/{ward.patient_id('Astrid')}")
    assert "Given by you." in row
    assert "Comes back 03:27 unless acknowledged." in row
    async with visitor(ward) as other:
        await other.sign_in("doctor")
        row = await (await other.get(f"/worklist/rows/{ward.patient_id('Astrid')}")).text()
        assert "Given by E.S." in row
        assert f"/alerts/{number}/acknowledge" in row
        assert "It was given to you." in await seen(other, f"/alerts/{number}")
        await other.post(f"/alerts/{number}/acknowledge")
        answer = await other.post(f"/alerts/{number}/unassign")
        assert answer.status == 303
    assert (await alert_now(ward, number)).state is AlertState.OPEN
    answer = await nurse.post(f"/alerts/{number}/unassign", htmx=True)
    assert "Nobody has it, so it cannot be given back." in await answer.text()


async def test_an_older_view_does_not_take_an_alert_from_who_has_it(ward: Ward, nurse: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    await ward.actions.acknowledge(number, ward.users["second"])
    answer = await nurse.post(f"/alerts/{number}/assign", to=str(ward.users["nurse"].id), seen="")
    assert (answer.status, "K.L. already has it" in await answer.text()) == (409, True)
    taken = str(ward.users["second"].id)
    assert (await nurse.post(f"/alerts/{number}/assign", to=str(ward.users["nurse"].id), seen=taken)).status == 303
    assert (await alert_now(ward, number)).owner_id == ward.users["nurse"].id


async def test_opening_again_undo_and_notes(ward: Ward, nurse: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    await nurse.post(f"/alerts/{number}/resolve", outcome="true", note="done")
    page = await (await nurse.get(f"/alerts/{number}")).text()
    assert "Resolved Astrid’s alert." in page
    assert f'action="/alerts/{number}/undo"' in page
    await nurse.post(f"/alerts/{number}/undo")
    assert (await alert_now(ward, number)).state is AlertState.OPEN
    await nurse.post(f"/alerts/{number}/resolve", outcome="true", note="done")
    ward.clock.now += timedelta(minutes=3)
    page = await (await nurse.get(f"/alerts/{number}")).text()
    assert f'action="/alerts/{number}/undo"' not in page
    assert f'action="/alerts/{number}/reopen"' in page
    await nurse.post(f"/alerts/{number}/reopen")
    assert "You opened it again" in await seen(nurse, f"/alerts/{number}")
    answer = await nurse.post(f"/alerts/{number}/note", note="Called: <no> answer.")
    assert answer.headers["Location"] == f"/alerts/{number}#told"
    assert "Called: &lt;no&gt; answer." in await (await nurse.get(f"/alerts/{number}")).text()
    answer = await nurse.post(f"/alerts/{number}/note", note=" ")
    assert (answer.status, "Write the note first." in await answer.text()) == (422, True)


async def test_several_are_chosen_in_the_list_acknowledged_and_taken_back(ward: Ward, nurse: Visitor) -> None:
    page = await (await nurse.get("/worklist?choose")).text()
    chosen = re.findall(r'name="alert" value="(\d+)" form="together"', page)
    assert len(chosen) == 3
    assert "/acknowledge?row" not in page
    bengt = await ward.alert_of("Bengt")
    fields = [("alert", number) for number in [*chosen, str(bengt)]]
    answer = await nurse.post_pairs("/worklist/acknowledge", fields)
    assert answer.headers["Location"] == f"/worklist?taken={','.join(sorted(chosen, key=int))}&left=1"
    page = await (await nurse.get(answer.headers["Location"])).text()
    assert "3 alerts acknowledged. You have them. 1 was left as it is" in page
    assert "2 red alerts, somebody has each" in page
    assert "Mine <b>3</b>" in page
    undo = re.findall(r'<input type="hidden" name="alert" value="(\d+)">', page)
    answer = await nurse.post_pairs("/worklist/undo", [("alert", number) for number in undo])
    page = await (await nurse.get(answer.headers["Location"])).text()
    assert "3 alerts given back." in page
    assert "1 red alert has nobody yet" in page
    assert (await nurse.post_pairs("/worklist/acknowledge", [])).headers["Location"] == "/worklist?taken=&left=0"
    assert "Nothing was chosen." in await (await nurse.get("/worklist?taken=&left=0")).text()


async def test_several_alerts_of_one_patient_are_taken_together(ward: Ward, nurse: Visitor) -> None:
    await ward.arrive("Astrid", pressure(ward.clock.now, 188, 112, pulse=141))
    astrid = ward.patient_id("Astrid")
    page = await (await nurse.get(f"/patients/{astrid}")).text()
    chosen = re.findall(r'name="alert" value="(\d+)"', page)
    assert len(chosen) == 2
    fields = [("back", f"/patients/{astrid}"), *(("alert", number) for number in chosen)]
    answer = await nurse.post_pairs("/worklist/acknowledge", fields)
    assert answer.headers["Location"].startswith(f"/patients/{astrid}?taken=")
    assert "2 alerts acknowledged." in await (await nurse.get(answer.headers["Location"])).text()
    for number in chosen:
        assert (await alert_now(ward, int(number))).owner_id == ward.users["nurse"].id
    odd = [("back", "//evil.example/"), ("alert", chosen[0])]
    assert (await nurse.post_pairs("/worklist/acknowledge", odd)).headers["Location"].startswith("/worklist?")


async def test_who_was_called_in_turn_stands_in_the_row(ward: Ward, nurse: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    async with ward.records.begin() as unit:
        for login, minutes in (("second", 4), ("doctor", 1)):
            at = ward.clock.now - timedelta(minutes=minutes)
            detail = {"user": str(ward.users[login].id), "occasion": "escalated", "level": "red", "channels": ["mail"]}
            await unit.alerts.record(number, at, Happened.CALLED, detail=detail)
    row = await seen(nurse, f"/worklist/rows/{ward.patient_id('Astrid')}")
    assert "You called 03:04, K.L. called 03:08, M.R. called 03:11." in row


async def test_a_split_is_a_task_with_a_deadline_an_owner_and_a_call(ward: Ward, nurse: Visitor) -> None:
    ward.clock.now += timedelta(days=6)
    now, name = ward.clock.now, "Wilma"
    before = pressure(now - timedelta(days=5), 186, 112, received=now)
    await ward.arrive(name, before, pressure(now, 188, 112))
    number = await ward.alert_of(name)
    for days in (3, 2):
        await ward.arrive(name, pressure(now - timedelta(days=days), 130, 80, received=now))
    alert = await alert_now(ward, number)
    async with ward.records.read() as unit:
        events = await unit.alerts.events(number)
    assert Happened.SPLIT in [event.what for event in events]
    assert alert.review_by is not None
    await nurse.sign_in("nurse")
    row = await seen(nurse, f"/worklist/rows/{ward.patient_id(name)}")
    assert "To review. A late reading splits it into two." in row
    assert "Review by" in row
    await ward.actions.acknowledge(number, ward.users["nurse"])
    async with ward.records.read() as unit:
        rows = await unit.connection.execute(select(due).where(due.c.alert_id == number, due.c.done_at.is_(None)))
        planned = [(row.what, row.payload, row.due_at) for row in rows]
    assert (Task.COME_BACK.value, {"review": True}, alert.review_by) in planned
    assert "A late reading splits it into two: to be reviewed" in await seen(nurse, f"/alerts/{number}")


async def test_other_teams_reach_none_of_it(ward: Ward) -> None:
    number = await ward.alert_of("Astrid")
    await ward.actions.snooze(number, ward.users["nurse"], ward.clock.now + timedelta(hours=1), "note")
    (one,) = await snoozed(ward, "Astrid")
    before = await alert_now(ward, number)
    for login, status in (("stranger", 404), ("technician", 403), ("patient", 403)):
        async with visitor(ward) as client:
            await client.sign_in(login)
            for act in ("snooze", "assign", "unassign", "reopen", "note", "undo", "resolve"):
                assert (await client.post(f"/alerts/{number}/{act}")).status == status
            assert (await client.post(f"/snoozes/{one.id}/end")).status == status
            assert (await client.post_pairs("/worklist/acknowledge", [("alert", str(number))])).status in (303, 403)
    assert await alert_now(ward, number) == before
    assert isinstance(before.owner_id, UUID)
