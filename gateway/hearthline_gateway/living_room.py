"""What the living room is told: which events become which sign, and by which light and sound.

Only a measurement that somebody may be waiting for counts, one that was seen measured; a meter that empties its memory
says nothing. ``stored`` is shown for the receipt that says so and for no other: a reading that the backend merely
holds, or refuses, has not reached the care team, and asks for help.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from hearthline_gateway.errors import GatewayError
from hearthline_gateway.indicator.engine import IndicatorEngine
from hearthline_gateway.indicator.indicator import Indicator
from hearthline_gateway.indicator.patterns import Sign
from hearthline_gateway.indicator.quiet_hours import QuietHours
from hearthline_gateway.outbox.rows import Applied, Pending
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.settings import IndicatorSection
from hearthline_protocol.configuration import IndicatorWanted
from hearthline_protocol.messages import GatewayStatus

log = structlog.get_logger(__name__)

WAITS_S: Final = 60.0
"""So long a live reading is on its way; from then on it waits."""
TROUBLE_S: Final = 60.0
"""So long something must be wrong before the living room hears of it: a start, a reset adapter and the first minute
without the time mend themselves."""
_LOOK_EVERY_S: Final = 10.0
_LOOK_AFTER_WAITING_S: Final = 600.0
_OUR_LIGHT: Final = "ACT"
"""The light that a Raspberry Pi has by itself, taken where the backend asks for a light and the settings name none."""
_NO_LIGHT: Final = "none"

Engines = Callable[[IndicatorSection, IndicatorWanted | None], Sequence[IndicatorEngine]]
"""Which light and sound to use, by the settings and the backend's wish; none where both are off."""


class NoIndicatorError(GatewayError):
    """There is nothing to show it with."""


class LivingRoom:
    """Run :meth:`run` beside the gateway; everything else returns at once and may be called at any time.

    ``status`` is the gateway's, asked now and then; ``waiting`` are the rows without a receipt.
    """

    def __init__(
        self,
        settings: IndicatorSection,
        zone: ZoneInfo,
        *,
        now: Callable[[], datetime],
        status: Callable[[], Awaitable[GatewayStatus]],
        waiting: Callable[[], Awaitable[Sequence[Pending]]],
        engines: Engines | None = None,
    ) -> None:
        self._settings, self._zone, self._now = settings, zone, now
        self._status, self._waiting = status, waiting
        self._engines = engines_of if engines is None else engines
        self._wanted: IndicatorWanted | None = None
        self._indicator: Indicator | None = None
        self._since: dict[int, float] = {}
        self._refused: set[int] = set()
        self._trouble_since: float | None = None
        self._looked_after = 0.0
        self._changed = asyncio.Event()

    @property
    def problem(self) -> str | None:
        """Why a light or a sound cannot be used, with the next step."""
        return None if self._indicator is None else self._indicator.problem

    def added(self, rows: Sequence[Pending]) -> None:
        """These were just committed."""
        live = [row.seq for row in rows if row.live]
        if live and self._indicator is not None:
            self._since |= dict.fromkeys(live, asyncio.get_running_loop().time())
            self._indicator.measured()

    def answered(self, applied: Applied) -> None:
        """A receipt came."""
        if self._indicator is None:
            return
        stored = set(applied.stored)
        ours = (self._since.keys() | self._refused) & {*applied.settled, *stored}
        if not ours:
            return
        for seq in ours:
            self._since.pop(seq, None)
        if ours & stored:
            self._refused.clear()  # the road works again
            self._indicator.stored()
        self._refused |= ours - stored
        self._changed.set()

    def show(self, wanted: IndicatorWanted | None) -> None:
        """How the backend wants it; None leaves it to the settings."""
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def identify(self, seconds: float) -> None:
        """Say "here I am" for so long. Raises :class:`NoIndicatorError`."""
        if self._indicator is None:
            raise NoIndicatorError(
                "This gateway shows nothing: set [indicator] in its settings, or switch its light or sound on."
            )
        if self._indicator.mute:
            raise NoIndicatorError(f"This gateway cannot show itself: {self._indicator.problem}.")
        await self._indicator.identify(seconds)

    async def run(self) -> None:
        """Until cancelled; light and sound are then left as they were found."""
        while True:
            wanted = self._wanted
            engines = self._engines(self._settings, wanted)
            if engines:
                await self._speak(Indicator(engines, quiet=self._quiet(), now=self._now), wanted)
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _speak(self, indicator: Indicator, wanted: IndicatorWanted | None) -> None:
        """Until the backend wants something else."""
        self._indicator = indicator
        await self._take_up()
        speaking = asyncio.create_task(indicator.run(), name="indicator")
        try:
            while wanted is self._wanted:
                self._changed.clear()
                indicator.lasting(await self._lasting())
                await self._until_changed(speaking)
        finally:
            self._indicator = None
            speaking.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([speaking])

    async def _until_changed(self, speaking: asyncio.Task[None]) -> None:
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait([changed, speaking], timeout=_LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
        if speaking.done():
            speaking.result()  # it ends only by a fault of ours

    async def _lasting(self) -> Sign:
        """What is shown until further notice."""
        now = asyncio.get_running_loop().time()
        if not await self._troubled():
            self._trouble_since = None
        elif self._trouble_since is None:
            self._trouble_since = now
        if self._refused or (self._trouble_since is not None and now - self._trouble_since >= TROUBLE_S):
            return Sign.NEEDS_HELP
        if self._waits(now) and now - self._looked_after >= _LOOK_AFTER_WAITING_S:
            await self._forget_gone()
            self._looked_after = now
        return Sign.WAITING if self._waits(now) else Sign.NOTHING

    def _waits(self, now: float) -> bool:
        return any(now - since >= WAITS_S for since in self._since.values())

    async def _troubled(self) -> bool:
        try:
            status = await self._status()
        except OutboxError as error:
            log.warning("status_not_known", reason=str(error))
            return True
        ours = set(filter(None, (self.problem,)))
        meters = any(meter.problem for meter in status.meters)
        adapters = any(adapter.problem for adapter in status.adapters) or not status.adapters
        return bool(set(status.problems) - ours) or meters or adapters

    async def _take_up(self) -> None:
        """What a former run left without a receipt is on its way from now on."""
        now = asyncio.get_running_loop().time()
        try:
            self._since = {row.seq: now for row in await self._waiting() if row.live}
        except OutboxError as error:
            log.warning("waiting_not_known", reason=str(error))

    async def _forget_gone(self) -> None:
        """Readings may leave the outbox otherwise than by a receipt; nobody waits for those."""
        try:
            there = {row.seq for row in await self._waiting()}
        except OutboxError as error:
            log.warning("waiting_not_known", reason=str(error))
            return
        for seq in self._since.keys() - there:
            del self._since[seq]

    def _quiet(self) -> QuietHours:
        said = self._settings if self._wanted is None else self._wanted
        return QuietHours.of(said.quiet_from, said.quiet_to, self._zone)


def engines_of(settings: IndicatorSection, wanted: IndicatorWanted | None) -> Sequence[IndicatorEngine]:
    """The light and the sound of this machine. What the backend wishes goes first; ``led = "none"`` forbids a light."""
    from hearthline_gateway.indicator.led import LedIndicator  # noqa: PLC0415 - most homes have neither
    from hearthline_gateway.indicator.sound import SoundIndicator  # noqa: PLC0415

    engines: list[IndicatorEngine] = []
    light = settings.led
    if wanted is not None:
        light = None if not wanted.light else settings.led or _OUR_LIGHT
    if light is not None and light != _NO_LIGHT:
        engines.append(LedIndicator(light))
    if settings.sound if wanted is None else wanted.sound:
        engines.append(SoundIndicator(settings.sound_device, volume=settings.volume))
    return engines
