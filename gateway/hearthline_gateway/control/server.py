"""The running gateway's side of the control socket."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import structlog
from pydantic import BaseModel, ValidationError

from hearthline_gateway.commands.replies import FINAL, ReplyTo
from hearthline_gateway.control.messages import (
    REQUEST,
    Ended,
    GatewayState,
    ProofRequest,
    ProofStep,
    StatusRequest,
)
from hearthline_gateway.control.place import LONGEST_LINE, reachable
from hearthline_gateway.errors import GatewayError
from hearthline_protocol.commands import Command, CommandReply

log = structlog.get_logger(__name__)

_MODE: Final = 0o660
"""Whoever runs the gateway, and its group: nobody else gives it commands."""


class CommandTaker(Protocol):
    """Where commands go."""

    async def submit(self, command: Command, reply_to: ReplyTo) -> None:
        """Take a command; its replies go to ``reply_to``."""


class ControlServer:
    """Listens inside :meth:`run`. ``state`` tells how the gateway is, ``proof`` sends a marked reading."""

    def __init__(
        self,
        path: Path,
        commands: CommandTaker,
        state: Callable[[], Awaitable[GatewayState]],
        proof: Callable[[float], AsyncIterator[ProofStep]],
    ) -> None:
        self._path, self._commands, self._state, self._proof = path, commands, state, proof
        self._talks: set[asyncio.Task[None]] = set()
        self.problem: str | None = None
        """Why nobody beside the gateway can give it commands, with the next step."""

    async def run(self) -> None:
        """Until cancelled. A socket that cannot be made is logged; the gateway works on without it."""
        try:
            server = await asyncio.start_unix_server(self._on_connection, sock=self._listening(), limit=LONGEST_LINE)
        except OSError as error:
            self.problem = (
                f"The control socket {self._path} cannot be made ({error.strerror}): let the gateway's user write "
                "there, or set gateway.control_socket."
            )
            log.warning("control_socket_failed", reason=self.problem)
            await asyncio.Event().wait()
            return
        try:
            async with server:
                await server.serve_forever()
        finally:
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            with suppress(OSError):
                self._path.unlink()

    def _listening(self) -> socket.socket:
        """The outbox's lock makes this gateway the only one here: a socket that lies there is a dead one's."""
        self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        if self._path.is_socket():  # and nothing else that the settings may name by mistake
            self._path.unlink()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            with reachable(self._path) as address:
                listening.bind(address)
            self._path.chmod(_MODE)
        except OSError:
            listening.close()
            raise
        finally:
            os.umask(before)
        return listening

    def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer), name="control connection")
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = _Line(writer)
        requests: set[asyncio.Task[None]] = set()
        try:
            while line := await reader.readline():
                request = asyncio.create_task(self._answer(line, said))
                requests.add(request)
                request.add_done_callback(requests.discard)
        except (OSError, ValueError) as error:  # ValueError: a line longer than anything we would be asked
            log.info("control_connection_ended", why=str(error))
        finally:
            for request in requests:
                request.cancel()
            await asyncio.gather(*requests, return_exceptions=True)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, line: bytes, said: "_Line") -> None:
        try:
            request = REQUEST.validate_json(line)
            if isinstance(request, Command):
                await self._command(request, said)
            elif isinstance(request, StatusRequest):
                said.say(await self._state())
                said.say(Ended())
            else:
                await self._prove(request, said)
        except ValidationError as error:
            log.warning("control_request_unreadable", bytes=len(line), problems=error.error_count())
            said.say(
                Ended(problem="The gateway does not understand the request: is it of another release? Restart it.")
            )
        except GatewayError as error:
            said.say(Ended(problem=str(error)))
        except Exception as error:  # whoever asked would wait for ever
            log.exception("control_request_fault")
            words = f"A fault of the gateway ({type(error).__name__}): see its log, and report it."
            said.say(Ended(problem=words))

    async def _command(self, command: Command, said: "_Line") -> None:
        over = asyncio.Event()

        def reply(reply: CommandReply) -> None:
            said.say(reply)
            if reply.state in FINAL:
                over.set()

        await self._commands.submit(command, reply)
        await over.wait()

    async def _prove(self, request: ProofRequest, said: "_Line") -> None:
        async for step in self._proof(request.within_s):
            said.say(step)
        said.say(Ended())


class _Line:
    """Says one JSON object a line; what nobody listens to any more is let go."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def say(self, message: BaseModel) -> None:
        """Send the message."""
        if not self._writer.is_closing():
            self._writer.write(message.model_dump_json().encode() + b"\n")
