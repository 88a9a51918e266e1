"""Remote work on real Records: commands leave once, answers are kept, a paired meter becomes the home's."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from hearthline_backend.events import EventBus
from hearthline_backend.remote.answers import keep_answers
from hearthline_backend.remote.desk import NotSentError, RemoteDesk
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.homes import owner
from hearthline_backend.storage.records.remote import Asked
from hearthline_backend.storage.remote_tables import commands
from hearthline_protocol import topics
from hearthline_protocol.commands import (
    Answer,
    Collect,
    Command,
    CommandReply,
    FoundMeter,
    Pair,
    Question,
    Scan,
    Unpair,
)
from hearthline_protocol.configuration import DesiredConfiguration, MeterInForce, MeterWanted, ReportedConfiguration
from tests.fixtures.records import NOW, Engine, Household, seed, seed_gateway, temporary_records
from tests.fixtures.uplinks import FakeUplink

CUFF = "F0:F1:00:00:18:10"
MODEL = "and-ua-651ble"


@dataclass
class Desk:
    records: SqlRecords
    household: Household
    uplink: FakeUplink = field(default_factory=FakeUplink)
    events: EventBus = field(default_factory=EventBus)

    now: datetime = NOW

    def __post_init__(self) -> None:
        self.desk = RemoteDesk(self.records, self.uplink, self.events, lambda: self.now)

    @property
    def sent(self) -> list[Command]:
        wanted = topics.commands(self.household.gateway)
        return [Command.model_validate_json(body) for topic, body, _ in self.uplink.published if topic == wanted]

    @property
    def retained(self) -> DesiredConfiguration | None:
        body = self.uplink.retained.get(topics.config(self.household.gateway))
        return None if body is None else DesiredConfiguration.model_validate_json(body)

    async def wanted(self) -> DesiredConfiguration | None:
        async with self.records.read() as unit:
            return await unit.remote.wanted(self.household.gateway)

    async def say(self, content: CommandReply | ReportedConfiguration, gateway: str | None = None) -> set[str]:
        """As the gateway says it; returns the gateways that are behind, as the worker sees them."""
        name = gateway or self.household.gateway
        topic = topics.command_replies(name) if isinstance(content, CommandReply) else topics.config_reported(name)
        message = self.uplink.put(topic, content.model_dump_json().encode())
        async with self.records.begin() as unit:
            _events, behind = await keep_answers(unit, [(name, message)], NOW)
        for one in behind:
            await self.desk.send_again(one)
        return behind

    async def command(self, command: UUID) -> Asked:
        async with self.records.read() as unit:
            found = await unit.remote.command(command)
        assert found is not None
        return found


@pytest.fixture
async def at(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Desk]:
    household = Household()
    async with temporary_records(tmp_path, records_engine) as records:
        async with records.begin() as unit:
            await seed(unit, household)
        yield Desk(records, household)


def reply(to: UUID, number: int, state: str, **more: object) -> CommandReply:
    return CommandReply.model_validate(
        {"command": to, "number": number, "state": state, "message": "So it goes.", "time": NOW, **more}
    )


async def test_a_command_is_on_record_and_leaves_once_and_expires(at: Desk) -> None:
    asked = await at.desk.ask(at.household.gateway, Scan(), at.household.nurse)
    (command,) = at.sent
    assert (command.id, command.work) == (asked.id, Scan())
    assert command.expires_time - command.sent_time == timedelta(minutes=2)
    kept = await at.command(asked.id)
    assert (kept.state, kept.asked_by, kept.work["do"]) == ("sent", at.household.nurse, "scan")
    assert at.uplink.retained == {}, "a command must never be retained"


async def test_a_command_that_cannot_leave_is_not_on_record(at: Desk) -> None:
    at.uplink.connected = False
    with pytest.raises(NotSentError, match="nothing was sent"):
        await at.desk.ask(at.household.gateway, Collect(), at.household.nurse)
    async with at.records.read() as unit:
        assert await unit.remote.latest(at.household.gateway, 9) == []


async def test_a_gateway_that_comes_back_in_time_is_sent_what_it_has_not_answered(at: Desk) -> None:
    gateway, nurse = at.household.gateway, at.household.nurse
    answered = await at.desk.ask(gateway, Scan(), nurse)
    waiting = await at.desk.ask(gateway, Pair(address=CUFF, model=MODEL, passkey=42137), nurse)
    await at.say(reply(answered.id, 0, "done"))
    await at.desk.greet("home-0404")
    assert len(at.sent) == 2
    await at.desk.greet(gateway)
    assert [command.id for command in at.sent[2:]] == [waiting.id]
    assert at.sent[2] == at.sent[1], "with its digits, and no longer valid than before"
    at.now = waiting.expires_at
    await at.desk.greet(gateway)
    assert len(at.sent) == 3


async def test_the_digits_of_a_pairing_reach_the_gateway_and_are_kept_by_nobody(at: Desk) -> None:
    gateway, nurse = at.household.gateway, at.household.nurse
    asked = await at.desk.ask(gateway, Pair(address=CUFF, model=MODEL, passkey=42137), nurse)
    await at.desk.ask(gateway, Answer(to=asked.id, passkey=42137), nurse)
    pairing, answer = (command.work for command in at.sent)
    assert (pairing.do == "pair" and pairing.passkey, answer.do == "answer" and answer.passkey) == (42137, 42137)
    async with at.records.read() as unit:
        rows = (await unit.connection.execute(select(commands))).all()
    assert "42137" not in repr(rows)


async def test_replies_are_kept_in_their_order_and_what_has_ended_stays_ended(at: Desk) -> None:
    asked = await at.desk.ask(at.household.gateway, Scan(), at.household.nurse)
    found = FoundMeter(address=CUFF, device="cuff", model=MODEL, signal_dbm=-50)
    await at.say(reply(asked.id, 1, "running", progress=0.5, found=[found.model_dump()]))
    await at.say(reply(asked.id, 0, "accepted"))
    assert (await at.command(asked.id)).state == "running"
    await at.say(reply(asked.id, 2, "done"))
    await at.say(reply(asked.id, 3, "failed"))
    await at.say(reply(asked.id, 2, "done"))
    ended = await at.command(asked.id)
    assert (ended.state, ended.ended) == ("done", True)
    assert ended.reply is not None
    assert ended.reply.found == (found,), "a later word does not undo what was found"


async def test_what_a_search_finds_one_by_one_is_kept_together_nearest_first(at: Desk) -> None:
    asked = await at.desk.ask(at.household.gateway, Scan(), at.household.nurse)
    heard = [("F0:F1:00:00:18:11", -84), ("F0:F1:00:00:18:12", None), (CUFF, -50), ("F0:F1:00:00:18:11", -44)]
    for number, (address, signal) in enumerate(heard):
        one = FoundMeter(address=address, device="cuff", signal_dbm=signal)
        await at.say(reply(asked.id, number, "running", found=[one.model_dump()]))
    kept = (await at.command(asked.id)).reply
    assert kept is not None
    assert [(one.address[-2:], one.signal_dbm) for one in kept.found] == [("11", -44), ("10", -50), ("12", None)]
    last = FoundMeter(address=CUFF, device="cuff", signal_dbm=-51)
    await at.say(reply(asked.id, 9, "done", found=[last.model_dump()]))
    kept = (await at.command(asked.id)).reply
    assert kept is not None
    assert kept.found == (last,), "the last word is the whole list"


async def test_another_gateway_cannot_answer(at: Desk) -> None:
    other = Household(organisation=at.household.organisation, gateway="home-0002", sensor="C0:00:00:00:00:02")
    async with at.records.begin() as unit:
        await seed_gateway(unit, other)
    asked = await at.desk.ask(at.household.gateway, Scan(), at.household.nurse)
    await at.say(reply(asked.id, 0, "done"), gateway="home-0002")
    await at.say(reply(uuid4(), 0, "done"))
    assert (await at.command(asked.id)).state == "sent"


async def test_a_question_is_kept_until_it_is_answered(at: Desk) -> None:
    asked = await at.desk.ask(at.household.gateway, Pair(address=CUFF, model=MODEL), at.household.nurse)
    await at.say(reply(asked.id, 0, "asks", question={"kind": "enter_passkey"}))
    waiting = await at.command(asked.id)
    assert waiting.reply is not None
    assert waiting.reply.question == Question(kind="enter_passkey")
    await at.say(reply(asked.id, 1, "running"))
    going_on = await at.command(asked.id)
    assert going_on.reply is not None
    assert going_on.reply.question is None


async def test_a_paired_meter_is_registered_wanted_and_told_to_the_gateway(at: Desk) -> None:
    gateway, nurse = at.household.gateway, at.household.nurse
    search = await at.desk.ask(gateway, Scan(), nurse)
    found = FoundMeter(address=CUFF, device="cuff", model=MODEL)
    await at.say(reply(search.id, 0, "done", found=[found.model_dump()]))
    asked = await at.desk.ask(gateway, Pair(address=CUFF, model=MODEL), nurse)
    assert await at.say(reply(asked.id, 0, "done")) == {gateway}
    async with at.records.read() as unit:
        sensor = (await unit.homes.sensors_at([CUFF]))[CUFF]
    assert (sensor.gateway, sensor.model, sensor.device) == (gateway, MODEL, "cuff")
    assert at.retained == DesiredConfiguration(revision=1, meters=(MeterWanted(address=CUFF, model=MODEL),))
    assert await at.say(reply(asked.id, 0, "done")) == set(), "a repeated reply changes nothing"


async def test_a_meter_paired_on_the_spot_is_taken_up(at: Desk) -> None:
    here = MeterInForce(address=CUFF, model=MODEL, origin="paired", device="cuff")
    report = ReportedConfiguration(meters=(here,))
    assert await at.say(report) == {at.household.gateway}
    assert at.retained is not None
    assert [meter.address for meter in at.retained.meters] == [CUFF]
    taken = report.model_copy(update={"revision": 1, "meters": (here.model_copy(update={"origin": "backend"}),)})
    assert await at.say(taken) == set()


async def test_a_gateway_that_missed_its_configuration_hears_it_again(at: Desk) -> None:
    await at.say(ReportedConfiguration(meters=(MeterInForce(address=CUFF, model=MODEL, origin="paired"),)))
    at.uplink.retained.clear()  # the broker lost its disk
    assert await at.say(ReportedConfiguration(revision=None, meters=())) == {at.household.gateway}
    assert at.retained == await at.wanted()


async def test_removing_a_meter_drops_it_from_what_is_wanted(at: Desk) -> None:
    gateway, nurse = at.household.gateway, at.household.nurse
    await at.say(ReportedConfiguration(meters=(MeterInForce(address=CUFF, model=MODEL, origin="paired"),)))
    refused = await at.desk.ask(gateway, Unpair(address=CUFF), nurse)
    assert await at.say(reply(refused.id, 0, "failed")) == set()
    removed = await at.desk.ask(gateway, Unpair(address=CUFF), nurse)
    assert at.retained == DesiredConfiguration(revision=1, meters=(MeterWanted(address=CUFF, model=MODEL),))
    assert await at.say(reply(removed.id, 0, "done")) == {gateway}
    assert at.retained == DesiredConfiguration(revision=2, meters=())
    again = await at.desk.ask(gateway, Unpair(address=CUFF), nurse)
    assert await at.say(reply(again.id, 0, "done")) == set(), "what is not wanted cannot be dropped twice"


async def test_a_meter_that_moves_to_another_home_leaves_its_person_behind(at: Desk) -> None:
    other = Household(organisation=at.household.organisation, gateway="home-0002", sensor="C0:00:00:00:00:02")
    async with at.records.begin() as unit:
        await seed_gateway(unit, other)
    moved = MeterInForce(address=at.household.sensor, model=MODEL, origin="paired")
    await at.say(ReportedConfiguration(meters=(moved,)), gateway="home-0002")
    async with at.records.read() as unit:
        sensor = (await unit.homes.sensors_at([at.household.sensor]))[at.household.sensor]
        held = await unit.homes.assignments(sensors_at=[at.household.sensor])
    assert sensor.gateway == "home-0002"
    assert owner(held, None, NOW - timedelta(seconds=1)) is not None
    assert owner(held, None, NOW + timedelta(seconds=1)) is None


async def test_a_meter_of_another_organisation_stays_there(at: Desk) -> None:
    foreign = Household(organisation=uuid4(), team=uuid4(), patient=uuid4(), nurse=uuid4(), gateway="home-0003")
    async with at.records.begin() as unit:
        await seed(unit, foreign, gateway=False, assignment=False)
        await seed_gateway(unit, Household(organisation=foreign.organisation, gateway="home-0003", sensor=CUFF))
    taken = MeterInForce(address=CUFF, model=MODEL, origin="paired")
    await at.say(ReportedConfiguration(meters=(taken,)))
    async with at.records.read() as unit:
        assert (await unit.homes.sensors_at([CUFF]))[CUFF].gateway == "home-0003"


async def test_what_cannot_be_read_or_comes_from_a_stranger_changes_nothing(at: Desk) -> None:
    name = at.household.gateway
    said = [
        (name, at.uplink.put(topics.command_replies(name), b"{")),
        (name, at.uplink.put(topics.config_reported(name), b'{"revision": "x"}')),
        (name, at.uplink.put(topics.config_reported(name), b"")),
        ("stranger", at.uplink.put(topics.config_reported("stranger"), b"{}")),
    ]
    async with at.records.begin() as unit:
        assert await keep_answers(unit, said, NOW) == ([], set())
