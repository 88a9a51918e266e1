"""The technician's desk: commands and wanted configurations, from a person to a gateway.

A command is written down before it is sent, with who asked; it expires soon, since a home that was offline must not
begin to pair days later. A gateway that comes back before that is sent it again, and does it at most once. A wanted
configuration is retained by the broker and sent again whenever a gateway shows that it has an older one, so that a
broker that lost its disk loses nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import structlog

from hearthline_backend.events import Event, EventBus
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.remote import Asked
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.uplink.port import Uplink
from hearthline_protocol import topics
from hearthline_protocol.commands import Command, Work
from hearthline_protocol.configuration import DesiredConfiguration, MeterWanted

log = structlog.get_logger(__name__)

VALID_FOR: Final = timedelta(minutes=2)
"""How long a gateway may take to hear of a command; after that it refuses it."""


class NotSentError(Exception):
    """The command did not leave: the broker is not reached. Nothing was asked of the gateway."""

    def __init__(self) -> None:
        super().__init__("the broker is not reached: nothing was sent. Try again when live data is back")


class RemoteDesk:
    """One for the whole service."""

    def __init__(self, records: Records, uplink: Uplink, events: EventBus, clock: Callable[[], datetime]) -> None:
        self._records, self._uplink, self._events, self._clock = records, uplink, events, clock
        self._unanswered: dict[UUID, tuple[str, Command]] = {}

    async def ask(self, gateway: str, work: Work, by: UUID) -> Asked:
        """Have a gateway do something. Raises :class:`NotSentError`; what the gateway says to it comes later."""
        now = self._clock()
        asked = Asked(uuid4(), gateway, {}, by, now, now + VALID_FOR, "sent")
        command = Command(id=asked.id, sent_time=asked.sent_at, expires_time=asked.expires_at, work=work)
        async with self._records.begin() as unit:
            await unit.remote.ask(asked, work)
            if not self._uplink.publish(topics.commands(gateway), command.model_dump_json().encode(), None):
                raise NotSentError
        self._forget_expired(now)
        self._unanswered[asked.id] = (gateway, command)
        log.info("command_sent", gateway=gateway, command=str(asked.id), work=work.do)
        self._events.publish(Event("gateway", now, gateway=gateway))
        return asked

    async def greet(self, gateway: str) -> None:
        """A gateway has just connected: what it has not answered and may still do is sent again. Each command has its
        id, by which the gateway knows one that it has done."""
        self._forget_expired(self._clock())
        for id_, (name, command) in list(self._unanswered.items()):
            if name != gateway:
                continue
            async with self._records.read() as unit:
                asked = await unit.remote.command(id_)
            if asked is None or asked.state != "sent":
                del self._unanswered[id_]
            elif self._uplink.publish(topics.commands(gateway), command.model_dump_json().encode(), None):
                log.info("command_sent_again", gateway=gateway, command=str(id_), work=command.work.do)

    def _forget_expired(self, now: datetime) -> None:
        self._unanswered = {id_: one for id_, one in self._unanswered.items() if one[1].expires_time > now}

    async def send_again(self, gateway: str) -> None:
        """A gateway showed that it has not heard of its newest configuration."""
        async with self._records.read() as unit:
            wanted = await unit.remote.wanted(gateway)
        if wanted is not None:
            self._send(gateway, wanted)

    def _send(self, gateway: str, wanted: DesiredConfiguration) -> None:
        sent = self._uplink.publish(topics.config(gateway), wanted.model_dump_json().encode(), None, retain=True)
        log.info("configuration_sent", gateway=gateway, revision=wanted.revision, sent=sent)


async def add_meter(unit: Unit, gateway: str, meter: MeterWanted, by: UUID | None, at: datetime) -> bool:
    """Want a meter at a gateway; False where it is wanted already."""
    before = await unit.remote.wanted(gateway)
    if before is None:
        wanted = DesiredConfiguration(revision=1, meters=(meter,))
    elif meter in before.meters:
        return False
    else:
        others = tuple(one for one in before.meters if one.address != meter.address)
        wanted = before.model_copy(update={"revision": before.revision + 1, "meters": (*others, meter)})
    await unit.remote.want(gateway, wanted, by, at)
    return True


async def drop_meter(unit: Unit, gateway: str, address: str, by: UUID | None, at: datetime) -> bool:
    """Want a meter at a gateway no more; False where it was not wanted."""
    before = await unit.remote.wanted(gateway)
    if before is None or all(meter.address != address for meter in before.meters):
        return False
    meters = tuple(meter for meter in before.meters if meter.address != address)
    wanted = before.model_copy(update={"revision": before.revision + 1, "meters": meters})
    await unit.remote.want(gateway, wanted, by, at)
    return True
