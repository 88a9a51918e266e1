"""What people do with alerts in the browser, what the list says, and what comes live."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hearthline_backend.storage.records.alerts import AlertState, Happened, Outcome
from tests.browser.ward import Ward, pressure
from tests.browser.ward_filling import open_ward
from tests.fixtures.records import Engine
from tests.integration.web_visitor import Visitor, visitor


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ward]:
    """A filled ward."""
    async with open_ward(tmp_path, records_engine) as opened:
        yield opened


@pytest.fixture
async def nurse(ward: Ward) -> AsyncIterator[Visitor]:
    """The nurse on call, signed in."""
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        yield client


async def test_the_list_is_in_the_order_in_which_to_look(nurse: Visitor) -> None:
    text = await (await nurse.get("/worklist")).text()
    names = re.findall(r'data-open id="open-[^"]+">(\w+) ', text)
    assert names[:6] == ["Astrid", "Bengt", "Ingrid", "Sofia", "Per", "Elin"]
    assert "<title>(1) Worklist – Hearthline</title>" in text
    assert "<h1>1 red alert has nobody yet</h1>" in text


async def test_acknowledging_in_the_row_answers_with_the_row_and_can_be_undone(ward: Ward, nurse: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    answer = await nurse.post(f"/alerts/{number}/acknowledge?row", htmx=True)
    text = await answer.text()
    assert answer.headers["HX-Trigger"] == "summary"
    assert "You, since 03:12" in text
    assert "Acknowledged. You have Astrid" in text
    assert "/undo?row" in text
    summary = await (await nurse.get("/worklist/summary")).text()
    assert "2 red alerts, somebody has each" in summary
    ward.clock.now += timedelta(seconds=5)
    text = await (await nurse.post(f"/alerts/{number}/undo?row", htmx=True)).text()
    assert "Nobody yet" in text
    assert "Given back" in text


async def test_an_undo_that_comes_too_late_says_so_and_changes_nothing(ward: Ward, nurse: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    await nurse.post(f"/alerts/{number}/acknowledge?row", htmx=True)
    ward.clock.now += timedelta(seconds=11)
    text = await (await nurse.post(f"/alerts/{number}/undo?row", htmx=True)).text()
    assert "no longer possible" in text
    assert "You, since 03:12" in text


async def test_what_somebody_else_has_is_not_taken_from_them(ward: Ward, nurse: Visitor) -> None:
    text = await (await nurse.post(f"/alerts/{await ward.alert_of('Bengt')}/acknowledge?row", htmx=True)).text()
    assert "K.L. already has it" in text
    assert "K.L., since 02:35" in text


async def test_without_a_script_acknowledging_is_a_page(ward: Ward, nurse: Visitor) -> None:
    number = await ward.alert_of("Astrid")
    answer = await nurse.post(f"/alerts/{number}/acknowledge")
    assert (answer.status, answer.headers["Location"]) == (303, f"/alerts/{number}")
    text = await (await nurse.get(f"/alerts/{number}")).text()
    assert "Red, You" in text


async def test_resolving_needs_an_outcome_and_for_a_red_a_note_and_keeps_what_was_typed(
    ward: Ward, nurse: Visitor
) -> None:
    number = await ward.alert_of("Astrid")
    answer = await nurse.post(f"/alerts/{number}/resolve", note="typed before")
    assert answer.status == 422
    assert "Choose what it was" in (text := await answer.text())
    assert "typed before" in text
    answer = await nurse.post(f"/alerts/{number}/resolve", outcome="true", note=" ")
    assert (answer.status, "Write a note" in await answer.text()) == (422, True)
    answer = await nurse.post(f"/alerts/{number}/resolve", outcome="true", note="x" * 2001)
    assert (answer.status, "2001" in await answer.text()) == (422, True)
    answer = await nurse.post(f"/alerts/{number}/resolve", outcome="true", note="Second reading <in> range.")
    assert answer.status == 303
    async with ward.records.read() as unit:
        alert = await unit.alerts.get(number)
        event = await unit.alerts.last_event(number, Happened.RESOLVED)
    assert alert is not None
    assert event is not None
    assert (alert.state, alert.outcome, event.note) == (AlertState.RESOLVED, Outcome.TRUE, "Second reading <in> range.")
    text = await (await nurse.get(f"/alerts/{number}")).text()
    assert "Second reading &lt;in&gt; range." in text
    answer = await nurse.post(f"/alerts/{number}/resolve", outcome="true", note="again")
    assert (answer.status, "no longer possible" in await answer.text()) == (409, True)


async def test_the_alert_says_why_in_plain_words(ward: Ward, nurse: Visitor) -> None:
    text = await (await nurse.get(f"/alerts/{await ward.alert_of('Astrid')}")).text()
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)).replace("\u00a0", " ")
    assert "Systolic 186 mmHg is 6 mmHg over the red limit of 180 mmHg. One reading is enough for red." in plain
    assert "Diastolic 112 mmHg is 17 mmHg over the yellow limit of 95 mmHg. The red limit is 120 mmHg." in plain
    assert "Plan version 2, set 18 Nov by Doctor M.R." in plain
    assert "2 alerts like this in 90 days" in plain


async def test_a_search_leaves_no_name_in_an_address(nurse: Visitor) -> None:
    answer = await nurse.post("/worklist", find="ast")
    text = await answer.text()
    assert answer.status == 200
    assert "Astrid" in text
    assert "Bengt" not in text
    text = await (await nurse.post("/worklist", find="nobody <b>")).text()
    assert "No patient fits “nobody &lt;b&gt;”" in text


async def test_what_is_new_waits_and_is_counted(ward: Ward, nurse: Visitor) -> None:
    page = await (await nurse.get("/worklist")).text()
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    assert seen is not None
    address = f"/worklist/summary?seen={seen.group(1)}&since=2026-11-22T02:12:00%2B00:00&show=all"
    assert 'data-count="0"' in await (await nurse.get(address)).text()
    await ward.arrive("Maja", pressure(ward.clock.now, 191, 101))
    text = await (await nurse.get(address)).text()
    assert 'data-count="1"' in text
    assert "1 new since 03:12:" in text
    assert "red, Maja, blood pressure." in text
    assert "2 red alerts have nobody yet" in text
    line = await (await nurse.get(f"/worklist/rows/{ward.patient_id('Maja')}?as=line")).text()
    assert "Red now" in line


async def test_live_events_tell_what_to_fetch_and_only_of_ones_own(ward: Ward, nurse: Visitor) -> None:
    answer = await nurse.get("/live", headers={"Accept": "text/event-stream"})
    assert answer.content_type == "text/event-stream"

    async def until(name: str) -> list[str]:
        lines = []
        while True:
            line = (await answer.content.readline()).decode().strip()
            if line:
                lines.append(line)
            if line == f"event: {name}":
                return lines

    async with asyncio.timeout(10):
        await until("tick")
        await ward.arrive("Stranger", pressure(ward.clock.now, 191, 101))
        await ward.arrive("Maja", pressure(ward.clock.now, 191, 101))
        lines = await until("worklist")
    events = [line for line in lines if line.startswith("event: ")]
    assert f"event: patient-{ward.patient_id('Maja')}" in events
    assert not any(str(ward.patient_id("Stranger")) in line for line in lines)
    assert not any("191/101" in line or "Maja" in line for line in lines)
    answer.close()


async def test_a_store_that_is_away_is_said_and_nothing_else_breaks(ward: Ward, nurse: Visitor) -> None:
    ward.readings.available = False
    answer = await nurse.get("/worklist")
    text = await answer.text()
    assert answer.status == 503
    assert "The store did not answer" in text
    assert re.search(r"Reference [0-9A-F]{6}", text)
    ward.readings.available = True
    assert (await nurse.get("/worklist")).status == 200


async def test_a_row_that_is_still_right_is_not_sent_again(ward: Ward, nurse: Visitor) -> None:
    page = await (await nurse.get("/worklist")).text()
    addresses = [address.replace("&amp;", "&") for address in re.findall(r'hx-get="(/worklist/rows/[^"]+)"', page)]
    assert len(addresses) > 10
    assert {(await nurse.get(address)).status for address in addresses} == {204}
    await ward.actions.acknowledge(await ward.alert_of("Astrid"), ward.users["second"])
    assert (await nurse.get(addresses[0])).status == 200
