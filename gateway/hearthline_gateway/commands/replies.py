"""The numbered replies to one command."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from hearthline_protocol.commands import CommandReply, FoundMeter, Question

ReplyTo = Callable[[CommandReply], None]
State = Literal["accepted", "running", "asks", "done", "failed", "refused"]
FINAL: Final = ("done", "failed", "refused")
_WORDS: Final = 300


class Replies:
    """Says how one command goes. Nothing is said after the final word, which waits for :meth:`end`: it has to be noted
    first, so that nobody hears of an end that a power cut undoes."""

    def __init__(self, command: UUID, reply_to: ReplyTo, now: Callable[[], datetime], *, first: int = 0) -> None:
        self._command, self._reply_to, self._now = command, reply_to, now
        self._number = first
        self.last: CommandReply | None = None
        """The final reply, sent or not; None while there is none."""

    def say(
        self,
        state: State,
        message: str,
        *,
        progress: float | None = None,
        found: Sequence[FoundMeter] = (),
        question: Question | None = None,
    ) -> None:
        """Send the next reply, or keep it where it is final. ``progress`` is the share done, 0 to 1."""
        if self.last is not None:
            return
        reply = CommandReply(
            command=self._command,
            number=self._number,
            state=state,
            message=message[:_WORDS],
            time=self._now(),
            progress=None if progress is None else min(max(progress, 0.0), 1.0),
            found=tuple(found),
            question=question,
        )
        self._number += 1
        if state in FINAL:
            self.last = reply
        else:
            self._reply_to(reply)

    def end(self) -> None:
        """Send the final reply."""
        if self.last is not None:
            self._reply_to(self.last)
