"""Rules that look at more than one reading, as a nurse sees them: in the list, in the alert and in the plan."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from hearthline_backend.domain.change_rule import Change, ChangeRule
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.score_rule import ScoreRule
from tests.browser.ward import Ward, reading
from tests.browser.ward_filling import open_ward
from tests.fixtures.records import Engine
from tests.integration.web_visitor import Visitor, visitor

RULES = (
    ChangeRule(
        "heart.weight_up",
        "body_weight",
        "weight",
        "rises",
        (),
        (Change(2, "kg", timedelta(days=3, hours=12)),),
        "guideline",
        "Ask about breath and swelling.",
    ),
    ScoreRule("news2", "RCP 2017", "Ask how they are.", red_from=7, yellow_from=5, yellow_single=None),
)


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ward]:
    """A filled ward; Olav has a plan with other kinds of rules, and has gained weight."""
    async with open_ward(tmp_path, records_engine) as opened:
        now = opened.clock.now
        since = now - timedelta(days=30)
        async with opened.records.begin() as unit:
            plan = Plan(opened.patient_id("Olav"), 9, since, ("heart_failure",), RULES, (), "Agreed at the visit.")
            await unit.care.add_plan(plan, created_at=since)
        for days, kg in ((3, 80.1), (2, 80.9), (0.01, 82.4)):
            await opened.arrive("Olav", reading("body_weight", now - timedelta(days=days), weight=kg))
        yield opened


@pytest.fixture
async def nurse(ward: Ward) -> AsyncIterator[Visitor]:
    """The nurse on call, signed in."""
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        yield client


async def plain(nurse: Visitor, path: str) -> str:
    """The words of a view."""
    answer = await nurse.get(path)
    assert answer.status == 200
    text = unescape(re.sub(r"<[^>]+>", " ", await answer.text()))
    return re.sub(r"\s+", " ", text)


async def test_the_alert_says_from_where_the_weight_has_risen(ward: Ward, nurse: Visitor) -> None:
    text = await plain(nurse, f"/alerts/{await ward.alert_of('Olav')}")
    assert "Olav’s weight is rising fast" in text
    assert "Weight is up by 2.3 kg within 3 d 12 h, from 80.1 kg. Yellow limit: 2 kg." in text
    assert "Ask about breath and swelling." in text


async def test_the_row_in_the_list_says_when_the_rule_fires(nurse: Visitor) -> None:
    assert "Weight up by 2 kg or more within 3 d 12 h: yellow." in await plain(nurse, "/worklist")


async def test_the_plan_is_told_with_every_rule(ward: Ward, nurse: Visitor) -> None:
    text = await plain(nurse, f"/patients/{ward.patient_id('Olav')}")
    assert "Weight up by 2 kg or more within 3 d 12 h: yellow." in text
    assert "Early warning score" in text
    assert "NEWS2 of 7 or more: red." in text
    assert "the score is partial, at least this much." in text


async def test_what_did_not_fire_is_told_with_its_own_numbers(ward: Ward, nurse: Visitor) -> None:
    text = await plain(nurse, f"/alerts/{await ward.alert_of('Astrid')}")
    assert "The average of blood pressure did not fire. Fewer than 4 complete days of the last 7" in text
