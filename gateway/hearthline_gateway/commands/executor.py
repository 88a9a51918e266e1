"""Carries out commands: one at a time, each at most once, expired ones not at all. One executor serves near and far."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog
from pydantic import ValidationError

from hearthline_gateway.commands.dialogue import ReplyDialogue
from hearthline_gateway.commands.memory import CommandMemory
from hearthline_gateway.commands.replies import Replies, ReplyTo
from hearthline_gateway.commands.work import Desk
from hearthline_gateway.errors import GatewayError
from hearthline_protocol.commands import Answer, Collect, Command, Identify, Pair, Restart, Scan, Unpair

log = structlog.get_logger(__name__)

_MOST_WAITING: Final = 16
_AFTER_RESTART: Final = 100_000
"""The number of the reply that a later process gives: larger than any the earlier one can have used."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Order:
    command: Command
    replies: Replies
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    """Set for a scan that something waits for: what it found so far will do."""
    dialogue: ReplyDialogue | None = None


class Executor:
    """Hand commands to :meth:`submit` at any time, and run :meth:`run` beside the gateway.

    ``restart`` ends the process; ``before_restart`` returns once every reply is on its way. Replies that an earlier
    process owes are given at the start, by ``remote_replies``.
    """

    def __init__(
        self,
        desk: Desk,
        memory: CommandMemory,
        *,
        restart: Callable[[], None],
        before_restart: Callable[[], Awaitable[object]] | None = None,
        remote_replies: ReplyTo = lambda _: None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._desk, self._memory, self._now = desk, memory, now
        self._restart, self._before_restart, self._remote = restart, before_restart, remote_replies
        self._waiting: list[_Order] = []
        self._current: _Order | None = None
        self._doing: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self._submitting = asyncio.Lock()
        self._mail: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue(64)

    def received(self, payload: bytes, retained: bool) -> None:
        """A command arrived from the backend; it is looked at in :meth:`run`."""
        try:
            self._mail.put_nowait((payload, retained))
        except asyncio.QueueFull:
            log.warning("command_flood", next_step="commands are dropped unread; look at who may publish them")

    async def run(self) -> None:
        """Work until cancelled."""
        await self._own_up()
        reading = asyncio.create_task(self._read_mail(), name="commands from the backend")
        try:
            while True:
                self._arrived.clear()
                while self._waiting:
                    await self._perform(self._waiting.pop(0))
                await self._arrived.wait()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _own_up(self) -> None:
        for command, begun in self._memory.interrupted.items():
            replies = Replies(
                command, self._remote if begun.remote else lambda _: None, self._now, first=_AFTER_RESTART
            )
            replies.say("failed", "The gateway ended while it did this. Look what came of it, then repeat.")
            await self._noted(replies, command)

    async def _read_mail(self) -> None:
        while True:
            payload, retained = await self._mail.get()
            try:
                command = Command.model_validate_json(payload)
            except ValidationError as error:
                log.warning("command_unreadable", bytes=len(payload), problems=error.error_count())
                continue
            try:
                await self.submit(command, self._remote, remote=True, retained=retained)
            except Exception:  # one command that our code trips over must not make the gateway deaf
                log.exception("command_fault", command=str(command.id), do=command.work.do)

    async def submit(
        self, command: Command, reply_to: ReplyTo, *, remote: bool = False, retained: bool = False
    ) -> None:
        """Take a command. Everything that becomes of it is said to ``reply_to``; nothing is raised. One that is under
        way is not begun again, one that is over gets its final reply again."""
        async with self._submitting:
            replies = Replies(command.id, reply_to, self._now)
            if self._repeated(command, reply_to):
                return
            refusal = self._refusal(command, retained=retained)
            if refusal is not None:
                log.info("command_refused", command=str(command.id), do=command.work.do, why=refusal)
                _refuse(replies, refusal)
                return
            if isinstance(command.work, Answer):
                self._answer(command.work, replies)
                return
            try:
                await self._memory.begin(command, remote=remote, now=self._now())
            except GatewayError as error:
                _refuse(replies, _sentence(error))
                return
            self._accept(_Order(command, replies))

    def _repeated(self, command: Command, reply_to: ReplyTo) -> bool:
        begun = self._memory.known(command.id)
        if begun is None:
            return False
        log.info("command_repeated", command=str(command.id), do=command.work.do)
        if begun.last is not None:
            reply_to(begun.last)
        return True

    def _refusal(self, command: Command, *, retained: bool) -> str | None:
        if retained:
            return "The command was kept by the broker, so nobody knows how old it is. Send it again, not retained."
        if command.expires_time < self._now():
            return "The command came after its time. Send it again if it is still wanted."
        if command.schema_version > 1:
            return f"The command has schema {command.schema_version}, this gateway understands 1. Update the gateway."
        if len(self._waiting) >= _MOST_WAITING and not isinstance(command.work, (Answer, Restart)):
            return f"{len(self._waiting)} commands wait already. Wait for them, then send it again."
        return None

    def _answer(self, answer: Answer, replies: Replies) -> None:
        current = self._current
        if current is None or current.command.id != answer.to or current.dialogue is None:
            _refuse(replies, "The command that this answers is not under way. Begin the pairing again.")
            return
        problem = current.dialogue.answer(answer)
        replies.say("done" if problem is None else "refused", problem or "Passed on to the meter.")
        replies.end()

    def _accept(self, order: _Order) -> None:
        ahead = len(self._waiting) + (self._current is not None)
        order.replies.say("accepted", "Begins now." if not ahead else "Waits for the command before it.")
        if isinstance(order.command.work, Restart):
            self._waiting.insert(0, order)
            if self._doing is not None:
                self._doing.cancel("a restart was asked for")
        else:
            self._waiting.append(order)
        if self._current is not None:
            self._current.enough.set()
        self._arrived.set()

    async def _perform(self, order: _Order) -> None:
        if order.command.expires_time < self._now():
            order.replies.say("refused", "Its time ran out while it waited. Send it again if still wanted.")
            await self._noted(order.replies, order.command.id)
            return
        if self._waiting:
            order.enough.set()
        self._current = order
        self._doing = asyncio.create_task(self._do(order), name=f"command {order.command.work.do}")
        try:
            await asyncio.wait([self._doing])
            await self._conclude(order, self._doing)
        finally:
            if not self._doing.done():
                self._doing.cancel()
                await asyncio.gather(self._doing, return_exceptions=True)
            self._current = self._doing = None

    async def _do(self, order: _Order) -> None:
        work, replies = order.command.work, order.replies
        log.info("command_begun", command=str(order.command.id), do=work.do)
        if isinstance(work, Scan):
            await self._desk.scan(work, replies, order.enough)
        elif isinstance(work, Pair):
            order.dialogue = ReplyDialogue(replies, work.passkey)
            await self._desk.pair(work, replies, order.dialogue)
        elif isinstance(work, Unpair):
            await self._desk.unpair(work, replies)
        elif isinstance(work, Identify):
            await self._desk.identify(work, replies)
        elif isinstance(work, Collect):
            await self._desk.collect(work, replies)
        elif isinstance(work, Restart):
            replies.say("done", "The gateway ends now; its service manager starts it again within seconds.")

    async def _conclude(self, order: _Order, done: asyncio.Task[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if done.cancelled():
            order.replies.say("failed", "Stopped, since a restart was asked for. Do it again after the restart.")
        elif isinstance(error, GatewayError):
            order.replies.say("failed", _sentence(error))
        elif error is not None:
            log.error("command_fault", command=str(order.command.id), do=order.command.work.do, exc_info=error)
            order.replies.say(
                "failed",
                f"A fault of the gateway stopped it ({type(error).__name__}). Try again; report it if it stays.",
            )
        await self._noted(order.replies, order.command.id)
        if isinstance(order.command.work, Restart):
            if self._before_restart is not None:
                await self._before_restart()
            self._restart()

    async def _noted(self, replies: Replies, command: UUID) -> None:
        """Note the final reply, then send it. A command whose end could not be noted is not done again either: its
        beginning was."""
        if replies.last is None:
            return
        log.info("command_ended", command=str(command), state=replies.last.state)
        try:
            await self._memory.end(command, replies.last)
        except GatewayError as error:
            log.warning("command_end_not_noted", command=str(command), reason=str(error))
        replies.end()


def _refuse(replies: Replies, why: str) -> None:
    replies.say("refused", why)
    replies.end()


def _sentence(error: GatewayError) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
