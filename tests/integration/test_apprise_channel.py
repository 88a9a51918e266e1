"""Calls through Apprise to a real receiver: at once, out of the event loop, and without a word about the address."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from hearthline_backend.alerting.channels import About, DeliveryError, Message
from hearthline_backend.alerting.channels_apprise import AppriseChannel, known
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.calls import Occasion
from tests.fixtures.sinks import HookSink, hook_sink

MESSAGE = Message(
    notification=uuid4(),
    alert=4417,
    level=Level.RED,
    occasion=Occasion.RAISED,
    repeat=False,
    link="https://care.example/a/x",
    sent_at=datetime(2026, 11, 23, 7, tzinfo=UTC),
    address="",
    secret=None,
    locale="en",
    time_zone="Europe/Stockholm",
    emergency_number="112",
)


@pytest.fixture
async def channel() -> AsyncIterator[AppriseChannel]:
    made = AppriseChannel(timeout_s=4)
    yield made
    await made.close()


@pytest.fixture
async def sink() -> AsyncIterator[HookSink]:
    async with hook_sink() as made:
        yield made


def to(sink: HookSink, **other: object) -> Message:
    return replace(MESSAGE, address=f"json://user:hidden-token@127.0.0.1:{sink.port}/call", **other)  # type: ignore[arg-type]


async def test_messages_go_out_at_once_and_side_by_side(channel: AppriseChannel, sink: HookSink) -> None:
    began = time.monotonic()
    await asyncio.gather(*(channel.send(to(sink)) for _ in range(8)))
    assert time.monotonic() - began < 20, "held back between two messages they would take forty seconds"
    assert len(sink.posts) == 8
    said = json.loads(sink.posts[0].body)
    assert said["title"] == "Hearthline: red alert"
    assert said["message"].startswith("Hearthline: a red alert needs you.")
    assert "https://care.example/a/x" in said["message"]


async def test_a_slow_service_never_holds_up_the_event_loop_and_ends_in_time(
    channel: AppriseChannel, sink: HookSink
) -> None:
    sink.held = asyncio.Event()
    sending = asyncio.create_task(channel.send(to(sink)))
    await asyncio.wait_for(sink.waiting.wait(), 10)
    longest, last = 0.0, time.monotonic()
    while not sending.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    with pytest.raises(DeliveryError) as refused:
        await sending
    assert refused.value.maybe_arrived
    assert not refused.value.permanent
    assert longest < 3


async def test_a_no_may_have_arrived_and_an_address_that_means_nothing_never_will(
    channel: AppriseChannel, sink: HookSink
) -> None:
    sink.answers = [500]
    with pytest.raises(DeliveryError, match="did not take it") as refused:
        await channel.send(to(sink))
    assert (refused.value.maybe_arrived, refused.value.permanent) == (True, False)
    for address in ("", "nosuchservice://x", "not a url"):
        assert not known(address)
        with pytest.raises(DeliveryError, match="none that Apprise knows") as refused:
            await channel.send(replace(MESSAGE, address=address))
        assert refused.value.permanent


async def test_the_address_stays_out_of_errors_and_logs(
    channel: AppriseChannel, sink: HookSink, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    sink.answers = [401]
    with caplog.at_level(logging.DEBUG, logger="hearthline_backend"), pytest.raises(DeliveryError) as refused:
        await channel.send(to(sink))
    gone = replace(MESSAGE, address="json://user:hidden-token@127.0.0.1:9/call")
    with pytest.raises(DeliveryError) as unreached:
        await channel.send(gone)
    output = capfd.readouterr()
    for said in (str(refused.value), str(unreached.value), caplog.text, output.out, output.err):
        assert "hidden-token" not in said
        assert "127.0.0.1" not in said


async def test_only_a_safe_contact_hears_what_it_is_about(channel: AppriseChannel, sink: HookSink) -> None:
    await channel.send(to(sink))
    await channel.send(to(sink, about=About("Ana Test, 1950", "blood_pressure")))
    plain, detailed = (json.loads(one.body)["message"] for one in sink.posts)
    assert "Ana" not in plain
    assert "pressure" not in plain
    assert "Ana Test, 1950: blood pressure" in detailed
