"""Asking for stored records when the meter answers oddly: no bluetooth, a scripted meter."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from bleak.exc import BleakGATTProtocolError, BleakGATTProtocolErrorCode
from hypothesis import given
from hypothesis import strategies as st

from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.ble.control_point import ControlPoint
from hearthline_gateway.ble.hearing import Hearing
from hearthline_gateway.ble.meter_errors import HungUpError, NoAnswerError, RecordsRefusedError
from hearthline_gateway.ble.problems import meter_problem
from hearthline_gateway.ble.stored_records import StoredRecords
from hearthline_gateway.frame import Frame
from hearthline_simulator.meters.record_server import Answer, Ask, Numbered, RefusedError, counted, ended, select
from tests.fixtures.ble_meters import GLUCOSE, GLUCOSE_SPEC

NOW = datetime(2026, 11, 22, 6, 4, 0, tzinfo=UTC)


class Memory:
    """What is known of earlier connections."""

    def __init__(self, last: int | None = None) -> None:
        self.last, self.forgotten = last, 0

    async def last_sequence(self, sensor: str, characteristic: str) -> int | None:
        return self.last

    async def forget_sequence(self, sensor: str, characteristic: str) -> None:
        self.last, self.forgotten = None, self.forgotten + 1


class ScriptedMeter:
    """Answers from its records, unless the script has something else for the next request: bytes, an error to raise,
    or None for silence."""

    def __init__(
        self,
        numbers: list[int],
        *,
        last: int | None = None,
        script: tuple[bytes | Exception | None, ...] = (),
        stamp: str = "ea070b16060400",
        patience_s: float = 0.05,
    ) -> None:
        self.records = [Numbered(n, b"\x00" + n.to_bytes(2, "little") + bytes.fromhex(stamp)) for n in numbers]
        self.script = list(script)
        self.requests: list[str] = []
        self.frames = list[Frame]()
        self.memory = Memory(last)
        self.gone = False
        self.hearing = Hearing(ConfiguredMeter(GLUCOSE_SPEC.address, GLUCOSE), self.frames.append, lambda: NOW)
        self.hearing.clock_read(None)
        self.point = ControlPoint(self.write, lambda: self.gone, patience_s)
        self.stored = self.asking()

    def asking(self, asked_at: datetime | None = None) -> StoredRecords:
        self.stored = StoredRecords(
            self.point, self.hearing, self.memory, GLUCOSE_SPEC.address, asked_at=asked_at, now=NOW, zone=UTC
        )
        return self.stored

    async def write(self, request: bytes) -> None:
        self.requests.append(request.hex())
        if self.script:
            answer = self.script.pop(0)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                self.point.answered(answer)
            return
        self.point.answered(self.answer(request))

    def answer(self, request: bytes) -> bytes:
        if request[0] == Ask.ABORT:
            return ended(Ask.ABORT, Answer.SUCCESS)
        try:
            meant = select(self.records, request, filters=True)
        except RefusedError as refused:
            return ended(request[0], refused.answer)
        if request[0] == Ask.COUNT:
            return counted(len(meant))
        for record in meant:
            self.hearing.hear("2A18", record.measurement)
            self.stored.told(record.measurement)
        return ended(request[0], Answer.SUCCESS if meant else Answer.NO_RECORDS_FOUND)

    @property
    def told(self) -> list[int]:
        return [int.from_bytes(frame.payload[1:3], "little") for frame in self.frames]


def busy(code: int) -> BleakGATTProtocolError:
    return BleakGATTProtocolError(BleakGATTProtocolErrorCode(code))


@given(
    st.sets(st.integers(0, 0xFFFF), max_size=8).map(sorted),
    st.one_of(st.none(), st.integers(0, 0xFFFF)),
)
def test_every_record_after_the_last_one_is_told(numbers: list[int], last: int | None) -> None:
    meter = ScriptedMeter(numbers, last=last)
    asyncio.run(meter.stored.collect())
    assert {number for number in numbers if last is None or number > last} <= set(meter.told)
    if numbers and last is not None and numbers[-1] < last:
        assert meter.memory.forgotten == 1
        assert set(meter.told) == set(numbers)


@pytest.mark.parametrize("code", [0xFE, 0x80])
async def test_a_busy_meter_is_told_to_stop_whichever_error_it_uses(code: int) -> None:
    meter = ScriptedMeter([1, 2], script=(busy(code),))
    await meter.stored.collect()
    assert meter.requests[:3] == ["0401", "0300", "0401"]
    assert meter.told == [1, 2]


async def test_a_meter_that_stays_busy_is_left_for_later() -> None:
    abort = ended(Ask.ABORT, Answer.SUCCESS)
    meter = ScriptedMeter([1], script=(busy(0xFE), abort, busy(0xFE), abort, busy(0xFE)))
    with pytest.raises(BleakGATTProtocolError):
        await meter.stored.collect()


async def test_other_att_errors_are_not_taken_for_being_busy() -> None:
    meter = ScriptedMeter([1], script=(busy(0xFD),))
    with pytest.raises(BleakGATTProtocolError):
        await meter.stored.collect()
    assert meter.requests == ["0401"]


async def test_a_procedure_not_completed_is_asked_again() -> None:
    meter = ScriptedMeter([1, 2], script=(counted(2), bytes.fromhex("06000108")))
    await meter.stored.collect()
    assert meter.requests == ["0401", "0101", "0300", "0101"]
    assert meter.told == [1, 2]


async def test_a_meter_that_does_not_even_abort_is_left_with_the_first_reason() -> None:
    meter = ScriptedMeter([1], script=(None, busy(0x0E)))
    with pytest.raises(NoAnswerError) as error:
        await meter.stored.collect()
    assert "switch the meter off and on" in meter_problem(error.value, GLUCOSE, paired=True)


async def test_an_answer_that_is_none_is_a_refusal() -> None:
    with pytest.raises(RecordsRefusedError):
        await ScriptedMeter([1], script=(b"\x06",)).stored.collect()


@pytest.mark.parametrize("answer", [Answer.OP_CODE_NOT_SUPPORTED, Answer.INVALID_OPERAND, 7])
async def test_a_meter_that_tells_nothing_says_so(answer: int) -> None:
    meter = ScriptedMeter([1], script=(counted(1), bytes([6, 0, 1, answer])))
    with pytest.raises(RecordsRefusedError) as error:
        await meter.stored.collect()
    assert "pair it again" in str(error.value)


async def test_a_meter_that_cannot_count_is_asked_at_once() -> None:
    meter = ScriptedMeter([1, 2, 3], last=1, script=(ended(Ask.COUNT, Answer.OP_CODE_NOT_SUPPORTED),))
    await meter.stored.collect()
    assert meter.requests == ["0403010200", "0103010200"]
    assert not any(frame.first for frame in meter.frames), "how many are new is not known"


async def test_hanging_up_while_asked_is_noticed_at_once() -> None:
    meter = ScriptedMeter([1], script=(None,))
    asking = asyncio.create_task(meter.stored.collect())
    await asyncio.sleep(0)
    meter.gone = True
    meter.point.active()
    with pytest.raises(HungUpError):
        await asking


async def test_patience_is_counted_from_the_last_record() -> None:
    meter = ScriptedMeter([1], script=(None,), patience_s=2.0)  # a busy machine may sleep much longer than asked
    asking = asyncio.create_task(meter.point.ask(b"\x01\x01"))
    for _ in range(6):
        await asyncio.sleep(0.4)
        meter.stored.told(meter.records[0].measurement)
    meter.point.answered(b"\x06")
    assert await asking == b"\x06"


@pytest.mark.parametrize(
    ("stamp", "asked_at", "just_measured"),
    [
        ("ea070b16060400", NOW - timedelta(days=2), False),
        ("ea070b14080000", NOW - timedelta(days=2), False),
        ("ea070b13080000", NOW - timedelta(days=2), True),
        ("eb070b16060400", NOW - timedelta(days=2), True),
        ("ea070b13080000", None, True),
        ("00000000000000", NOW - timedelta(days=2), True),
    ],
    ids=["now", "since the last time", "before the last time", "in the future", "never asked before", "no time"],
)
async def test_when_the_only_new_record_is_of_now(stamp: str, asked_at: datetime | None, just_measured: bool) -> None:
    meter = ScriptedMeter([1, 2], last=1, stamp=stamp)
    await meter.asking(asked_at).collect()
    assert meter.told == [2]
    assert (meter.frames[0].first, meter.frames[0].alone) == (just_measured, just_measured)


@pytest.mark.parametrize(
    "prepare",
    [lambda meter: meter.records.clear(), lambda meter: setattr(meter, "memory", Memory(0xFFFF))],
    ids=["nothing told", "no number is left"],
)
async def test_nothing_more_is_asked_for_where_nothing_can_come(prepare: Callable[[ScriptedMeter], None]) -> None:
    meter = ScriptedMeter([0xFFFF])
    prepare(meter)
    await meter.asking().collect()
    before = len(meter.requests)
    assert not await meter.stored.more(NOW)
    assert len(meter.requests) == before
