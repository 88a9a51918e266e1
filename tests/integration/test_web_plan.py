"""A plan in the browser, without scripts: shown, tried, saved, undone, refused at its field, and only for the team."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from aiohttp import ClientResponse

from hearthline_backend.domain.plan_wish import PlanWish
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level, ThresholdRule
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.web import ward_backtests
from tests.browser.ward import Ward, named, reading
from tests.browser.ward_filling import open_ward
from tests.integration.web_visitor import Visitor, visitor

HIGH = "hypertension.pressure_high"
RED, YELLOW = f"limit/{HIGH}/red/systolic", f"limit/{HIGH}/yellow/systolic"


class Form:
    """The fields of the page's form as a browser would post them, and how a person changes them."""

    def __init__(self, page: str) -> None:
        inside = page[page.index('<form class="stack" id="plan-form"') :]
        inside = inside[: inside.index("</form>")]
        self.pairs: list[tuple[str, str]] = []
        for match in re.finditer(r"<input ([^>]*)>|<textarea ([^>]*)>([^<]*)</textarea>", inside):
            attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', match[1] or match[2]))
            off = attributes.get("type") in ("checkbox", "radio") and " checked" not in (match[1] or "")
            if not off and attributes["name"] != "csrf":
                value = attributes.get("value", "") if match[1] else match[3]
                self.pairs.append((unescape(attributes["name"]), unescape(value)))

    def put(self, fields: dict[str, str]) -> "Form":
        """Type into fields, by name."""
        self.pairs = [(name, value) for name, value in self.pairs if name not in fields]
        self.pairs += fields.items()
        return self

    def value(self, name: str) -> list[str]:
        return [value for one, value in self.pairs if one == name]


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


@pytest.fixture
async def nurse(ward: Ward) -> AsyncIterator[Visitor]:
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        yield client


def words(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))


async def plan_of(ward: Ward, name: str) -> tuple[Plan, ...]:
    async with ward.records.read() as unit:
        return await unit.care.plan_history(ward.patient_id(name))


async def opened(ward: Ward, nurse: Visitor, name: str = "Astrid") -> tuple[str, Form]:
    answer = await nurse.get(f"/patients/{ward.patient_id(name)}/plan")
    assert answer.status == 200
    page = await answer.text()
    return page, Form(page)


async def posted(ward: Ward, nurse: Visitor, form: Form, path: str = "", name: str = "Astrid") -> ClientResponse:
    return await nurse.post_pairs(f"/patients/{ward.patient_id(name)}/plan{path}", form.pairs)


async def followed(nurse: Visitor, page: str) -> str:
    """What the team's backtest says at its end."""
    async with asyncio.timeout(60):
        while (address := re.search(r'hx-get="(/patients/[^"]+/plan/ward/[^"]+)"', page)) is not None:
            page = await (await nurse.get(address[1])).text()
    return words(page)


async def test_the_plan_is_shown_with_its_limits_and_its_history(ward: Ward, nurse: Visitor) -> None:
    page, form = await opened(ward, nurse)
    assert form.value(RED) == ["180"]
    assert form.value("version") == ["2"]
    text = words(page)
    assert "Astrid’s plan, version 2 since 18 Nov" in text
    assert "mmHg, 151 to 330. Usual here: 180; empty goes back to it." in text
    assert "Personal, set by Doctor M.R., 18 Nov: Limits agreed at the visit." in text
    assert "Source: NICE NG136" in text
    assert (
        f"/patients/{ward.patient_id('Astrid')}/plan"
        in await (await nurse.get(f"/patients/{ward.patient_id('Astrid')}")).text()
    )
    async with ward.records.read() as unit:
        assert "plan" in {one.view for one in await unit.people.looks(ward.patient_id("Astrid"), 5)}


async def test_the_alert_leads_to_how_often_another_limit_would_have_fired(ward: Ward, nurse: Visitor) -> None:
    page = await (await nurse.get(f"/alerts/{await ward.alert_of('Astrid')}")).text()
    assert f'/plan#rule-{HIGH}"' in page
    assert f'id="rule-{HIGH}"' in (await opened(ward, nurse))[0]


async def test_a_post_without_a_change_has_nothing_to_compare(ward: Ward, nurse: Visitor) -> None:
    _page, form = await opened(ward, nurse)
    answer = await posted(ward, nurse, form, "/preview")
    assert answer.status == 200
    assert "Nothing is different from version 2" in await answer.text()
    answer = await posted(ward, nurse, form.put({"reason": "none"}))
    assert answer.status == 422
    assert "Nothing is different from version 2: change something first." in await answer.text()


async def test_a_preview_puts_both_plans_side_by_side_and_saves_nothing(ward: Ward, nurse: Visitor) -> None:
    _page, form = await opened(ward, nurse)
    answer = await posted(ward, nurse, form.put({RED: "160", YELLOW: "140"}), "/preview")
    assert answer.status == 200
    page = await answer.text()
    text = words(page)
    found = re.search(r"It would have fired (\d+) times in the last 90 days; as the plan is now, (\d+) times?\.", text)
    assert found is not None
    assert int(found[1]) > int(found[2]) > 0
    assert "Blood pressure, too high: red limit, systolic 180 to 160 mmHg." in text
    assert "alerts per patient-week instead of" in text
    assert f"With the change: {found[1]} times" in text
    assert page.count('href="#m-red" x="-7"') + page.count('href="#m-yellow" x="-7"') == int(found[1]) + int(found[2])
    assert Form(page).value(RED) == ["160"]
    assert len(await plan_of(ward, "Astrid")) == 2


async def test_a_change_is_saved_and_the_undo_takes_it_back(ward: Ward, nurse: Visitor) -> None:
    _page, form = await opened(ward, nurse)
    form.put({RED: "170", YELLOW: "140", "reason": "Dizzy at 170."})
    answer = await posted(ward, nurse, form)
    assert (answer.status, answer.headers["Location"].rpartition("/")[2]) == (303, "plan?saved=3")
    page = await (await nurse.get(answer.headers["Location"])).text()
    text = words(page)
    assert "Saved. Version 3 holds from now on." in text
    assert "Version 3, Nurse E.S. Dizzy at 170." in text
    assert "Personal, set by Nurse E.S., Today: Dizzy at 170." in text
    saved = (await plan_of(ward, "Astrid"))[-1]
    assert (saved.version, saved.author, saved.reason) == (3, "Nurse E.S.", "Dizzy at 170.")
    undo = re.search(r'action="([^"]+/plan/undo\?version=3)"', page)
    assert undo is not None
    answer = await nurse.post(undo[1])
    assert answer.status == 303
    assert "Taken back. Version 4 is as it was before." in await (await nurse.get(answer.headers["Location"])).text()
    second, _third, fourth = (await plan_of(ward, "Astrid"))[-3:]
    assert fourth.rules == second.rules
    assert (await nurse.post(undo[1])).status == 409


async def test_an_emptied_field_goes_back_to_the_template(ward: Ward, nurse: Visitor) -> None:
    _page, form = await opened(ward, nurse)
    assert (await posted(ward, nurse, form.put({YELLOW: "", "reason": "as usual"}))).status == 303
    rule = (await plan_of(ward, "Astrid"))[-1].rule(HIGH)
    assert isinstance(rule, ThresholdRule)
    limit = next(one for one in rule.limits(Level.YELLOW) if one.field == "systolic")
    assert (limit.value, limit.personal) == (160, False)


async def test_what_is_not_possible_is_said_at_its_field(ward: Ward, nurse: Visitor) -> None:
    for fields, said in (
        ({RED: "18"}, "18 mmHg is not possible here. Enter 151 to 330."),
        ({RED: "high"}, "high is no number. Enter one in mmHg, such as 180."),
        ({YELLOW: "190"}, "190 mmHg is not possible here. Enter 20 to 179."),
        ({RED: "140", YELLOW: "145"}, "140 mmHg is not possible here. Enter 146 to 330."),
        ({RED: "1e9"}, "1e9 is no number."),
        ({"oxygen/low": "88"}, "Enter whole per cent, 80 to 100, such as 88, or empty all of the oxygen target."),
        ({"oxygen/low": "92", "oxygen/high": "88", "oxygen/source": "clinic"}, "88 % does not lie above 92 %."),
        ({"oxygen/low": "88", "oxygen/high": "92"}, "Write who says so, or empty the range."),
        ({"reason": ""}, "Write why, in up to 300 characters."),
        ({"reason": "x" * 301}, "Write why, in up to 300 characters."),
    ):
        _page, form = await opened(ward, nurse)
        answer = await posted(ward, nurse, form.put({"reason": "a reason", **fields}))
        page = await answer.text()
        assert answer.status == 422
        assert said in words(page).replace("\u00a0", " ")
        wrong = re.search(r'id="problem".*?<a href="#([^"]+)">', page, re.DOTALL)
        assert wrong is not None
        assert f'id="{wrong[1]}"' in page
        assert f'id="{wrong[1]}-wrong"' in page
        for name, value in fields.items():
            assert Form(page).value(name) == [value]
    assert len(await plan_of(ward, "Astrid")) == 2


async def test_a_condition_more_brings_its_fields_with_the_preview(ward: Ward, nurse: Visitor) -> None:
    _page, form = await opened(ward, nurse)
    assert not form.value("limit/copd.oxygen_low/red/spo2")
    form.pairs.append(("condition", "copd"))
    page = await (await posted(ward, nurse, form, "/preview")).text()
    assert "COPD added." in page
    second = Form(page)
    assert second.value("limit/copd.temperature_high/yellow/temperature") == ["38.1"]
    second.put({"limit/copd.temperature_high/yellow/temperature": "38,5", "reason": "New diagnosis."})
    assert (await posted(ward, nurse, second)).status == 303
    saved = (await plan_of(ward, "Astrid"))[-1]
    assert saved.conditions == ("hypertension", "copd")
    rule = saved.rule("copd.temperature_high")
    assert isinstance(rule, ThresholdRule)
    assert [(one.value, one.clears) for one in rule.yellow] == [(38.5, 38.2)]


async def test_a_conflict_is_decided_with_a_reason(ward: Ward, nurse: Visitor) -> None:
    now, olav = ward.clock.now, ward.patient_id("Olav")
    plan = build_plan(
        patient_id=olav,
        version=9,
        valid_from=now - timedelta(days=30),
        conditions=["hypertension", "heart_failure"],
        reason="two conditions",
    )
    async with ward.records.begin() as unit:
        await unit.care.add_plan(plan, created_at=now)
    conflict = next(one for one in plan.adjusted.conflicts if one.open)
    page, form = await opened(ward, nurse, "Olav")
    assert "Nobody has decided yet" in page
    assert form.value(f"decide/{conflict.subject}") == [""]
    chosen = conflict.stakes[1].rule_id
    form.put({f"decide/{conflict.subject}": chosen, f"why/{conflict.subject}": "Weak heart.", "reason": "The visit."})
    assert (await posted(ward, nurse, form, name="Olav")).status == 303
    saved = (await plan_of(ward, "Olav"))[-1]
    assert [(one.rule_id, one.author, one.reason) for one in saved.adjusted.decisions] == [
        (chosen, "Nurse E.S.", "Weak heart.")
    ]


async def test_the_times_and_the_oxygen_target_are_kept(ward: Ward, nurse: Visitor) -> None:
    _page, form = await opened(ward, nurse)
    form.pairs.remove(("slot", "blood_pressure/evening"))
    form.put({"oxygen/low": "88", "oxygen/high": "92", "oxygen/source": "Lung clinic.", "reason": "Letter."})
    assert (await posted(ward, nurse, form)).status == 303
    saved = (await plan_of(ward, "Astrid"))[-1]
    assert [slot.name for slot in saved.slots if slot.kind == "blood_pressure"] == ["morning"]
    target = PlanWish.of(saved).oxygen_target
    assert target is not None
    assert (target.low, target.high, target.source, target.author) == (88, 92, "Lung clinic.", "Nurse E.S.")


async def test_who_comes_second_sees_the_new_version_and_keeps_the_reason(ward: Ward, nurse: Visitor) -> None:
    _page, form = await opened(ward, nurse)
    async with visitor(ward) as other:
        await other.sign_in("second")
        _page, theirs = await opened(ward, other)
        assert (await posted(ward, other, theirs.put({RED: "175", "reason": "first"}))).status == 303
    answer = await posted(ward, nurse, form.put({RED: "170", "reason": "Mine came second."}))
    assert answer.status == 409
    page = await answer.text()
    assert "The plan has changed meanwhile: version 3 by Nurse K.L." in page
    assert Form(page).value(RED) == ["175"]
    assert Form(page).value("reason") == ["Mine came second."]
    assert len(await plan_of(ward, "Astrid")) == 3


async def test_a_ward_s_backtest_runs_beside_and_can_be_followed(ward: Ward, nurse: Visitor) -> None:
    await ward.arrive("Olav", reading("blood_pressure", ward.clock.now, systolic=165, diastolic=80))
    _page, form = await opened(ward, nurse)
    page = await (await posted(ward, nurse, form.put({RED: "160", YELLOW: "140"}), "/ward")).text()
    text = await followed(nurse, page)
    assert "patients were looked at. Nothing is saved yet." in text
    looked = re.search(r"(\d+) of (\d+) patients looked at", text)
    assert looked is not None
    assert looked[1] == looked[2]
    assert len(await plan_of(ward, "Astrid")) == 2


async def test_a_ward_s_backtest_is_its_owner_s_and_stops(ward: Ward, nurse: Visitor) -> None:
    _page, form = await opened(ward, nurse)
    page = await (await posted(ward, nurse, form.put({RED: "160"}), "/ward")).text()
    address = re.search(r"/patients/[^\"]+/plan/ward/[\w-]+", page)
    assert address is not None
    async with visitor(ward) as other:
        await other.sign_in("second")
        assert (await other.get(address[0])).status == 404
    assert (await nurse.post(f"{address[0]}/stop")).status == 303
    answer = await nurse.post(f"{address[0]}/stop", htmx=True)
    assert answer.status == 200
    assert 'hx-trigger="every 1s"' not in await answer.text()


async def test_a_ward_s_backtest_says_when_the_readings_are_away(
    ward: Ward, nurse: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_arguments: object) -> None:
        raise StoreUnavailableError("readings are not available")

    _page, form = await opened(ward, nurse)
    form.put({RED: "160"})
    page = await (await posted(ward, nurse, form, "/preview")).text()
    monkeypatch.setattr(ward_backtests, "compare", away)
    page = await (await posted(ward, nurse, form, "/ward")).text()
    text = await followed(nurse, page)
    assert "The readings could not be fetched. 0 of" in text
    assert "Alerts are not affected." in text


async def test_every_patient_s_form_says_what_the_plan_says(ward: Ward, nurse: Visitor) -> None:
    """Whatever their conditions and own rules: posting the form untouched changes nothing."""
    seen = 0
    async with ward.records.read() as unit:
        names = [one.given_name for one in await unit.care.patients(team_id=ward.team)]
    for name in names:
        if not await plan_of(ward, name):
            continue
        seen += 1
        _page, form = await opened(ward, nurse, name)
        page = await (await posted(ward, nurse, form, "/preview", name)).text()
        assert "so there is nothing to compare" in page
    assert seen > 5


async def test_a_first_plan_is_made_in_the_browser(ward: Ward, nurse: Visitor) -> None:
    ida = named("patient", "Ida")
    async with ward.records.begin() as unit:
        await unit.care.add_patient(Patient(ida, ward.team, "Ida", "Test", 1950, "Europe/Stockholm", ward.clock.now))
    assert "Make a plan" in await (await nurse.get(f"/patients/{ida}")).text()
    page, form = await opened(ward, nurse, "Ida")
    assert "Ida has no plan: nothing is judged, nobody is called" in page
    assert "Choose at least one condition" in await (await posted(ward, nurse, form, name="Ida")).text()
    form.pairs.append(("condition", "hypertension"))
    page = await (await posted(ward, nurse, form, "/preview", "Ida")).text()
    assert "High blood pressure added." in page
    assert "Save as version 1" in page
    assert (await posted(ward, nurse, Form(page).put({"reason": "Enrolled."}), name="Ida")).status == 303
    (saved,) = await plan_of(ward, "Ida")
    assert (saved.version, saved.author, saved.conditions) == (1, "Nurse E.S.", ("hypertension",))


async def test_only_the_team_s_care_role_gets_to_a_plan(ward: Ward) -> None:
    path = f"/patients/{ward.patient_id('Astrid')}/plan"
    for login, status in (("stranger", 404), ("technician", 403), ("patient", 403)):
        async with visitor(ward) as client:
            await client.sign_in(login)
            assert (await client.get(path)).status == status
            for post in ("", "/preview", "/ward", "/undo?version=2"):
                assert (await client.post(path + post, version="2", reason="r")).status == status
    assert len(await plan_of(ward, "Astrid")) == 2
