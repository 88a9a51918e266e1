"""A command's side of the control socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from hearthline_gateway.control.messages import ANSWER, Ended, GatewayState, ProofRequest, ProofStep, StatusRequest
from hearthline_gateway.control.place import LONGEST_LINE, reachable
from hearthline_gateway.errors import GatewayError
from hearthline_protocol.commands import Command, CommandReply, Work

ALIVE_FOR: Final = timedelta(minutes=5)
"""How long a command given beside the gateway may wait for its turn."""
_ANSWER_WITHIN_S: Final = 15.0


class NotRunningError(GatewayError):
    """No gateway listens at the socket."""


class ControlError(GatewayError):
    """A gateway listens, and did not answer as it should."""


def command(work: Work) -> Command:
    """A new command, given now."""
    now = datetime.now(UTC)
    return Command(id=uuid4(), sent_time=now, expires_time=now + ALIVE_FOR, work=work)


class ControlClient:
    """One conversation with the running gateway; :func:`talking` opens it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def state(self) -> GatewayState:
        """How the gateway is."""
        found: GatewayState | None = None
        async with _patience():
            async for answer in self._ask(StatusRequest(request="status")):
                found = answer if isinstance(answer, GatewayState) else found
        if found is None:
            raise ControlError("the running gateway said nothing of its state: restart it")
        return found

    async def prove(self, within_s: float) -> AsyncIterator[ProofStep]:
        """Have a marked reading sent; each hop as it is passed."""
        async for answer in self._ask(ProofRequest(request="proof", within_s=within_s)):
            if isinstance(answer, ProofStep):
                yield answer

    async def do(self, work: Command) -> AsyncIterator[CommandReply]:
        """Give a command; each reply as it comes, the last one final. Answers go through :meth:`answer`."""
        await self._say(work)
        async for answer in self._answers():
            if isinstance(answer, CommandReply) and answer.command == work.id:
                yield answer
                if answer.state in ("done", "failed", "refused"):
                    return

    async def answer(self, work: Command) -> None:
        """Answer a question of the command under way; whether it was taken shows in that command's replies."""
        await self._say(work)

    async def _ask(self, request: BaseModel) -> AsyncIterator[CommandReply | GatewayState | ProofStep]:
        await self._say(request)
        async for answer in self._answers():
            yield answer

    async def _answers(self) -> AsyncIterator[CommandReply | GatewayState | ProofStep]:
        while True:
            line = await self._reader.readline()
            if not line:
                raise ControlError("the gateway ended before it had answered: see its log, then try again")
            try:
                answer = ANSWER.validate_json(line)
            except ValidationError as error:
                raise ControlError("the running gateway is of another release: restart it, then try again") from error
            if isinstance(answer, Ended):
                if answer.problem is not None:
                    raise ControlError(answer.problem)
                return
            yield answer

    async def _say(self, message: BaseModel) -> None:
        try:
            self._writer.write(message.model_dump_json().encode() + b"\n")
            await self._writer.drain()
        except OSError as error:
            raise ControlError("the gateway ended before it had answered: see its log, then try again") from error


@asynccontextmanager
async def talking(path: Path) -> AsyncIterator[ControlClient]:
    """Talk to the gateway that runs. Raises :class:`NotRunningError` where none does, :class:`ControlError` where it
    may not be talked to."""
    try:
        with reachable(path) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=LONGEST_LINE)
    except PermissionError as error:
        raise ControlError(f"you may not use {path}: run this with sudo, or join the gateway's group") from error
    except OSError as error:
        raise NotRunningError(f"no gateway runs here (nothing answers at {path})") from error
    try:
        yield ControlClient(reader, writer)
    except ConnectionError as error:
        raise ControlError("the gateway ended before it had answered: see its log, then try again") from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            yield
    except TimeoutError as error:
        raise ControlError(f"the running gateway did not answer in {_ANSWER_WITHIN_S:.0f} s: restart it") from error
