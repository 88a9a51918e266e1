"""The gateway's word on itself: what it knows, in one look at the outbox, and no date that it does not know."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hearthline_gateway.clock import Clock
from hearthline_gateway.frame import Frame
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.status import StatusReport
from hearthline_protocol.messages import AdapterStatus, GatewayStatus, MeterStatus
from tests.fixtures.cuff_frames import SENSOR
from tests.fixtures.kernel import FakeKernel

OTHER = "A4:C1:38:0A:0B:0C"


@dataclass
class Bluetooth:
    meters: tuple[MeterStatus, ...]
    adapter: str = "powered"
    adapters: tuple[AdapterStatus, ...] = ()


def meter(address: str, **known: object) -> MeterStatus:
    return MeterStatus(address=address, model="generic-blood-pressure", paired=True, **known)


async def report(outbox: Outbox, bluetooth: Bluetooth, clock: Clock) -> GatewayStatus:
    return await StatusReport(outbox, lambda: bluetooth, clock, version="1")()


async def test_the_outbox_remembers_what_this_process_has_not_heard(tmp_path: Path) -> None:
    kernel = FakeKernel(synced=True)
    clock = Clock(kernel)
    async with Outbox(tmp_path / "outbox.sqlite3", now=clock.now) as outbox:
        heard = clock.now() - timedelta(hours=3)
        for sensor in (SENSOR, OTHER):
            await outbox.keep_bad(Frame(sensor, "2A35", b"\x00", heard), "TruncatedError", "too short")
        now = clock.now()
        status = await report(outbox, Bluetooth((meter(SENSOR), meter(OTHER, last_heard=now, last_reading=now))), clock)
        first, second = status.meters
        assert (first.last_heard, first.last_reading) == (heard, heard)
        assert (second.last_heard, second.last_reading) == (now, now)
        assert [one.bad_frames[0].count for one in status.meters] == [1, 1]
        assert (status.clock_synchronised, status.sent_time, status.problems) == (True, now, ())


async def test_without_the_time_no_date_is_said_and_the_next_step_is(tmp_path: Path) -> None:
    kernel = FakeKernel()
    clock = Clock(kernel)
    async with Outbox(tmp_path / "outbox.sqlite3", now=clock.now) as outbox:
        at_boot = clock.now()
        told = StatusReport(
            outbox,
            lambda: Bluetooth((meter(SENSOR, last_heard=at_boot, clock_offset_s=1.7e9),)),
            clock,
            version="1",
        )
        status = await told()
        (one,) = status.meters
        assert (status.sent_time, status.started_time, one.last_heard, one.clock_offset_s) == (None, None, None, None)
        assert status.clock_synchronised is False
        (problem,) = status.problems
        assert "let it reach a time server" in problem
        booted = kernel.true
        kernel.passes(hours=1)
        kernel.learns_the_time()
        status = await told()
        assert (status.started_time, status.meters[0].last_heard) == (booted, booted)
        assert status.sent_time == kernel.true
        assert status.problems == ()
