"""Who is called, when, until somebody acts: whole stories on real Records, with a clock that a test turns."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hearthline_backend.alerting.channels import DeliveryError
from hearthline_backend.domain.rotas import StandIn
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import AlertState, Happened
from tests.fixtures.records import Engine
from tests.fixtures.timeline import Timeline, timeline


@pytest.fixture
async def line(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Timeline]:
    """A Monday. Nurses by day and by night, a second on call, a doctor, and who is called at last."""
    async with timeline(tmp_path, records_engine) as made:
        for initials in ("DA", "NI", "SE", "SO"):
            await made.person(initials)
        await made.person("DR", "mail", "webhook", title="Doctor")
        await made.person("LR", "webhook", title="Head")
        yield made


async def day_and_night(line: Timeline, **more: object) -> None:
    await line.rota(
        [("daily 08:00", "DA"), ("daily 20:00", "NI")],
        [("Mon 08:00", "SE SO")],
        last_resort="LR",
        **more,  # type: ignore[arg-type]  # as given
    )


async def test_a_red_goes_through_the_order_to_the_last_resort_and_begins_again(line: Timeline) -> None:
    await day_and_night(line)
    line.red("10:00")
    line.expect("DA", "10:00", "10:01", occasion="raised")
    line.expect("SE", "10:15", "10:16", occasion="escalated")
    line.expect("LR", "10:30", "10:31", occasion="last_resort")
    line.expect("DA", "10:30", "10:31", occasion="escalated")
    line.expect("SE", "10:45", "10:46")
    line.acknowledge("10:50", "SE")
    await line.run("11:30")


async def test_a_handover_in_the_middle_passes_nobody_over(line: Timeline) -> None:
    await day_and_night(line)
    line.red("19:50")
    line.expect("DA", "19:50", "19:51", occasion="raised")
    line.expect("NI", "20:05", "20:06", occasion="escalated")  # came on call at 20:00
    line.expect("SE", "20:20", "20:21", occasion="escalated")
    line.expect("LR", "20:35", "20:36", occasion="last_resort")
    line.expect("NI", "20:35", "20:36", occasion="escalated")
    line.acknowledge("20:40", "NI")
    await line.run("21:30")


async def test_steps_name_people_titles_channels_and_waits(line: Timeline) -> None:
    steps = [("first", None, 5), ("Doctor", "webhook", 20), ("SO", None, 10)]
    await day_and_night(line, steps=steps)
    line.red("10:00")
    line.expect("DA", "10:00", "10:01")
    line.expect("DR", "10:05", "10:06", channel="webhook")
    line.expect("SO", "10:25", "10:26", channel="mail")
    line.expect("LR", "10:35", "10:36", occasion="last_resort")
    line.expect("DA", "10:35", "10:36")
    line.acknowledge("10:36", "SO")
    await line.run("11:30")


async def test_an_acknowledged_red_comes_back_and_then_goes_on_to_who_is_on_call_by_then(line: Timeline) -> None:
    await day_and_night(line)
    line.red("19:10")
    line.expect("DA", "19:10", "19:11")
    line.acknowledge("19:15", "DA")
    line.expect("DA", "20:15", "20:16", occasion="comes_back")
    line.expect("NI", "20:30", "20:31", occasion="escalated")
    line.acknowledge("20:31", "NI")
    await line.run("21:30")


async def test_a_yellow_in_quiet_hours_is_called_when_they_end_and_a_red_at_once(line: Timeline) -> None:
    await day_and_night(line, quiet=[(None, "22:00", "07:00")])
    line.yellow("23:00")
    line.expect("NI", "+1 07:00", "+1 07:01", level=Level.YELLOW, occasion="raised")
    await line.run("+1 09:00")
    line.red("+1 23:30")
    line.expect("NI", "+1 23:30", "+1 23:31", occasion="worsened")
    line.acknowledge("+1 23:31", "NI")
    await line.run("+1 23:59")


async def test_a_yellow_that_clears_in_quiet_hours_calls_nobody(line: Timeline) -> None:
    await day_and_night(line, quiet=[(None, "22:00", "07:00")])
    line.yellow("23:00")
    line.green("+1 06:00")
    await line.run("+1 09:00")
    alert = await line.clinic.alert()
    assert alert.state is AlertState.RESOLVED
    raised = next(one for one in await line.clinic.events_of(alert) if one.what is Happened.RAISED)
    reasons = [(stage["stage"], stage["reason"]) for stage in raised.detail["policy"]["stages"]]
    assert reasons[-1] == ("outside_quiet_hours", "quiet_hours")


async def test_a_persons_own_quiet_hours_come_before_the_teams(line: Timeline) -> None:
    await day_and_night(line, quiet=[(None, "22:00", "07:00"), ("NI", "01:00", "05:00")])
    line.yellow("23:00")
    line.expect("NI", "23:00", "23:01", level=Level.YELLOW)
    line.green("+1 06:00")
    await line.run("+1 06:30")
    line.yellow("+4 02:00")
    line.expect("NI", "+4 05:00", "+4 05:01", level=Level.YELLOW)
    await line.run("+4 08:30")


async def test_on_a_holiday_those_are_called_who_are_on_call_then(line: Timeline) -> None:
    await line.rota(
        [*((f"{day} 08:00", "DA") for day in ("Mon", "Tue", "Wed", "Thu", "Fri")), ("Sat 08:00", "SO")],
        last_resort="LR",
        day_begins="08:00",
    )
    await line.holiday("1", like="Sun")
    await line.holiday("2", "DR", "SE")
    line.red("+1 07:50")
    line.expect("DA", "+1 07:50", "+1 07:51")
    line.expect("SO", "+1 08:05", "+1 08:06", occasion="escalated")  # the holiday began at 08:00
    line.acknowledge("+1 08:10", "SO")
    await line.run("+1 08:20")
    line.expect("SO", "+1 09:10", "+1 09:11", occasion="comes_back")
    line.acknowledge("+1 09:11", "SO")
    line.expect("SO", "+1 10:11", "+1 10:12", occasion="comes_back")
    line.acknowledge("+1 10:12", "SO")
    await line.run("+1 11:00")


@pytest.mark.parametrize(
    ("day", "second", "third"),
    [("2027-03-28", "01:00Z", "01:15Z"), ("2026-10-25", "00:00Z", "00:15Z")],
    ids=["clocks forward", "clocks back"],
)
async def test_in_the_night_the_clocks_change_fifteen_minutes_are_fifteen_minutes(
    tmp_path: Path, records_engine: Engine, day: str, second: str, third: str
) -> None:
    async with timeline(tmp_path, records_engine, day=day) as line:
        for initials in ("AA", "BB", "CC"):
            await line.person(initials)
        await line.rota([("Sat 08:00", "AA"), ("Sun 02:30", "BB")], [("Mon 08:00", "CC")], last_resort="CC")
        first = (line.moment(second) - timedelta(minutes=15)).strftime("%H:%MZ")
        days = "-1 " if first.startswith("23") else ""
        line.at(f"{days}{first}", lambda: line.clinic.arrive(line.clinic.measured(186, 112)))
        line.expect("AA", f"{days}{first}", second)
        if day.startswith("2027-03"):  # 02:30 is no time of this night: the handover is at the change itself
            line.expect("BB", second, "01:01Z", occasion="escalated")
            line.expect("CC", third, "01:16Z", occasion="escalated")
        else:
            line.expect("CC", second, "00:01Z", occasion="escalated")
            line.expect("CC", third, "00:16Z", occasion="last_resort")
            line.expect("AA", third, "00:16Z", occasion="escalated")
            line.expect("BB", "00:30Z", "00:31Z", occasion="escalated")  # the first 02:30 of two
            line.expect("CC", "00:45Z", "00:46Z", occasion="escalated")
        line.acknowledge("01:16Z" if day.startswith("2027-03") else "00:46Z", "CC")
        await line.run("01:30Z")


async def test_with_everybody_out_of_reach_the_last_resort_is_called_within_minutes_and_tries_go_on(
    line: Timeline,
) -> None:
    await day_and_night(line)
    line.refuse("mail", lambda _message: DeliveryError("no such mailbox", permanent=True))
    line.red("10:00")
    line.expect("LR", "10:00", "10:02", occasion="last_resort")
    line.acknowledge("10:14", "LR")
    await line.run("10:40")
    alert = await line.clinic.alert()
    happened = await line.clinic.happened(alert)
    assert happened.count(Happened.LAST_RESORT) == 1
    assert happened.count(Happened.NOT_DELIVERED) >= 2


async def test_with_nobody_on_call_the_last_resort_is_called_every_quarter_of_an_hour_until_somebody_is(
    line: Timeline,
) -> None:
    await line.rota([("Mon 08:00", "DA")], last_resort="LR")
    await line.holiday("0", "NI")
    line.at("09:00", lambda: _away(line, "NI"))
    line.red("10:00")
    for quarter in ("10:00", "10:15", "10:30"):
        line.expect("LR", quarter, f"{quarter[:3]}{int(quarter[3:]) + 1:02}", occasion="last_resort")
    line.at("10:40", lambda: _back(line))
    line.expect("NI", "10:40", "10:42", occasion="raised")
    line.acknowledge("10:45", "NI")
    await line.run("11:30")
    happened = await line.clinic.happened(await line.clinic.alert())
    assert happened.count(Happened.NOBODY_ON_CALL) == 1


async def _away(line: Timeline, initials: str) -> None:
    now = line.clinic.clock.now
    away = StandIn(line.people[initials].id, None, now, now + timedelta(hours=12))
    async with line.clinic.records.begin() as unit:
        await unit.rotas.add_stand_in(line.clinic.team, away, "ill", created_at=now)


async def _back(line: Timeline) -> None:
    async with line.clinic.records.begin() as unit:
        (stand_in,) = await unit.rotas.stand_ins(line.clinic.team, line.clinic.clock.now)
        await unit.rotas.remove_stand_in(line.clinic.team, stand_in.id, line.clinic.clock.now)


async def test_a_yellow_that_reaches_nobody_on_call_goes_to_the_last_resort_once(line: Timeline) -> None:
    await day_and_night(line)
    line.refuse("mail", lambda _message: DeliveryError("no such mailbox", permanent=True))
    line.yellow("10:00")
    line.expect("LR", "10:00", "10:02", level=Level.YELLOW, occasion="last_resort")
    await line.run("11:00")


async def test_with_nobody_to_take_anything_it_does_not_call_faster_than_its_waits(line: Timeline) -> None:
    await day_and_night(line)
    tried: list[str] = []
    for channel in ("mail", "webhook"):
        line.refuse(channel, lambda message: tried.append(message.address) or DeliveryError("gone", permanent=True))  # type: ignore[func-returns-value]  # noted, then refused
    line.red("10:00")
    await line.run("14:00")
    assert len(tried) < 200, "four hours of a call every 15 minutes to three people, each tried again every 5 minutes"
    assert len([one for one in tried if one.startswith("LR")]) > 4


async def test_a_red_of_a_patient_on_pause_is_called_when_the_pause_ends(line: Timeline) -> None:
    await day_and_night(line)
    line.pause("09:00", "+1 12:00")
    line.red("10:00")
    line.green("10:30")
    line.expect("DA", "+1 12:00", "+1 12:01", occasion="raised")
    line.acknowledge("+1 12:05", "DA")
    await line.run("+1 12:30")


@pytest.mark.parametrize(("changed", "called"), [(None, "11:00"), ("11:30", "11:30"), ("15:00", "15:00")])
async def test_a_pause_made_shorter_or_longer_moves_the_call(line: Timeline, changed: str | None, called: str) -> None:
    await day_and_night(line)
    line.pause("09:00", "12:00")
    line.red("10:00")
    line.pause("11:00", changed)
    hour = line.moment(called)
    line.expect("DA", called, (hour + timedelta(minutes=1)).strftime("%H:%MZ"))
    line.acknowledge((hour + timedelta(minutes=2)).strftime("%H:%MZ"), "DA")
    await line.run((hour + timedelta(minutes=30)).strftime("%H:%MZ"))


async def test_a_yellow_that_waited_while_the_patient_went_on_pause_is_not_called(line: Timeline) -> None:
    await day_and_night(line, quiet=[(None, "22:00", "07:00")])
    line.yellow("23:00")
    line.pause("23:30", "+2 12:00")
    await line.run("+2 15:00")


async def test_a_time_line_fails_on_what_did_not_come_and_on_what_nobody_expected(line: Timeline) -> None:
    await day_and_night(line)
    line.red("10:00")
    line.acknowledge("10:05", "DA")
    with pytest.raises(AssertionError, match="nobody expected"):
        await line.run("10:30")
    line.expect("NI", "10:00", "10:10")
    with pytest.raises(AssertionError, match="did not come"):
        await line.run("10:30")
