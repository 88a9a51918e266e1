"""A command as the person at the terminal lives it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from hearthline_gateway import cli_conversation
from hearthline_gateway.cli_answer import Answer
from hearthline_gateway.cli_conversation import carry_out
from hearthline_protocol.commands import Answer as AnswerWork
from hearthline_protocol.commands import Command, CommandReply, Pair, Question

ADDRESS = "A4:C1:38:01:02:03"


class Asking:
    """A pairing that asks for digits and ends with what it is told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[AnswerWork] = asyncio.Queue()

    async def do(self, work: Command) -> AsyncIterator[CommandReply]:
        question = Question(kind="enter_passkey")
        yield _reply(work, 0, "asks", "Enter the six digits.", question)
        answer = await self.told.get()
        yield _reply(work, 1, "failed" if answer.passkey is None else "done", f"It was told {answer.passkey}.")

    async def answer(self, work: Command) -> None:
        assert isinstance(work.work, AnswerWork)
        self.told.put_nowait(work.work)


def _reply(work: Command, number: int, state: str, message: str, question: Question | None = None) -> CommandReply:
    return CommandReply.model_validate(
        {
            "command": work.id,
            "number": number,
            "state": state,
            "message": message,
            "time": datetime.now(UTC),
            "question": question,
        }
    )


async def _said(monkeypatch: pytest.MonkeyPatch, *lines: str) -> CommandReply:
    typed = iter(lines)

    async def line() -> str:
        await asyncio.sleep(0)
        return next(typed)

    monkeypatch.setattr(cli_conversation, "_line", line)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    async with asyncio.timeout(15):
        return await carry_out(Asking(), Pair(address=ADDRESS, model="and-ua-651ble"), Answer("pair", as_json=True))


async def test_digits_are_asked_for_until_they_are_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await _said(monkeypatch, "what?\n", "1234567\n", "012345\n")).message == "It was told 12345."


async def test_a_terminal_that_is_gone_is_a_no_and_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await _said(monkeypatch, "")).state == "failed"
