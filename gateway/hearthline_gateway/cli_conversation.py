"""A command as the person at the terminal lives it: progress, questions, the end."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from hearthline_gateway.cli_answer import Answer
from hearthline_gateway.exit_codes import ExitCode

if TYPE_CHECKING:
    from hearthline_gateway.settings import GatewaySettings
    from hearthline_protocol.commands import Command, CommandReply, Question, Work


class Conversation(Protocol):
    """Where commands go: the running gateway, or the radio itself."""

    def do(self, work: "Command") -> "AsyncIterator[CommandReply]":
        """Give a command; each reply as it comes, the last one final."""

    async def answer(self, work: "Command") -> None:
        """Answer a question of the command under way."""


class LocalConversation:
    """An executor of this very process."""

    def __init__(self, submit: "Submit") -> None:
        self._submit = submit

    async def do(self, work: "Command") -> "AsyncIterator[CommandReply]":
        """As the running gateway would."""
        replies: asyncio.Queue[CommandReply] = asyncio.Queue()
        await self._submit(work, replies.put_nowait)
        while True:
            reply = await replies.get()
            yield reply
            if reply.state in ("done", "failed", "refused"):
                return

    async def answer(self, work: "Command") -> None:
        """Hand it in; whether it was taken shows in the command's replies."""
        await self._submit(work, lambda _: None)


class Submit(Protocol):
    """An executor's way in."""

    async def __call__(self, command: "Command", reply_to: "Reply") -> None:
        """Take a command."""


class Reply(Protocol):
    """Takes a reply."""

    def __call__(self, reply: "CommandReply", /) -> None:
        """Take it."""


@asynccontextmanager
async def conversation(settings: "GatewaySettings") -> AsyncIterator[Conversation]:
    """With the running gateway; where none runs, with the Bluetooth adapter itself."""
    from hearthline_gateway.control.client import NotRunningError, talking

    try:
        async with talking(settings.control_socket) as gateway:
            yield gateway
            return
    except NotRunningError:
        pass
    async with _alone(settings) as submit:
        yield LocalConversation(submit)


@asynccontextmanager
async def _alone(settings: "GatewaySettings") -> AsyncIterator[Submit]:
    from hearthline_gateway.ble.standalone import standalone_radio
    from hearthline_gateway.commands.executor import Executor
    from hearthline_gateway.commands.memory import CommandMemory
    from hearthline_gateway.commands.work import Desk
    from hearthline_gateway.configuration_in_force import ConfigurationInForce
    from hearthline_gateway.sole_user import sole_user_of

    with sole_user_of(settings.gateway.data_dir):
        kept = ConfigurationInForce(settings.gateway.data_dir, settings.configured_meters)
        kept.load()
        async with standalone_radio(kept.meters(), adapters=settings.bluetooth.adapters) as radio:
            executor = Executor(Desk(radio, kept, None), CommandMemory(None), restart=lambda: None)
            working = asyncio.create_task(executor.run(), name="commands")
            try:
                yield executor.submit
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)


async def carry_out(talk: Conversation, work: "Work", answer: Answer) -> "CommandReply":
    """Give one command and see it through; returns its final reply. Questions go to the person at the terminal."""
    from hearthline_gateway.control.client import command
    from hearthline_protocol.commands import Answer as AnswerWork

    order = command(work)
    asking: asyncio.Task[None] | None = None
    nobody: str | None = None
    last: CommandReply | None = None
    try:
        async for reply in talk.do(order):
            last = reply
            if asking is not None and reply.state != "running":
                asking.cancel()
            if reply.question is None:
                answer.progress(reply.message)
            elif not sys.stdin.isatty():
                nobody = reply.message
                await talk.answer(command(AnswerWork(to=order.id, confirmed=False)))
            elif reply.question.kind == "type_on_meter":
                answer.ask(reply.message)
            else:
                asking = asyncio.create_task(_ask(talk, order, reply.message, reply.question, answer))
    finally:
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
    if nobody is not None:
        answer.fail(
            f"{nobody} Nobody is here to do it: run this in a terminal, or give the digits with --passkey.",
            ExitCode.NEEDS_A_PERSON,
        )
    assert last is not None  # noqa: S101 - a command has at least its final reply, or the conversation raised
    return last


async def _ask(talk: Conversation, order: "Command", message: str, question: "Question", answer: Answer) -> None:
    from hearthline_gateway.control.client import command
    from hearthline_protocol.commands import Answer as AnswerWork

    while True:
        answer.ask(f"{message} {'Digits' if question.kind == 'enter_passkey' else 'Same? [y/n]'}:")
        line = await _line()
        if not line:  # the terminal is gone, or its keyboard was closed: nobody will ever answer
            await talk.answer(command(AnswerWork(to=order.id, confirmed=False)))
            return
        words = line.strip().lower()
        if question.kind == "compare" and words[:1] in ("y", "n"):
            await talk.answer(command(AnswerWork(to=order.id, confirmed=words.startswith("y"))))
            return
        if question.kind == "enter_passkey" and words.isascii() and words.isdigit() and len(words) <= 6:
            await talk.answer(command(AnswerWork(to=order.id, passkey=int(words))))
            return


async def _line() -> str:
    """A line from the terminal, without holding up what goes on meanwhile; empty where none will come."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin, ready.set)
    try:
        await ready.wait()
        return sys.stdin.readline()
    finally:
        loop.remove_reader(sys.stdin)


def code_of(reply: "CommandReply") -> ExitCode:
    """How a command that ended so ends."""
    return ExitCode.OK if reply.state == "done" else ExitCode.FAILED
