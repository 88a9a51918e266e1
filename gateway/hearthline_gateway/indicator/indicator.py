"""Chooses what the indicator says, and has its engines say it.

Events (measured, stored) are shown once, in their order. In between, the lasting state is shown: readings that have
waited too long, or something that needs help. Between the quiet hours nothing is, except to a technician who asks.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from hearthline_gateway.indicator.engine import IndicatorEngine, IndicatorError
from hearthline_gateway.indicator.patterns import PATTERNS, Pattern, Sign
from hearthline_gateway.indicator.quiet_hours import QuietHours

log = structlog.get_logger(__name__)

_MOST_EVENTS: Final = 4
"""A meter that empties its memory brings dozens of readings; a person wants to see that it works, not to count."""
_QUIET_CHECK_S: Final = 30.0


@dataclass(slots=True)
class _Voice:
    engine: IndicatorEngine
    failed: bool = False
    toned: Sign | None = None
    """The lasting sign whose tones were played; they are played once."""


class Indicator:
    """Run :meth:`run` beside the gateway; the other methods may be called at any time and return at once."""

    def __init__(
        self, engines: Sequence[IndicatorEngine], *, quiet: QuietHours | None, now: Callable[[], datetime]
    ) -> None:
        self._voices = [_Voice(engine) for engine in engines]
        self._quiet = quiet
        self._now = now
        self._events: deque[Sign] = deque(maxlen=_MOST_EVENTS)
        self._lasting = Sign.NOTHING
        self._identify_until = 0.0
        self._changed = asyncio.Event()
        self.problem: str | None = None
        """Why an engine cannot tell, with the next step; None while all can."""

    @property
    def mute(self) -> bool:
        """Whether no engine is left that can tell."""
        return all(voice.failed for voice in self._voices)

    def measured(self) -> None:
        """A reading is safe in the gateway."""
        self._event(Sign.MEASURED)

    def stored(self) -> None:
        """A receipt came for a reading that was measured just now."""
        self._event(Sign.STORED)

    def lasting(self, sign: Sign) -> None:
        """What holds until further notice: ``NOTHING``, ``WAITING`` or ``NEEDS_HELP``."""
        if sign is not self._lasting:
            self._lasting = sign
            self._changed.set()

    async def identify(self, seconds: float) -> None:
        """Say "here I am" for so long, at any hour."""
        self._identify_until = asyncio.get_running_loop().time() + seconds
        self._changed.set()

    def quiet_hours(self, quiet: QuietHours | None) -> None:
        """From now on."""
        self._quiet = quiet
        self._changed.set()

    def _event(self, sign: Sign) -> None:
        if not self._is_quiet():
            self._events.append(sign)
            self._changed.set()

    def _is_quiet(self) -> bool:
        return self._quiet is not None and self._quiet.at(self._now())

    async def run(self) -> None:
        """Until cancelled; every engine is then left as it was found."""
        try:
            for voice in self._voices:
                await self._try(voice, voice.engine.open())
            while True:
                await self._round()
        finally:
            for voice in self._voices:
                if not voice.failed:
                    await self._try(voice, voice.engine.close())

    async def _round(self) -> None:
        """Say one thing, or wait until there is something to say. An event interrupts what lasts."""
        self._changed.clear()
        sign = self._next()
        if sign is Sign.NOTHING:
            for voice in self._voices:
                voice.toned = None
            await self._until_changed(_QUIET_CHECK_S)
            return
        pattern = PATTERNS[sign]
        playing = asyncio.gather(*(self._say(voice, sign, pattern) for voice in self._voices if not voice.failed))
        if not pattern.repeats:
            await playing
            return
        changed = asyncio.ensure_future(self._changed.wait())
        over = asyncio.get_running_loop().time() + pattern.seconds
        try:
            first: set[asyncio.Future[Any]] = {playing, changed}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            await self._until_changed(over - asyncio.get_running_loop().time())  # tones may be shorter than the light
        finally:
            playing.cancel()
            changed.cancel()
            await asyncio.gather(playing, changed, return_exceptions=True)

    def _next(self) -> Sign:
        if asyncio.get_running_loop().time() < self._identify_until:
            return Sign.IDENTIFY
        if self._events:
            return self._events.popleft()
        return Sign.NOTHING if self._is_quiet() else self._lasting

    async def _until_changed(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _say(self, voice: _Voice, sign: Sign, pattern: Pattern) -> None:
        if pattern.repeats and voice.toned is sign:
            pattern = Pattern(pattern.light, (), repeats=True)
        elif pattern.repeats:
            voice.toned = sign
        await self._try(voice, voice.engine.play(pattern))

    async def _try(self, voice: _Voice, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except IndicatorError as error:
            voice.failed = True
            self.problem = str(error)
            log.warning("indicator_failed", reason=str(error))
