"""A gateway's account that joins the group of the workers: what it gets, and what it costs, on a real mosquitto under
the access list that installations have."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.uplink.mqtt5_engine import Mqtt5Uplink
from hearthline_backend.uplink.subscriptions import Hears, Subscriptions
from hearthline_protocol import topics
from tests.fixtures.broker import Broker, running_broker

ACCESS = Path(__file__).parents[2] / "firmware-config" / "broker" / "access.acl"
WITHIN_S = 20
HOME, OTHER_HOME = "home-0001", "home-0002"
GROUP = "a-group-with-a-long-name"
SENT = {str(number).encode() for number in range(40)}


@asynccontextmanager
async def _as(user: str, broker: Broker, subscriptions: Subscriptions) -> AsyncIterator[Mqtt5Uplink]:
    address = BrokerAddress("127.0.0.1", broker.port, username=user)
    uplink = Mqtt5Uplink(address, subscriptions=subscriptions)
    await uplink.start()
    try:
        await _until(lambda: uplink.connected)
        yield uplink
    finally:
        await uplink.close()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110  # the port gives no event for it, on purpose
            await asyncio.sleep(0.01)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    # Names are taken as given here: the access list goes by the name alone.
    options = ("allow_anonymous true", f"acl_file {ACCESS}")
    async with running_broker(tmp_path, options=options) as one:
        yield one


async def _round(home: Mqtt5Uplink, worker: Mqtt5Uplink, payloads: set[bytes]) -> set[bytes]:
    """Send these, have the worker answer what reaches it; returns what has a receipt. The last message of a round goes
    to the worker by another way, so that nothing is under way any more when it is there."""
    for payload in sorted(payloads):
        assert home.publish(topics.readings(HOME), payload, None)
    assert home.publish(topics.status(HOME), b"end", None)
    receipted: set[bytes] = set()
    async with asyncio.timeout(WITHIN_S):
        while True:
            group = await worker.messages(100, 0)
            worker.acknowledge(group)
            for message in group:
                if message.topic == topics.readings(HOME):
                    assert worker.publish(topics.receipts(HOME), message.payload, b"c")
                    receipted.add(message.payload)
            if any(message.topic == topics.status(HOME) for message in group):
                break
        heard: set[bytes] = set()
        while heard != receipted:
            heard |= {message.payload for message in await home.messages(100, 0)}
    return receipted


async def test_a_stranger_in_the_group_reads_nothing_and_what_it_swallows_comes_again(broker: Broker) -> None:
    async with (
        _as("backend", broker, Subscriptions.of(Hears.ALL, GROUP)) as worker,
        _as(OTHER_HOME, broker, Subscriptions((f"$share/{GROUP}/{topics.ALL_READINGS}",))) as stranger,
        _as(HOME, broker, Subscriptions((topics.receipts(HOME),))) as home,
    ):
        missing = SENT - await _round(home, worker, SENT)
        assert missing, "mosquitto gives the stranger its share, and drops it by the access list"
        for _ in range(20):
            if missing:
                missing -= await _round(home, worker, missing)
        assert not missing
        assert stranger.waiting == 0


async def test_a_stranger_who_does_not_know_the_name_of_the_group_takes_nothing(broker: Broker) -> None:
    async with (
        _as("backend", broker, Subscriptions.of(Hears.ALL, GROUP)) as worker,
        _as(OTHER_HOME, broker, Subscriptions((f"$share/workers/{topics.ALL_READINGS}",))) as stranger,
        _as(HOME, broker, Subscriptions((topics.receipts(HOME),))) as home,
    ):
        assert await _round(home, worker, SENT) == SENT
        assert stranger.waiting == 0


async def test_a_gateway_that_subscribes_to_every_home_hears_none_of_them(broker: Broker) -> None:
    async with (
        _as("backend", broker, Subscriptions.of()) as worker,
        _as(OTHER_HOME, broker, Subscriptions((topics.ALL_READINGS, topics.ALL_STATUS))) as stranger,
        _as(HOME, broker, Subscriptions((topics.receipts(HOME),))) as home,
    ):
        assert await _round(home, worker, SENT) == SENT
        assert stranger.waiting == 0
