"""Live events for the browser, as server-sent events: what to fetch again, never the data itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final

from aiohttp import web

from hearthline_backend.events import Event
from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.records.people import Role
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.sessions import SESSION

if TYPE_CHECKING:
    from uuid import UUID

HEARTBEAT_S: Final = 15.0
"""A quiet stream still ticks this often, so that the browser can tell silence from a broken line."""
ASK_WITHIN_S: Final = 5.0
"""How long a stream waits for Records before it goes on without them."""
GATHER_S: Final = 0.15
"""Events that come together are told together."""


class Streams(set[asyncio.Task[None]]):
    """The streams that are open."""


_OF_EVERYBODY: Final = ("resync", "store", "broker")

STREAMS: Final = web.AppKey("hearthline_streams", Streams)

routes = web.RouteTableDef()


@routes.get("/live")
@for_roles(*Role, passive=True)
async def live(visit: Visit) -> web.StreamResponse:
    """A stream until the browser leaves, the session ends or the server stops."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    await response.prepare(visit.request)
    if visit.request.method == "HEAD":
        return response
    task = asyncio.create_task(_stream(visit, response))
    streams = visit.request.app[STREAMS]
    streams.add(task)
    try:
        await task
    except (ConnectionResetError, asyncio.CancelledError, StoreUnavailableError):
        task.cancel()
        with suppress(asyncio.CancelledError, ConnectionResetError, StoreUnavailableError):
            await task  # the browser comes back by itself
    finally:
        streams.discard(task)
    return response


async def close_streams(app: web.Application) -> None:
    """End every stream, so that the server can stop."""
    streams = app[STREAMS]
    for task in tuple(streams):
        task.cancel()


async def _stream(visit: Visit, response: web.StreamResponse) -> None:
    names = _Names(visit)
    await names.load()
    async with visit.context.events.subscribe(names.may_concern) as events:
        delayed = await _tell_delay(visit, response, None)
        await _send(response, "tick", visit.context.clock().isoformat())
        looked = monotonic()
        while True:
            batch = await _gather(events)
            due = monotonic() - looked >= HEARTBEAT_S
            looked = monotonic() if due else looked
            if due and not await _still_signed_in(visit):
                await _send(response, "signed-out", "")
                return
            told: dict[str, None] = {}
            for event in batch:
                for name in await names.of(event):
                    told[name] = None
            for name in told:
                await _send(response, name, "")
            delayed = await _tell_delay(visit, response, delayed)
            await _send(response, "tick", visit.context.clock().isoformat())


async def _gather(events: AsyncIterator[Event]) -> list[Event]:
    batch: list[Event] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(HEARTBEAT_S):
            batch.append(await anext(events))
    while batch:
        try:
            async with asyncio.timeout(GATHER_S):
                batch.append(await anext(events))
        except TimeoutError:
            break
    return batch


async def _tell_delay(visit: Visit, response: web.StreamResponse, told: str | None) -> str:
    """Since when data is delayed, empty while it is not; said where it is another than what was told."""
    since = visit.context.delayed_since()
    text = "" if since is None else since.isoformat()
    if text != told:
        await _send(response, "delayed", text)
    return text


async def _send(response: web.StreamResponse, name: str, data: str) -> None:
    await response.write(f"event: {name}\ndata: {data}\n\n".encode())


async def _still_signed_in(visit: Visit) -> bool:
    try:
        async with asyncio.timeout(ASK_WITHIN_S), visit.context.records.read() as unit:
            return await unit.people.session(visit.request[SESSION].token_hash, visit.context.clock()) is not None
    except (StoreUnavailableError, TimeoutError):
        return True


class _Names:
    """Which of the bus's events concern this viewer, and what they are called on the stream."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._patients: frozenset[UUID] = frozenset()
        self._gateways: frozenset[str] = frozenset()

    async def load(self) -> None:
        """Whose events the viewer may hear of."""
        user = self._visit.user
        team = self._visit.request[PLACE].team
        async with self._visit.context.records.read() as unit:
            if user.role is Role.CARE and team is not None:
                self._patients = frozenset(one.id for one in await unit.care.patients(team_id=team.id))
            if user.role.technical:
                self._gateways = frozenset(one.name for one in await unit.homes.gateways(user.organisation_id))
        if user.role is Role.PATIENT and user.patient_id is not None:
            self._patients = frozenset((user.patient_id,))

    def may_concern(self, event: Event) -> bool:
        """Whether to look at an event at all: most are of other teams."""
        if event.kind in (*_OF_EVERYBODY, "inbox"):
            return True
        role = self._visit.user.role
        if role.technical:
            return event.kind == "gateway"
        if role is Role.PATIENT:
            return event.patient_id in self._patients
        team = self._visit.request[PLACE].team
        return event.patient_id is not None and team is not None and event.team_id in (None, team.id)

    async def of(self, event: Event) -> list[str]:
        """The names of one event for this viewer; empty where it is none of theirs."""
        if event.kind in _OF_EVERYBODY:
            await self._load_again()
            return ["resync"]
        if event.kind == "inbox":
            return [] if self._visit.user.role is Role.PATIENT else ["inbox"]
        if self._visit.user.role.technical:
            return await self._of_gateway(event)
        if event.patient_id is None:
            return []
        if event.patient_id not in self._patients:
            await self._reload_for(event)
        if event.patient_id not in self._patients:
            return []
        names = [f"patient-{event.patient_id}", "worklist"]
        return names if event.alert_id is None else [*names, f"alert-{event.alert_id}"]

    async def _of_gateway(self, event: Event) -> list[str]:
        if event.kind != "gateway" or event.gateway is None:
            return []
        if event.gateway not in self._gateways:
            await self._load_again()
        return ["homes", f"home-{event.gateway}"] if event.gateway in self._gateways else []

    async def _reload_for(self, event: Event) -> None:
        # Somebody enrolled since the stream began.
        team = self._visit.request[PLACE].team
        if self._visit.user.role is Role.CARE and team is not None and event.team_id in (None, team.id):
            await self._load_again()

    async def _load_again(self) -> None:
        """While Records are away, whoever was known still is: the stream has to go on, and say that data is delayed."""
        with suppress(StoreUnavailableError, TimeoutError):
            async with asyncio.timeout(ASK_WITHIN_S):
                await self.load()
