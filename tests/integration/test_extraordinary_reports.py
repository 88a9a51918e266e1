"""From green to yellow: one report each, kept as it was, confirmed by a person, called for until then."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from hearthline_backend.alerting.call_texts import body, subject
from hearthline_backend.alerting.channels import DeliveryError
from hearthline_backend.alerting.clock_set_back import ClockSetBack
from hearthline_backend.alerting.digest import counted
from hearthline_backend.alerting.links import ReportLinks
from hearthline_backend.alerting.report_calls import ReportCalls
from hearthline_backend.alerting.report_confirming import (
    AlreadyConfirmedError,
    ReportConfirmations,
    ReportNotFoundError,
)
from hearthline_backend.cli import app
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.ports import PatientReading, Place
from hearthline_backend.storage.records.alerts import AlertState, Outcome
from hearthline_backend.storage.records.notices import NoticeKind
from hearthline_backend.storage.records.report_content import ReportContent
from hearthline_backend.storage.records.reports import Report, ReportHappened
from hearthline_protocol.readings import Reading
from tests.fixtures.records import Engine
from tests.fixtures.timeline import Timeline, timeline

LINKS = ReportLinks(b"a key of the links of this test")


@pytest.fixture
async def line(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Timeline]:
    """A Monday. A nurse by day and one by night, a second on call, and who is called at last; 4 hours to confirm."""
    async with timeline(tmp_path, records_engine) as made:
        for initials in ("DA", "NI", "SE"):
            await made.person(initials)
        await made.person("LR", "webhook", title="Head")
        await made.rota(
            [("daily 08:00", "DA"), ("daily 20:00", "NI")],
            [("Mon 08:00", "SE")],
            last_resort="LR",
            quiet=[(None, "22:00", "07:00")],
        )
        clinic = made.clinic
        calls = ReportCalls(clinic.records, path=LINKS.path, clock=clinic.clock, events=clinic.events)
        made.jobs.append(calls.run_due)
        made.report_calls = True
        yield made


async def reports(line: Timeline) -> tuple[Report, ...]:
    async with line.clinic.records.read() as unit:
        return await unit.reports.of_patient(line.clinic.patient, 20)


async def only(line: Timeline) -> Report:
    (report,) = await reports(line)
    return report


async def said(line: Timeline, report: Report) -> ReportContent:
    async with line.clinic.records.read() as unit:
        return await unit.reports.content(report.id)


async def history(line: Timeline, report: Report) -> list[ReportHappened]:
    async with line.clinic.records.read() as unit:
        return [one.what for one in await unit.reports.events(report.id)]


def yellow(line: Timeline, initials: str, when: str) -> None:
    """The alert's own call, which is the first that somebody hears of the report."""
    line.expect(initials, when, f"{when[:-1]}{int(when[-1]) + 1}", level=Level.YELLOW, occasion="raised")


async def test_a_report_holds_the_evidence_and_three_days_and_is_told_of_in_the_alerts_own_call(line: Timeline) -> None:
    line.green("+1 09:00")
    line.yellow("+1 10:00")
    yellow(line, "DA", "+1 10:00")
    line.confirm("+1 11:00", "DA")
    await line.run("+1 20:00")
    report, (call,) = await only(line), line.calls
    assert call.message.confirm_by == report.confirm_by == line.moment("+1 14:00")
    mail = body(call.message)
    assert "A report comes with it: read it and confirm it by 14:00." in mail
    assert not re.search(r"Ana|Test|16\d|pressure", mail)
    content, alert = await said(line, report), await line.clinic.alert()
    (evidence,) = content.evidence
    assert (evidence.alert, evidence.rule, evidence.level) == (alert.id, alert.rule_id, Level.YELLOW)
    assert [one["fired"] for one in evidence.evaluations][-1]
    assert evidence.policy["call"] == "yellow"
    pressures = next(one for one in content.kinds if one.kind == "blood_pressure")
    systolic = next(one for one in pressures.fields if one.field == "systolic")
    assert (pressures.readings, systolic.low, systolic.high, systolic.last) == (4, 127, 166, 166)
    assert len(content.readings) == 4
    assert content.addressed == (line.people["DA"].id, line.people["SE"].id)
    assert await history(line, report) == [ReportHappened.MADE, ReportHappened.CONFIRMED]


async def test_what_nobody_confirms_goes_through_the_steps_to_the_last_resort_and_begins_again(line: Timeline) -> None:
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    line.acknowledge("09:10", "DA")  # taking the alert is not reading the report
    for to, at, occasion in (
        ("DA", "13:00", "escalated"),
        ("SE", "13:15", "escalated"),
        ("LR", "13:30", "last_resort"),
        ("DA", "17:30", "escalated"),
    ):
        line.expect(to, at, f"{at[:-1]}1" if at[-1] == "0" else f"{at[:-1]}6", level=Level.YELLOW, occasion=occasion)
    line.confirm("17:40", "SE")
    await line.run("+1 06:00")
    report = await only(line)
    assert (report.confirmed_by, report.waiting, report.due_at) == (line.people["SE"].id, False, None)
    ours = [call.message for call in line.calls if call.message.notice is NoticeKind.REPORT]
    assert len(ours) == 4
    assert {LINKS.report_of(one.link.rpartition("/")[2]) for one in ours} == {report.id}
    texts = "".join(f"{subject(one)}{body(one)}" for one in ours)
    assert "nobody has confirmed the report about it" in texts
    assert "needs you. Nobody else has confirmed it." in texts
    assert not re.search(rf"Ana|Test|16\d|pressure|{line.clinic.patient}", texts)


async def own_time(line: Timeline, confirm: timedelta) -> None:
    """The same rota, with the team's own time to confirm."""
    await line.rota([("daily 08:00", "DA"), ("daily 20:00", "NI")], [("Mon 08:00", "SE")], last_resort="LR",
                    quiet=[(None, "22:00", "07:00")], confirm=confirm)  # fmt: skip


async def test_a_teams_own_time_to_confirm_goes_before_the_sites_and_is_the_wait_between_rounds(line: Timeline) -> None:
    await own_time(line, timedelta(hours=1))
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    line.acknowledge("09:10", "DA")
    rounds = (("DA", "10:00"), ("SE", "10:15"), ("LR", "10:30"), ("DA", "11:30"))
    for to, at in rounds:
        occasion = "last_resort" if to == "LR" else "escalated"
        line.expect(to, at, f"{at[:-1]}{int(at[-1]) + 1}", level=Level.YELLOW, occasion=occasion)
    line.confirm("11:40", "SE")
    await line.run("12:00")
    assert (await only(line)).confirm_by == line.moment("10:00")
    assert line.calls[0].message.confirm_by == line.moment("10:00")


async def test_a_team_that_gives_days_is_not_taken_for_a_clock_that_ran_ahead(line: Timeline) -> None:
    await own_time(line, timedelta(days=2))
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    await line.run("09:10")
    due = (await only(line)).due_at
    assert due == line.moment("+3 12:00"), "two days and the three nights between them"
    clinic = line.clinic
    await ClockSetBack(clinic.records, clock=clinic.clock).run_due()
    assert (await only(line)).due_at == due
    clinic.clock.now -= timedelta(days=20)
    await ClockSetBack(clinic.records, clock=clinic.clock).run_due()
    assert (await only(line)).due_at == due + timedelta(minutes=10) - timedelta(days=20)


async def test_quiet_hours_do_not_count_and_nobody_is_called_in_them(line: Timeline) -> None:
    line.yellow("20:30")
    yellow(line, "NI", "20:30")
    line.expect("DA", "+1 09:30", "+1 09:31", level=Level.YELLOW, occasion="escalated")
    line.confirm("+1 09:40", "DA")
    await line.run("+1 12:00")
    assert (await only(line)).confirm_by == line.moment("+1 09:30")


async def test_a_yellow_of_the_night_has_its_report_at_once_and_its_call_in_the_morning(line: Timeline) -> None:
    line.yellow("23:00")
    line.expect("NI", "+1 07:00", "+1 07:01", level=Level.YELLOW, occasion="raised")
    line.confirm("+1 07:10", "NI", take=True)
    await line.run("+1 12:00")
    report = await only(line)
    assert (report.made_at, report.confirm_by) == (line.moment("23:00"), line.moment("+1 11:00"))
    assert (await line.clinic.alert()).owner_id == line.people["NI"].id


async def test_one_word_takes_the_alert_and_confirms_the_report(line: Timeline) -> None:
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    line.confirm("09:05", "SE", take=True)
    await line.run("15:00")
    alert, report = await line.clinic.alert(), await only(line)
    assert (alert.state, alert.owner_id) == (AlertState.ACKNOWLEDGED, line.people["SE"].id)
    assert report.confirmed_at == line.moment("09:05")


async def test_a_red_takes_the_calls_over_and_the_report_says_so(line: Timeline) -> None:
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    line.red("12:59")
    line.expect("DA", "12:59", "13:00", occasion="worsened")
    line.acknowledge("13:01", "DA")
    line.at("13:10", lambda: _resolved(line))
    await line.run("20:00")
    report = await only(line)
    assert report.waiting
    assert (report.superseded_by, report.due_at) == ((await line.clinic.alert()).id, None)
    assert await history(line, report) == [ReportHappened.MADE, ReportHappened.SUPERSEDED]


async def _resolved(line: Timeline) -> None:
    alert = await line.clinic.alert()
    await line.clinic.actions.resolve(alert.id, line.people["DA"], Outcome.TRUE, "Went there.")


async def test_a_red_that_did_not_hold_gives_the_calls_back(line: Timeline) -> None:
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    line.red("12:30")
    line.expect("DA", "12:30", "12:31", occasion="worsened")
    line.acknowledge("12:31", "DA")
    line.at("12:40", lambda: _newest_in_error(line))
    line.expect("DA", "13:00", "13:01", level=Level.YELLOW, occasion="escalated")
    line.confirm("13:05", "DA")
    await line.run("15:00")
    report = await only(line)
    assert report.superseded_by is None
    happened = [one for one in await history(line, report) if one is not ReportHappened.CALLED]
    assert happened == [
        ReportHappened.MADE,
        ReportHappened.SUPERSEDED,
        ReportHappened.RESUMED,
        ReportHappened.ESCALATED,
        ReportHappened.CONFIRMED,
    ]


async def _newest_in_error(line: Timeline) -> None:
    clinic = line.clinic
    latest = (await clinic.readings.latest([clinic.patient]))[clinic.patient]["blood_pressure"]
    await clinic.readings.move({latest.id: _aside(latest)})
    async with clinic.records.begin() as unit:
        await clinic.judge.rejudge(unit, [latest], clinic.clock.now)


async def test_the_morning_counts_reports_that_nobody_has_confirmed(line: Timeline) -> None:
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    line.at("09:30", lambda: _resolved(line))
    await line.run("10:00")
    clinic = line.clinic
    async with clinic.records.read() as unit:
        digest = await counted(unit, clinic.team, "2026-11-24", clinic.clock.now)
    assert (digest.yellow, digest.green, digest.reports, digest.all_green) == (0, 1, 1, False)
    line.confirm("10:10", "DA")
    await line.run("10:20")
    async with clinic.records.read() as unit:
        assert (await counted(unit, clinic.team, "2026-11-24", clinic.clock.now)).all_green


async def test_a_clock_that_was_set_back_puts_no_call_off(line: Timeline) -> None:
    clinic = line.clinic
    line.yellow("+300 09:00")
    yellow(line, "DA", "+300 09:00")
    await line.run("+300 09:10")
    clinic.clock.now = line.moment("10:00")
    await ClockSetBack(clinic.records, clock=clinic.clock).run_due()
    assert (await only(line)).due_at == line.moment("14:00")


def test_the_command_lists_what_nobody_has_confirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTHLINE_PROFILE", "demo")
    monkeypatch.setenv("HEARTHLINE_DATA_DIR", str(tmp_path))
    patient = asyncio.run(_one_yellow(tmp_path))
    found = CliRunner().invoke(app, ["reports", "list", "--json"])
    (row,) = json.loads(found.stdout)
    assert (row["patient"], row["number"], row["superseded_by"]) == (str(patient), 1, None)
    assert f"{patient}  report 1" in CliRunner().invoke(app, ["reports", "list"]).stdout


async def _one_yellow(folder: Path) -> UUID:
    async with timeline(folder) as line:
        line.yellow("09:00")
        await line.live(line.moment("09:10"))
        return line.clinic.patient


async def test_where_a_reading_was_corrected_its_report_is_withdrawn_and_stays(line: Timeline) -> None:
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    line.at("09:30", lambda: _all_in_error(line))
    await line.run("15:00")
    report = await only(line)
    assert report.withdrawn_at == line.moment("09:30")
    assert await history(line, report) == [ReportHappened.MADE, ReportHappened.WITHDRAWN]
    assert len((await said(line, report)).readings) == 2


async def _all_in_error(line: Timeline) -> None:
    clinic = line.clinic
    content = await said(line, await only(line))
    rows = [one.row(clinic.patient) for one in content.readings]
    await clinic.readings.move({row.id: _aside(row) for row in rows})
    async with clinic.records.begin() as unit:
        await clinic.judge.rejudge(unit, rows, clinic.clock.now)


def _aside(row: PatientReading) -> Place:
    return Place(row.patient_id, row.effective_time, aside=True)


async def test_no_second_report_while_an_alert_is_open_and_a_new_one_after_it_is_over(line: Timeline) -> None:
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    line.confirm("09:10", "DA", take=True)
    line.yellow("12:00")  # the same episode
    line.at("12:30", lambda: _resolved(line))
    await line.run("13:00")
    assert [one.number for one in await reports(line)] == [1]
    line.green("+4 09:00")
    line.yellow("+5 10:00")
    yellow(line, "DA", "+5 10:00")
    line.confirm("+5 10:10", "DA")
    await line.run("+5 16:00")
    assert [one.number for one in await reports(line)] == [2, 1]


@pytest.mark.parametrize("why", ["late", "paused", "over already", "red at once"])
async def test_what_calls_nobody_as_if_it_were_now_makes_no_report(line: Timeline, why: str) -> None:
    clinic = line.clinic

    def three(ago: float, *values: tuple[float, float]) -> list[Reading]:
        return [clinic.measured(*one, ago_min=ago + 30 - 15 * number) for number, one in enumerate(values)]

    high = ((164, 92), (166, 92), (165, 92))
    if why == "paused":
        line.pause("08:00", "+2 12:00")
    if why == "late":
        line.at("09:00", lambda: clinic.arrive(*three(300, *high)))
    elif why == "over already":
        line.at("09:00", lambda: clinic.arrive(*three(40, *high), *three(0, (127, 80), (126, 80), (125, 80))))
    elif why == "red at once":
        line.at("09:00", lambda: clinic.arrive(*three(0, *high), clinic.measured(190, 112)))
        line.expect("DA", "09:00", "09:01")
        line.acknowledge("09:05", "DA")
    else:
        line.yellow("09:00")
    await line.run("09:30")
    assert await clinic.alerts()
    assert await reports(line) == ()


async def test_duplicates_and_readings_judged_again_change_nothing(line: Timeline) -> None:
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    await line.run("09:10")
    before = await only(line), await said(line, await only(line))
    rows = [one.row(line.clinic.patient) for one in before[1].readings]
    random.Random(6).shuffle(rows)
    await line.clinic.judge_again(rows)
    await line.clinic.judge_again(rows)
    assert (await only(line), await said(line, await only(line))) == before


async def test_who_cannot_be_reached_is_passed_over_at_once(line: Timeline) -> None:
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    line.at("12:00", lambda: _refuse_mail(line))
    line.expect("LR", "13:00", "13:02", level=Level.YELLOW, occasion="last_resort")
    line.confirm("14:00", "SE")
    await line.run("16:00")
    happened = await history(line, await only(line))
    assert happened.count(ReportHappened.NOT_DELIVERED) == 2
    assert happened[-1] is ReportHappened.CONFIRMED


async def _refuse_mail(line: Timeline) -> None:
    line.refuse("mail", lambda _message: DeliveryError("no such mailbox", permanent=True))


async def test_only_the_team_confirms_and_only_the_first_one_counts(line: Timeline) -> None:
    line.yellow("09:00")
    yellow(line, "DA", "09:00")
    await line.run("09:10")
    clinic, team = line.clinic, line.people
    confirming = ReportConfirmations(clinic.records, clinic.events, clinic.clock)
    stranger = replace(team["DA"], team_id=None)
    with pytest.raises(ReportNotFoundError):
        await confirming.confirm(clinic.patient, 1, stranger)
    with pytest.raises(ReportNotFoundError):
        await confirming.confirm(clinic.patient, 2, team["DA"])
    done = await confirming.confirm(clinic.patient, 1, team["DA"], "  Called her.  ")
    clinic.clock.turn(minutes=5)
    assert (await confirming.confirm(clinic.patient, 1, team["DA"])).report == done.report
    with pytest.raises(AlreadyConfirmedError, match="DA"):
        await confirming.confirm(clinic.patient, 1, team["SE"])
    async with clinic.records.read() as unit:
        confirmed = (await unit.reports.events(done.report.id))[-1]
    assert (confirmed.initials, confirmed.note, confirmed.at + timedelta(minutes=5)) == (
        "DA",
        "Called her.",
        clinic.clock.now,
    )
