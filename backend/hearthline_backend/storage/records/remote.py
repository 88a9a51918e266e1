"""What technicians want of gateways, and what became of it. Every change and every command names who asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.remote_tables import commands, configurations
from hearthline_backend.storage.schema import gateways
from hearthline_protocol.commands import CommandReply, FoundMeter, Pair, Work
from hearthline_protocol.configuration import DesiredConfiguration, ReportedConfiguration

_ENDED: Final = ("done", "failed", "refused")


@dataclass(frozen=True, slots=True)
class Asked:
    """One command. ``state`` is ``sent`` until the gateway answered; ``work`` as sent, but for a pairing's digits."""

    id: UUID
    gateway: str
    work: dict[str, Any]
    asked_by: UUID
    sent_at: datetime
    expires_at: datetime
    state: str
    reply: CommandReply | None = None
    replied_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether the gateway has said its last word."""
        return self.state in _ENDED


class RemoteWork:
    """Wanted configurations, reported configurations and commands of every gateway."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def wanted(self, gateway: str) -> DesiredConfiguration | None:
        """The newest wanted configuration; None where none was ever written."""
        query = (
            select(configurations.c.content)
            .where(configurations.c.gateway == gateway)
            .order_by(configurations.c.revision.desc())
            .limit(1)
        )
        content = await self._connection.scalar(query)
        return None if content is None else DesiredConfiguration.model_validate(content)

    async def all_wanted(self) -> dict[str, DesiredConfiguration]:
        """The newest of every gateway that has one."""
        newest = (
            select(configurations.c.gateway, func.max(configurations.c.revision).label("revision"))
            .group_by(configurations.c.gateway)
            .subquery()
        )
        query = select(configurations.c.gateway, configurations.c.content).join(
            newest,
            (configurations.c.gateway == newest.c.gateway) & (configurations.c.revision == newest.c.revision),
        )
        rows = await self._connection.execute(query)
        return {row.gateway: DesiredConfiguration.model_validate(row.content) for row in rows}

    async def want(self, gateway: str, content: DesiredConfiguration, by: UUID | None, at: datetime) -> None:
        """Write a newer one; two people at once cannot both write the same revision."""
        values = {
            "gateway": gateway,
            "revision": content.revision,
            "content": content.model_dump(mode="json", by_alias=True),
            "changed_by": by,
            "changed_at": at,
        }
        await self._connection.execute(configurations.insert().values(**values))

    async def report(self, gateway: str, content: ReportedConfiguration, at: datetime) -> bool:
        """Keep what a gateway says it has; False where that is not news."""
        said = content.model_dump(mode="json", by_alias=True)
        if said == await self._connection.scalar(select(gateways.c.reported).where(gateways.c.name == gateway)):
            return False
        changed = gateways.update().where(gateways.c.name == gateway).values(reported=said, reported_at=at)
        return (await self._connection.execute(changed)).rowcount > 0

    async def reported(self, gateway: str) -> ReportedConfiguration | None:
        """What a gateway last said it has."""
        said = await self._connection.scalar(select(gateways.c.reported).where(gateways.c.name == gateway))
        return None if said is None else ReportedConfiguration.model_validate(said)

    async def ask(self, asked: Asked, work: Work) -> None:
        """Note a command before it is sent. The digits of a pairing are not kept."""
        values = {
            "id": asked.id,
            "gateway": asked.gateway,
            "work": without_digits(work),
            "asked_by": asked.asked_by,
            "sent_at": asked.sent_at,
            "expires_at": asked.expires_at,
            "state": asked.state,
        }
        await self._connection.execute(commands.insert().values(**values))

    async def command(self, command: UUID) -> Asked | None:
        """One command."""
        row = (await self._connection.execute(select(commands).where(commands.c.id == command))).one_or_none()
        return None if row is None else _asked(row)

    async def latest(self, gateway: str, limit: int) -> list[Asked]:
        """The newest commands of a gateway, newest first."""
        query = (
            select(commands)
            .where(commands.c.gateway == gateway)
            .order_by(commands.c.sent_at.desc(), commands.c.id)
            .limit(limit)
        )
        return [_asked(row) for row in await self._connection.execute(query)]

    async def answered(self, gateway: str, reply: CommandReply, at: datetime) -> Asked | None:
        """Take a reply: the command it belongs to when it brought news, None for a stranger's, an older or a repeated
        one. What has ended stays ended."""
        row = await self._connection.execute(select(commands).where(commands.c.id == reply.command).with_for_update())
        before = None if (found := row.one_or_none()) is None else _asked(found)
        if before is None or before.gateway != gateway or before.ended:
            return None
        if before.reply is not None and reply.number <= before.reply.number:
            return None
        if before.reply is not None:
            reply = reply.model_copy(update={"found": _all_found(before.reply.found, reply)})
        values = {"state": reply.state, "reply": reply.model_dump(mode="json", by_alias=True), "replied_at": at}
        await self._connection.execute(commands.update().where(commands.c.id == reply.command).values(**values))
        return await self.command(reply.command)


def _all_found(before: tuple[FoundMeter, ...], reply: CommandReply) -> tuple[FoundMeter, ...]:
    """A search tells each meter as it is heard and all of them in its last reply; no word undoes what was found."""
    if reply.state in _ENDED and reply.found:
        return reply.found
    meters = {meter.address: meter for meter in (*before, *reply.found)}
    return tuple(sorted(meters.values(), key=_distance))


def _distance(meter: FoundMeter) -> tuple[bool, int]:
    """Nearest first; one whose signal was not told comes last."""
    return (meter.signal_dbm is None, -(meter.signal_dbm or 0))


def without_digits(work: Work) -> dict[str, Any]:
    """What may be kept of a command."""
    hidden = {"passkey"} if isinstance(work, Pair) or work.do == "answer" else set()
    return work.model_dump(mode="json", exclude=hidden)


def _asked(row: Row[Any]) -> Asked:
    reply = None if row.reply is None else CommandReply.model_validate(row.reply)
    return Asked(
        row.id, row.gateway, row.work, row.asked_by, row.sent_at, row.expires_at, row.state, reply, row.replied_at
    )
