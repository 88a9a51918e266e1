"""A connected meter's control point: one request is written, and its answer comes by indication."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from hearthline_gateway.ble.meter_errors import HungUpError, NoAnswerError


class ControlPoint:
    """``write`` puts a request to the meter, ``gone`` says whether the meter has hung up. Whoever hears the meter calls
    :meth:`answered` and :meth:`active`."""

    def __init__(self, write: Callable[[bytes], Awaitable[None]], gone: Callable[[], bool], patience_s: float) -> None:
        self._write, self._gone, self._patience_s = write, gone, patience_s
        self._answers: deque[bytes] = deque()
        self._changed = asyncio.Event()

    async def ask(self, request: bytes, *, patience_s: float | None = None) -> bytes:
        """The answer to ``request``. The meter may take its time as long as it is heard at least every ``patience_s``
        seconds. Raises :class:`NoAnswerError`, :class:`HungUpError`, and what writing raises."""
        self._answers.clear()
        await self._write(request)
        patience = self._patience_s if patience_s is None else patience_s
        while not self._answers:
            if self._gone():
                raise HungUpError
            self._changed.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._changed.wait()
            except TimeoutError as error:
                raise NoAnswerError(patience) from error
        return self._answers.popleft()

    def answered(self, payload: bytes) -> None:
        """An indication of the control point."""
        self._answers.append(payload)
        self._changed.set()

    def active(self) -> None:
        """The meter said something else, or hung up: look again, and be patient from now on."""
        self._changed.set()
