"""Which commands were begun, so that none is begun twice. Kept over reboots for as long as a command lives."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from hearthline_gateway.durable_file import set_aside, write_durably
from hearthline_gateway.errors import GatewayError
from hearthline_protocol.commands import Command, CommandReply
from hearthline_protocol.readings import Instant

log = structlog.get_logger(__name__)

FILE_NAME: Final = "commands.json"
_LONGER: Final = timedelta(days=1)
"""Kept past the expiry by so much, for a clock that is set back."""
_MOST: Final = 1000


class CommandNotNotedError(GatewayError):
    """What was begun could not be noted, and so must not be begun."""


class Begun(BaseModel):
    """One command. ``remote`` is where it came from, ``last`` its final reply; None while it is not over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expires_time: Instant
    remote: bool
    last: CommandReply | None = None


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    begun: dict[UUID, Begun] = {}


class CommandMemory:
    """Every change is on the disk before it is believed. Without a folder it lasts as long as the process."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / FILE_NAME
        self._begun: dict[UUID, Begun] = {}
        self.interrupted: dict[UUID, Begun] = {}
        """Commands that an earlier process began and did not end."""
        self._turn = asyncio.Lock()

    def load(self, now: datetime) -> None:
        """Take up what was kept; a damaged file is set aside, or left where even that fails: meters are read all the
        same."""
        if self._path is None:
            return
        try:
            self._begun = dict(_Kept.model_validate_json(self._path.read_bytes()).begun)
        except FileNotFoundError:
            return
        except (ValidationError, OSError) as error:
            try:
                aside = set_aside(self._path, now.strftime("%Y%m%dT%H%M%S"))
            except OSError as stuck:
                log.warning("command_memory_unusable", path=str(self._path), error=str(stuck))
            else:
                log.warning("command_memory_damaged", aside=str(aside), error=type(error).__name__)
        self.interrupted = {command: begun for command, begun in self._begun.items() if begun.last is None}

    def known(self, command: UUID) -> Begun | None:
        """What is remembered of a command; None where it was never begun."""
        return self._begun.get(command)

    async def begin(self, command: Command, *, remote: bool, now: datetime) -> None:
        """Note that a command is begun. Raises :class:`CommandNotNotedError`."""
        self._forget(now)
        await self._note(command.id, Begun(expires_time=command.expires_time, remote=remote))

    async def end(self, command: UUID, last: CommandReply) -> None:
        """Note how a command ended."""
        begun = self._begun.get(command)
        if begun is not None:
            await self._note(command, begun.model_copy(update={"last": last}))

    def _forget(self, now: datetime) -> None:
        alive = [(command, begun) for command, begun in self._begun.items() if begun.expires_time + _LONGER > now]
        self._begun = dict(alive[-_MOST:])

    async def _note(self, command: UUID, begun: Begun) -> None:
        async with self._turn:
            before = self._begun
            self._begun = before | {command: begun}
            if self._path is None:
                return
            content = _Kept(begun=self._begun).model_dump_json().encode()
            try:
                await asyncio.to_thread(write_durably, self._path, content)
            except OSError as error:
                if begun.last is None:
                    self._begun = before
                raise CommandNotNotedError(
                    f"the command could not be noted in {self._path} ({error.strerror}), so it is not done: look at "
                    "the disk's free space"
                ) from error
