"""The care team's indicators: a view and a download, from the ward's own alerts and readings."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hearthline_backend.domain.indicators import AlertFact, ReportFact
from hearthline_backend.storage.records.indicators import IndicatorFacts
from hearthline_backend.storage.report_tables import reports
from hearthline_backend.storage.schema import alert_events, alerts
from tests.browser.ward import Ward
from tests.browser.ward_filling import open_ward
from tests.fixtures.records import NOW, Engine, Household, seed, temporary_records
from tests.integration.web_visitor import visitor


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


async def test_view_and_csv_say_the_same_and_name_nobody(ward: Ward) -> None:
    async with visitor(ward) as nurse:
        await nurse.sign_in("nurse")
        shown = await nurse.get("/indicators")
        text = await shown.text()
        assert shown.status == 200, text
        async with ward.records.read() as unit:
            names = {one.family_name for one in await unit.care.patients(team_id=ward.team)}
        download = await nurse.get("/indicators.csv")
        table = await download.text()
        assert (download.status, download.content_type) == (200, "text/csv"), table
    rows = list(csv.DictReader(io.StringIO(table)))
    by_name = {row["indicator"]: row for row in rows if not row["hour"]}
    assert int(by_name["alerts_per_patient_week"]["part"]) > 0
    assert 0 < int(by_name["adherence"]["part"]) <= int(by_name["adherence"]["whole"])
    adherence = by_name["adherence"]
    assert f"{adherence['part']} of {adherence['whole']}" in text.replace(",", "")
    assert not any(name in table or name in text for name in names)
    assert (by_name["reports_per_patient_week"]["part"], by_name["reports_in_time"]["whole"]) == ("1", "1")
    assert "Median time to confirm a report" in text


async def test_a_technician_sees_none_of_it(ward: Ward) -> None:
    async with visitor(ward) as technician:
        await technician.sign_in("technician")
        assert (await technician.get("/indicators")).status == 403
        assert (await technician.get("/indicators.csv")).status == 403


async def test_the_facts_of_alerts_on_either_engine(tmp_path: Path, records_engine: Engine) -> None:
    home = Household()
    opened, minute = NOW - timedelta(days=1), timedelta(minutes=1)
    taken = [("acknowledged", 9), ("escalated", 5), ("escalated", 2), ("acknowledged", 30)]
    wanted = [("resolved", "true", taken), ("open", None, []), ("withdrawn", None, []), ("resolved", "known", [])]
    async with temporary_records(tmp_path, records_engine) as records:
        async with records.begin() as unit:
            await seed(unit, home)
            for number, (state, outcome, history) in enumerate(wanted):
                row = {
                    "patient_id": home.patient,
                    "rule_id": "a rule",
                    "episode": uuid4(),
                    "kind": "blood_pressure",
                    "level": "red",
                    "state": state,
                    "outcome": outcome,
                    "cleared": False,
                    "review": False,
                    "plan_version": 1,
                    "opened_at": opened + number * minute,
                    "effective_time": opened,
                    "last_effective_time": opened,
                    "worst_reading": uuid4(),
                }
                made = await unit.connection.execute(alerts.insert().values(**row))
                (key,) = made.inserted_primary_key or (0,)
                for what, after in history:
                    told: dict[str, Any] = {"alert_id": key, "at": opened + after * minute, "what": what, "detail": {}}
                    await unit.connection.execute(alert_events.insert().values(**told))
        async with records.read() as unit:
            facts = await IndicatorFacts(unit.connection).alerts([home.patient], NOW - timedelta(days=28), NOW)
            assert await IndicatorFacts(unit.connection).alerts([home.patient], NOW, NOW + minute) == []
    assert facts == [
        AlertFact(opened, opened + 9 * minute, opened + 2 * minute, true=True),
        AlertFact(opened + minute),
        AlertFact(opened + 3 * minute),
    ]


async def test_the_facts_of_reports_on_either_engine(tmp_path: Path, records_engine: Engine) -> None:
    home, hour = Household(), timedelta(hours=1)
    made = NOW - timedelta(days=2)
    wanted = [(made, 2 * hour, None), (made + hour, None, None), (made + 2 * hour, hour, hour)]  # the last withdrawn
    async with temporary_records(tmp_path, records_engine) as records:
        async with records.begin() as unit:
            await seed(unit, home)
            for number, (at, confirmed, withdrawn) in enumerate(wanted, 1):
                row = {
                    "patient_id": home.patient,
                    "number": number,
                    "content": {},
                    "calling": {},
                    "made_at": at,
                    "confirm_by": at + 4 * hour,
                    "confirmed_at": None if confirmed is None else at + confirmed,
                    "withdrawn_at": None if withdrawn is None else at + withdrawn,
                }
                await unit.connection.execute(reports.insert().values(**row))
        async with records.read() as unit:
            facts = IndicatorFacts(unit.connection)
            found = await facts.reports([home.patient], NOW - timedelta(days=28), NOW)
            assert await facts.reports([home.patient], made + timedelta(seconds=1), made + hour) == []
            assert await facts.reports([uuid4()], NOW - timedelta(days=28), NOW) == []
    assert found == [
        ReportFact(made, made + 4 * hour, made + 2 * hour),
        ReportFact(made + hour, made + 5 * hour),
    ]
