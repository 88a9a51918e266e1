"""The end: what is under way is finished, nothing else is begun, and no part can hold up the others for ever."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest
from structlog.testing import capture_logs

from hearthline_backend.alerting.channels import DeliveryError, Message
from hearthline_backend.domain.rules import Level
from hearthline_backend.due import Due
from hearthline_backend.operations.counted_channel import CountedChannel
from hearthline_backend.operations.metrics import Metrics
from hearthline_backend.operations.stopping import Drain
from hearthline_backend.storage.records.calls import Occasion
from tests.fixtures.records import NOW, Household

CALL = Message(
    notification=Household().patient,
    alert=1,
    level=Level.RED,
    occasion=Occasion.RAISED,
    repeat=False,
    link="https://care.example/alerts/1",
    sent_at=NOW,
    address="es@example.org",
    secret=None,
    locale="en",
    time_zone="Europe/Stockholm",
    emergency_number="112",
)


async def test_the_round_under_way_is_finished_and_no_other_begun() -> None:
    began, goes_on = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def first() -> int:
        began.set()
        await goes_on.wait()
        done.append("first")
        return 1  # there is more to do, which waits for the next start

    async def second() -> int:
        done.append("second")
        return 0

    due = Due(tick_s=60)
    due.start([first, second])
    await asyncio.wait_for(began.wait(), 10)
    finishing = asyncio.create_task(due.finish())
    await asyncio.sleep(0)
    assert not finishing.done()
    goes_on.set()
    await asyncio.wait_for(finishing, 10)
    assert done == ["first", "second"]
    due.wake()
    await asyncio.sleep(0)
    assert done == ["first", "second"]
    await due.stop()


async def test_the_age_of_the_last_round_begins_anew_with_each() -> None:
    rounds = asyncio.Event()

    async def look() -> int:
        rounds.set()
        return 0

    due = Due(tick_s=60)
    due.start([look])
    await asyncio.wait_for(rounds.wait(), 10)
    await asyncio.sleep(0.05)
    before = due.round_age_s
    rounds.clear()
    due.wake()
    await asyncio.wait_for(rounds.wait(), 10)
    await asyncio.sleep(0)
    assert due.round_age_s < before
    await due.stop()


async def test_everything_is_finished_side_by_side() -> None:
    met = asyncio.Barrier(2)
    drain = Drain(within_s=10)
    drain.add("one", met.wait)
    drain.add("other", met.wait)
    assert await drain.run()
    assert await Drain().run()


async def test_what_takes_too_long_is_cut_off_and_named() -> None:
    cut_off: list[str] = []

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.append("hangs")

    async def quick() -> None:
        return None

    drain = Drain(within_s=0.02)
    drain.add("a store", hangs)
    drain.add("requests", quick)
    with capture_logs() as lines:
        assert not await drain.run()
    assert cut_off == ["hangs"]
    (line,) = lines
    assert (line["event"], line["unfinished"]) == ("not_drained", ["a store"])


async def test_a_defect_while_finishing_is_not_swallowed() -> None:
    async def breaks() -> None:
        raise LookupError("a defect")

    drain = Drain()
    drain.add("requests", breaks)
    with pytest.raises(LookupError):
        await drain.run()


class Answering:
    """A channel that does as it is told."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.closed = False

    async def send(self, message: Message) -> None:
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "sent"),
        (DeliveryError("refused"), "failed"),
        (DeliveryError("no answer", maybe_arrived=True), "unknown"),
        (RuntimeError("a defect"), "unknown"),
    ],
)
async def test_every_try_is_counted_and_fails_as_it_did(error: Exception | None, outcome: str) -> None:
    metrics = Metrics()
    inner = Answering(error)
    channel = CountedChannel(inner, partial(metrics.called, "mail"))
    for call in (CALL, replace(CALL, occasion=Occasion.LAST_RESORT)):
        if error is None:
            await channel.send(call)
        else:
            with pytest.raises(type(error)):
                await channel.send(call)
    page = metrics.page("")[0].decode()
    assert f'hearthline_notifications_total{{channel="mail",outcome="{outcome}"}} 2.0' in page
    for each in ("sent", "failed", "unknown"):
        assert f'hearthline_last_resort_calls_total{{outcome="{each}"}} {float(each == outcome)}' in page
    await channel.close()
    assert inner.closed
