"""A gateway may speak only for itself: the broker's access list sees to it, and the worker behind it does not trust."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.uplink.mqtt5_engine import Mqtt5Uplink
from hearthline_backend.uplink.subscriptions import Subscriptions
from hearthline_protocol import topics
from hearthline_protocol.messages import ReceiptStatus
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.ingesting import batch, ingesting
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, seed

ACCESS = Path(__file__).parents[2] / "firmware-config" / "broker" / "access.acl"
OWN, OTHER = "home-0001", "home-0002"
WITHIN_S = 20


@asynccontextmanager
async def _signed_in(broker: Broker, user: str, subscriptions: Subscriptions) -> AsyncIterator[Mqtt5Uplink]:
    """Somebody who may say what they like, under one name."""
    uplink = Mqtt5Uplink(BrokerAddress("127.0.0.1", broker.port, username=user), subscriptions=subscriptions)
    await uplink.start()
    try:
        async with asyncio.timeout(WITHIN_S):
            while not uplink.connected:  # noqa: ASYNC110  # the port gives no event for it, on purpose
                await asyncio.sleep(0.01)
        yield uplink
    finally:
        await uplink.close()


async def _refused(broker: Broker, topic: str) -> None:
    """The other home says something there; returns when the broker has refused it. mosquitto hangs up then, or not."""
    async with _signed_in(broker, OTHER, Subscriptions((topics.receipts(OTHER),))) as foreign:
        assert foreign.publish(topic, b"in another's name", None)
        async with asyncio.timeout(WITHIN_S):
            while f"'{topic}'" not in broker.log:  # noqa: ASYNC110  # another process writes it
                await asyncio.sleep(0.01)
    (line,) = (line for line in broker.log.splitlines() if f"'{topic}'" in line)
    assert "Denied PUBLISH" in line


async def test_what_is_said_in_anothers_name_does_not_arrive(tmp_path: Path) -> None:
    # Names are taken as given: the list goes by them alone.
    options = ("allow_anonymous true", f"acl_file {ACCESS}", "log_type all")
    as_a_gateway = (topics.readings(OWN), topics.status(OWN), topics.config_reported(OWN), topics.command_replies(OWN))
    as_the_backend = (topics.receipts(OWN), topics.config(OWN), topics.commands(OWN), topics.receipts(OTHER))
    hears = Subscriptions((topics.receipts(OWN), topics.config(OWN), topics.commands(OWN)))
    async with (
        running_broker(tmp_path, options=options) as broker,
        _signed_in(broker, "backend", Subscriptions.of()) as worker,
        _signed_in(broker, OWN, hears) as own,
    ):
        for topic in (*as_a_gateway, *as_the_backend):
            await _refused(broker, topic)
        assert own.publish(topics.readings(OWN), b"own", None)
        assert worker.publish(topics.receipts(OWN), b"the backend's", None)
        async with asyncio.timeout(WITHIN_S):
            heard = [(message.topic, message.payload) for message in await worker.messages(100, 0.2)]
            answers = [message.payload for message in await own.messages(100, 0.2)]
    assert heard == [(topics.readings(OWN), b"own")], "what another said in its name did not come before"
    assert answers == [b"the backend's"]


async def test_without_the_list_a_gateway_of_another_organisation_still_reaches_no_patient(tmp_path: Path) -> None:
    async with ingesting(tmp_path) as parts:
        theirs = Household(gateway=OTHER, sensor="C0:00:00:00:00:02")
        async with parts.records.begin() as unit:
            await seed(unit, theirs)
        reading = pressure()  # of the cuff of the first home
        claimed = batch(reading).replace(b'{"schema"', b'{"gateway":"home-0001","schema"')
        parts.uplink.send(OTHER, batch(reading))
        parts.uplink.send(OTHER, claimed)
        parts.uplink.send("home-0404", batch(reading))
        await parts.take()
        assert len(parts.readings) == 0
        assert parts.judge.given == []
        held, refused, stranger = sorted(await parts.quarantined(), key=lambda row: (row.gateway, row.id))
        assert (held.gateway, held.reason, held.reading_id) == (OTHER, "unknown_sensor", reading.id)
        assert (refused.gateway, refused.reason) == (OTHER, "wrong_schema")
        assert (stranger.gateway, stranger.reason) == ("home-0404", "unknown_gateway")
        topics_answered = {topic for topic, _, _ in parts.uplink.published}
        assert topics_answered == {topics.receipts(OTHER), topics.receipts("home-0404")}, "each is answered itself"
        parts.uplink.send(OWN, batch(reading))
        await parts.take()
        assert parts.judge.given == [reading.id], "what another gateway said of a meter is not in its way"
        assert parts.uplink.receipts[-1].readings[0].status is ReceiptStatus.STORED
