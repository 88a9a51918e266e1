"""A pairing's questions, asked of whoever gave the command, near or far."""

import asyncio
from typing import Final

from hearthline_gateway.commands.replies import Replies
from hearthline_protocol.commands import Answer, Question

ANSWER_WITHIN_S: Final = 28.0
"""A meter gives up 30 s after it began to wait for the digits (Bluetooth Core, volume 3, part H, 3.4)."""


class ReplyDialogue:
    """The ``PairingDialogue`` of one command. ``known`` are digits that came with it."""

    def __init__(self, replies: Replies, known: int | None, *, within_s: float = ANSWER_WITHIN_S) -> None:
        self._replies, self._known, self._within_s = replies, known, within_s
        self._open: asyncio.Future[Answer] | None = None
        self._wanted = ""

    async def passkey(self, address: str) -> int | None:
        """The digits that the meter shows."""
        del address
        if self._known is not None:
            return self._known
        answer = await self._ask(
            "The meter shows six digits. Enter them within half a minute.", Question(kind="enter_passkey"), "passkey"
        )
        return None if answer is None else answer.passkey

    async def type_on_meter(self, address: str, digits: str) -> None:
        """Show what is to be typed; nobody has to answer."""
        del address
        self._replies.say(
            "asks", f"Type {digits} on the meter.", question=Question(kind="type_on_meter", digits=digits)
        )

    async def same(self, address: str, digits: str) -> bool | None:
        """Whether the meter shows the same digits; None where nobody answered."""
        del address
        question = Question(kind="compare", digits=digits)
        answer = await self._ask(
            f"Does the meter show {digits}? Confirm within half a minute, on the meter too.", question, "confirmed"
        )
        return None if answer is None else answer.confirmed is True

    def answer(self, answer: Answer) -> str | None:
        """Pass an answer on; returns why it cannot be used, with the next step."""
        if self._open is None or self._open.done():
            return "Nothing is being asked now: it was answered, or the meter has given up. Begin the pairing again."
        if getattr(answer, self._wanted) is None and answer.confirmed is not False:
            wanted = (
                "the digits that the meter shows" if self._wanted == "passkey" else "whether the digits are the same"
            )
            return f"The answer lacks {wanted}. Answer again."
        self._open.set_result(answer)
        return None

    async def _ask(self, message: str, question: Question, wanted: str) -> Answer | None:
        self._open, self._wanted = asyncio.get_running_loop().create_future(), wanted
        self._replies.say("asks", message, question=question)
        try:
            async with asyncio.timeout(self._within_s):
                return await self._open
        except TimeoutError:
            return None
        finally:
            self._open = None
