"""Commands: one at a time, each at most once, expired ones not at all, every reply numbered and in words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from hearthline_gateway.commands import memory as memory_module
from hearthline_gateway.commands.dialogue import ReplyDialogue
from hearthline_gateway.commands.executor import Executor
from hearthline_gateway.commands.memory import CommandMemory
from hearthline_gateway.commands.replies import Replies
from hearthline_gateway.commands.work import Desk
from hearthline_gateway.configuration_in_force import ConfigurationInForce
from hearthline_protocol.commands import (
    Answer,
    Collect,
    Command,
    CommandReply,
    Identify,
    Pair,
    Restart,
    Scan,
    Unpair,
    Work,
)
from tests.fixtures.fake_radio import CUFF_FOUND, OXIMETER_FOUND, FakeRadio

ADDRESS = CUFF_FOUND.address
FINAL = ("done", "failed", "refused")


class Technician:
    """Gives commands and keeps the replies."""

    def __init__(self, executor: Executor, radio: FakeRadio, configuration: ConfigurationInForce) -> None:
        self.executor, self.radio, self.configuration = executor, radio, configuration
        self.replies: dict[UUID, list[CommandReply]] = {}
        self.changed = asyncio.Condition()
        self.restarted = asyncio.Event()
        self.shown: list[float] = []

    def heard(self, reply: CommandReply) -> None:
        self.replies.setdefault(reply.command, []).append(reply)
        task = asyncio.ensure_future(self._tell())
        task.add_done_callback(lambda done: done.exception())

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def gives(self, work: Work, **changes: Any) -> UUID:
        order = command(work, **changes)
        await self.executor.submit(order, self.heard)
        return order.id

    async def until(self, order: UUID, *states: str) -> CommandReply:
        async with asyncio.timeout(15), self.changed:
            await self.changed.wait_for(lambda: any(reply.state in states for reply in self.replies.get(order, ())))
        return next(reply for reply in reversed(self.replies[order]) if reply.state in states)

    async def does(self, work: Work, **changes: Any) -> CommandReply:
        return await self.until(await self.gives(work, **changes), *FINAL)


def command(work: Work, *, lives: timedelta = timedelta(minutes=5), order: UUID | None = None) -> Command:
    now = datetime.now(UTC)
    return Command(id=order or uuid4(), sent_time=now, expires_time=now + lives, work=work)


@asynccontextmanager
async def at_work(folder: Path, radio: FakeRadio, **hooks: Any) -> AsyncIterator[Technician]:
    configuration = ConfigurationInForce(folder, ())
    configuration.load()
    memory = CommandMemory(folder)
    memory.load(datetime.now(UTC))
    shown: list[float] = []

    class Light:
        async def identify(self, seconds: float) -> None:
            shown.append(seconds)

    technician: Technician
    executor = Executor(
        Desk(radio, configuration, Light()), memory, restart=lambda: technician.restarted.set(), **hooks
    )
    technician = Technician(executor, radio, configuration)
    technician.shown = shown
    working = asyncio.create_task(executor.run())
    try:
        yield technician
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_scan_names_each_meter_as_it_is_found_and_all_nearest_first(tmp_path: Path) -> None:
    async with at_work(tmp_path, FakeRadio([CUFF_FOUND, OXIMETER_FOUND])) as technician:
        order = await technician.gives(Scan(seconds=5))
        last = await technician.until(order, "done")
        replies = technician.replies[order]
    assert [reply.number for reply in replies] == list(range(len(replies)))
    assert replies[0].state == "accepted"
    assert [found.address for reply in replies[:-1] for found in reply.found] == [ADDRESS, OXIMETER_FOUND.address]
    assert [found.address for found in last.found] == [OXIMETER_FOUND.address, ADDRESS]
    assert last.progress == 1
    assert "2 health meters" in last.message


async def test_a_scan_that_hears_nothing_says_what_to_do(tmp_path: Path) -> None:
    async with at_work(tmp_path, FakeRadio()) as technician:
        assert "pairing mode" in (await technician.does(Scan(seconds=1))).message


async def test_what_comes_next_ends_a_scan_with_what_it_found(tmp_path: Path) -> None:
    radio = FakeRadio([CUFF_FOUND])
    radio.hold.clear()
    async with at_work(tmp_path, radio) as technician:
        scan = await technician.gives(Scan(seconds=120))
        await technician.until(scan, "running")
        await radio.begun.wait()
        pair = await technician.gives(Pair(address=ADDRESS, model="and-ua-651ble"))
        assert (await technician.until(scan, *FINAL)).found == (CUFF_FOUND,)
        radio.hold.set()
        assert (await technician.until(pair, *FINAL)).state == "done"


async def test_paired_it_is_listed_and_stays_listed(tmp_path: Path) -> None:
    async with at_work(tmp_path, FakeRadio()) as technician:
        last = await technician.does(Pair(address=ADDRESS, model="and-ua-651ble"))
        assert last.state == "done"
        assert "Measure once" in last.message
        assert [meter.address for meter in technician.configuration.meters()] == [ADDRESS]
    again = ConfigurationInForce(tmp_path, ())
    again.load()
    assert [(meter.address, meter.origin) for meter in again.reported().meters] == [(ADDRESS, "paired")]


async def test_a_meter_that_hides_its_address_is_listed_by_the_one_it_keeps(tmp_path: Path) -> None:
    radio = FakeRadio()
    radio.keeps_address = "F0:F1:00:00:18:10"
    async with at_work(tmp_path, radio) as technician:
        assert (await technician.does(Pair(address=ADDRESS, model="and-ua-651ble"))).state == "done"
        assert [technician.configuration.lists(one) for one in (ADDRESS, radio.keeps_address)] == [False, True]


@pytest.mark.parametrize(
    ("asks", "answer", "heard"),
    [("passkey", {"passkey": 12345}, 12345), ("compare", {"confirmed": True}, True)],
)
async def test_the_meters_question_is_asked_and_answered(
    tmp_path: Path, asks: str, answer: dict[str, Any], heard: object
) -> None:
    radio = FakeRadio(asks=asks)
    async with at_work(tmp_path, radio) as technician:
        order = await technician.gives(Pair(address=ADDRESS, model="and-ua-651ble"))
        asked = await technician.until(order, "asks")
        assert asked.question is not None
        assert asked.question.digits == (None if asks == "passkey" else "012345")
        assert (await technician.does(Answer(to=order))).state == "refused", "an answer that answers nothing"
        assert (await technician.does(Answer(to=order, **answer))).state == "done"
        assert (await technician.until(order, *FINAL)).state == "done"
        assert (await technician.does(Answer(to=order, **answer))).state == "refused", "nobody asks any more"
    assert radio.answers == [heard]


async def test_no_is_an_answer(tmp_path: Path) -> None:
    async with at_work(tmp_path, FakeRadio(asks="passkey")) as technician:
        order = await technician.gives(Pair(address=ADDRESS, model="and-ua-651ble"))
        await technician.until(order, "asks")
        await technician.gives(Answer(to=order, confirmed=False))
        assert (await technician.until(order, *FINAL)).state == "failed"
        assert not technician.configuration.lists(ADDRESS)


async def test_known_digits_are_not_asked_for_and_kept_nowhere(tmp_path: Path) -> None:
    radio = FakeRadio(asks="passkey")
    async with at_work(tmp_path, radio) as technician:
        last = await technician.does(Pair(address=ADDRESS, model="and-ua-651ble", passkey=987654))
        assert last.state == "done"
        assert all(reply.state != "asks" for reply in technician.replies[last.command])
    assert radio.answers == [987654]
    assert all("987654" not in file.read_text() for file in tmp_path.iterdir())


async def test_digits_to_type_are_shown_and_need_no_answer(tmp_path: Path) -> None:
    async with at_work(tmp_path, FakeRadio(asks="type")) as technician:
        order = await technician.gives(Pair(address=ADDRESS, model="and-ua-651ble"))
        asked = await technician.until(order, "asks")
        assert asked.question is not None
        assert (asked.question.kind, asked.question.digits) == ("type_on_meter", "654321")
        assert (await technician.until(order, *FINAL)).state == "done"


async def test_what_fails_says_why_and_what_to_do(tmp_path: Path) -> None:
    radio = FakeRadio()
    radio.problem = "the adapter is powered off: switch it on with 'bluetoothctl power on'"
    async with at_work(tmp_path, radio) as technician:
        last = await technician.does(Pair(address=ADDRESS, model="and-ua-651ble"))
        assert (last.state, last.message) == ("failed", "T" + radio.problem[1:])
        assert (
            "no meter model is called"
            in (await technician.does(Pair(address=ADDRESS, model="no-such"))).message.lower()
        )
        assert "does not read" in (await technician.does(Unpair(address=ADDRESS))).message
        assert "reads no meter" in (await technician.does(Collect())).message


async def test_unpair_identify_and_collect(tmp_path: Path) -> None:
    radio = FakeRadio()
    async with at_work(tmp_path, radio) as technician:
        await technician.does(Pair(address=ADDRESS, model="and-ua-651ble"))
        assert (await technician.does(Collect(address=ADDRESS))).state == "done"
        assert (await technician.does(Identify(seconds=3))).state == "done"
        assert (await technician.does(Unpair(address=ADDRESS))).state == "done"
        assert not technician.configuration.lists(ADDRESS)
    assert (radio.unpaired, radio.collected, technician.shown) == ([ADDRESS], [ADDRESS], [3.0])


async def test_a_command_sent_twice_is_done_once_and_answered_the_same(tmp_path: Path) -> None:
    radio = FakeRadio()
    async with at_work(tmp_path, radio) as technician:
        first = await technician.does(Pair(address=ADDRESS, model="and-ua-651ble"))
        await technician.gives(Pair(address=ADDRESS, model="and-ua-651ble"), order=first.command)
        assert technician.replies[first.command][-1] == first
    async with at_work(tmp_path, radio) as later:
        assert await later.does(Pair(address=ADDRESS, model="and-ua-651ble"), order=first.command) == first
    assert len(radio.paired) == 1


async def test_twice_while_it_is_under_way_is_once(tmp_path: Path) -> None:
    radio = FakeRadio()
    radio.hold.clear()
    async with at_work(tmp_path, radio) as technician:
        order = await technician.gives(Pair(address=ADDRESS, model="and-ua-651ble"))
        await radio.begun.wait()
        await technician.gives(Pair(address=ADDRESS, model="and-ua-651ble"), order=order)
        radio.hold.set()
        await technician.until(order, *FINAL)
    assert len(radio.paired) == 1


async def test_expired_retained_and_newer_ones_are_refused(tmp_path: Path) -> None:
    radio = FakeRadio()
    async with at_work(tmp_path, radio) as technician:
        late = await technician.does(Scan(seconds=1), lives=timedelta(seconds=-1))
        assert (late.state, "after its time" in late.message) == ("refused", True)
        kept = command(Scan(seconds=1))
        await technician.executor.submit(kept, technician.heard, retained=True)
        assert "not retained" in (await technician.until(kept.id, "refused")).message
        newer = command(Scan(seconds=1)).model_copy(update={"schema_version": 2})
        await technician.executor.submit(newer, technician.heard)
        assert "Update the gateway" in (await technician.until(newer.id, "refused")).message
    assert not radio.begun.is_set()


async def test_one_whose_time_runs_out_while_it_waits_is_refused(tmp_path: Path) -> None:
    radio = FakeRadio()
    radio.hold.clear()
    now = datetime.now(UTC)
    times = [now]
    async with at_work(tmp_path, radio, now=lambda: times[-1]) as technician:
        await technician.gives(Pair(address=ADDRESS, model="and-ua-651ble"))
        await radio.begun.wait()
        waiting = await technician.gives(Scan(seconds=1))
        times.append(now + timedelta(hours=1))
        radio.hold.set()
        assert "ran out" in (await technician.until(waiting, *FINAL)).message


async def test_what_a_killed_gateway_was_doing_is_owned_up_to_and_not_done_again(tmp_path: Path) -> None:
    order = command(Pair(address=ADDRESS, model="and-ua-651ble"))
    memory = CommandMemory(tmp_path)
    await memory.begin(order, remote=True, now=datetime.now(UTC))
    del memory
    replies: asyncio.Queue[CommandReply] = asyncio.Queue()
    radio = FakeRadio()
    async with at_work(tmp_path, radio, remote_replies=replies.put_nowait) as technician:
        async with asyncio.timeout(15):
            last = await replies.get()
        assert (last.command, last.state) == (order.id, "failed")
        await technician.executor.submit(order, technician.heard, remote=True)
        assert technician.replies[order.id] == [last]
    assert radio.paired == []


async def test_restart_stops_what_hangs_and_is_answered_before(tmp_path: Path) -> None:
    radio = FakeRadio()
    radio.hold.clear()
    async with at_work(tmp_path, radio) as technician:
        hanging = await technician.gives(Pair(address=ADDRESS, model="and-ua-651ble"))
        await radio.begun.wait()
        order = await technician.gives(Restart())
        assert (await technician.until(hanging, *FINAL)).state == "failed"
        assert (await technician.until(order, *FINAL)).state == "done"
        async with asyncio.timeout(15):
            await technician.restarted.wait()


async def test_from_the_backend(tmp_path: Path) -> None:
    replies: asyncio.Queue[CommandReply] = asyncio.Queue()
    async with at_work(tmp_path, FakeRadio([CUFF_FOUND]), remote_replies=replies.put_nowait) as technician:
        technician.executor.received(b"no command", False)
        technician.executor.received(command(Scan(seconds=1)).model_dump_json().encode(), False)
        async with asyncio.timeout(15):
            while (reply := await replies.get()).state not in FINAL:
                pass
    assert reply.found == (CUFF_FOUND,)


async def test_a_disk_that_takes_nothing_refuses(tmp_path: Path) -> None:
    radio = FakeRadio()
    async with at_work(tmp_path, radio) as technician:
        (tmp_path / ".commands.json.new").mkdir()
        last = await technician.does(Pair(address=ADDRESS, model="and-ua-651ble"))
        assert (last.state, "free space" in last.message) == ("refused", True)
        (tmp_path / ".commands.json.new").rmdir()
        (tmp_path / ".configuration.json.new").mkdir()
        last = await technician.does(Pair(address=ADDRESS, model="and-ua-651ble"))
        assert (last.state, "could not be kept" in last.message) == ("failed", True)
        assert not technician.configuration.lists(ADDRESS)


async def test_a_fault_of_ours_is_said_and_the_next_command_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    radio = FakeRadio()

    async def trip(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(radio, "unpair", trip)
    async with at_work(tmp_path, radio) as technician:
        await technician.does(Pair(address=ADDRESS, model="and-ua-651ble"))
        assert "fault" in (await technician.does(Unpair(address=ADDRESS))).message
        assert (await technician.does(Scan(seconds=1))).state == "done"


@pytest.mark.parametrize(("answer", "same"), [(None, None), (Answer(to=uuid4(), confirmed=False), False)])
async def test_that_nobody_answered_is_not_taken_for_a_no(answer: Answer | None, same: bool | None) -> None:
    asked: list[CommandReply] = []
    dialogue = ReplyDialogue(Replies(uuid4(), asked.append, lambda: datetime.now(UTC)), None, within_s=0.2)
    asking = asyncio.create_task(dialogue.same(ADDRESS, "012345"))
    await asyncio.sleep(0)
    if answer is not None:
        assert dialogue.answer(answer) is None
    assert await asking is same


async def test_a_scan_cut_short_does_not_claim_that_nothing_is_there(tmp_path: Path) -> None:
    radio = FakeRadio()
    radio.hold.clear()
    async with at_work(tmp_path, radio) as technician:
        scan = await technician.gives(Scan(seconds=120))
        await radio.begun.wait()
        await technician.gives(Collect())
        last = await technician.until(scan, *FINAL)
    assert (last.state, last.found) == ("done", ())
    assert "another command" in last.message
    assert "Scan again" in last.message


async def test_a_bond_that_could_not_be_removed_is_removed_later(tmp_path: Path) -> None:
    radio = FakeRadio()
    async with at_work(tmp_path, radio) as technician:
        await technician.does(Pair(address=ADDRESS, model="and-ua-651ble"))
        radio.problem = "Bluetooth cannot be used now: powered off"
        last = await technician.does(Unpair(address=ADDRESS))
        assert last.state == "failed"
        assert "powered off" in last.message
        assert "by itself" in last.message
        assert not technician.configuration.lists(ADDRESS)
    forgotten: asyncio.Queue[str] = asyncio.Queue()
    later = ConfigurationInForce(tmp_path, (), forget=forgotten.put)
    later.load()
    running = asyncio.create_task(later.run())
    async with asyncio.timeout(15):
        assert await forgotten.get() == ADDRESS
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_fault_with_one_letter_does_not_end_the_reading_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[CommandReply] = []
    async with at_work(tmp_path, FakeRadio(), remote_replies=answered.append) as technician:
        with monkeypatch.context() as broken:

            async def trip(*_: object, **__: object) -> None:
                raise ZeroDivisionError

            broken.setattr(technician.executor, "submit", trip)
            technician.executor.received(command(Identify(seconds=1)).model_dump_json().encode(), False)
            while not technician.executor._mail.empty():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
            await asyncio.sleep(0)
        technician.executor.received(command(Identify(seconds=2)).model_dump_json().encode(), False)
        async with asyncio.timeout(15):
            while not any(reply.state == "done" for reply in answered):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)


def test_a_memory_that_cannot_be_used_does_not_keep_the_gateway_from_reading_meters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "commands.json").write_text("{")

    def refuse(*_: object) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(memory_module, "set_aside", refuse)
    memory = CommandMemory(tmp_path)
    memory.load(datetime.now(UTC))
    assert memory.interrupted == {}
