"""What each command does, and what it says to the technician while it does."""

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

from hearthline_gateway.commands.dialogue import ReplyDialogue
from hearthline_gateway.commands.replies import Replies
from hearthline_gateway.errors import GatewayError
from hearthline_gateway.meter_models import MeterModel, model
from hearthline_gateway.radio import PairedMeter, Radio
from hearthline_protocol.commands import Collect, FoundMeter, Identify, Pair, Scan, Unpair

PAIR_WITHIN_S: Final = 180.0
"""Bluetooth gives up long before; past this the radio hangs."""
_TICK_S: Final = 2.0
_UNKNOWN_SIGNAL: Final = -128


class Indicator(Protocol):
    """The light or sound of this gateway."""

    async def identify(self, seconds: float) -> None:
        """Show which gateway this is, at any hour."""


class MeterRoster(Protocol):
    """The list of meters that a command changes; both raise ``GatewayError`` where the list is not theirs to change."""

    async def pair(self, address: str, model: str) -> None:
        """Read this meter from now on, and after a reboot."""

    def may_pair(self, address: str, model: str) -> None:
        """Raises where :meth:`pair` would."""

    async def unpair(self, address: str) -> None:
        """Read it no more."""

    def may_unpair(self, address: str) -> None:
        """Raises where :meth:`unpair` would."""

    async def forget_later(self, address: str) -> None:
        """Remove the bond of a meter that is read no more as soon as that can be done."""

    def lists(self, address: str) -> bool:
        """Whether it is read."""


class CommandFailedError(GatewayError):
    """It did not work; the message says why and what to do next."""


class Desk:
    """Does the work of one command at a time."""

    def __init__(self, radio: Radio, roster: MeterRoster, indicator: Indicator | None) -> None:
        self._radio, self._roster, self._indicator = radio, roster, indicator

    async def scan(self, work: Scan, replies: Replies, enough: asyncio.Event) -> None:
        """Each meter in a reply of its own as it is found, all of them in the last. ``enough`` ends it early."""
        heard: dict[str, FoundMeter] = {}
        clock = asyncio.get_running_loop().time
        began = clock()

        def found(meter: FoundMeter) -> None:
            known, heard[meter.address] = meter.address in heard, self._marked(meter)
            if not known:
                replies.say(
                    "running",
                    f"Found {in_words(heard[meter.address])}.",
                    progress=(clock() - began) / work.seconds,
                    found=(heard[meter.address],),
                )

        replies.say("running", f"Listening for {work.seconds:.0f} s.", progress=0.0)
        scanning = asyncio.ensure_future(self._radio.scan(work.seconds, found))
        ending = asyncio.ensure_future(enough.wait())
        try:
            while not scanning.done() and not ending.done():
                await asyncio.wait((scanning, ending), timeout=_TICK_S, return_when=asyncio.FIRST_COMPLETED)
                if not scanning.done() and not ending.done():
                    share = min((clock() - began) / work.seconds, 1.0)
                    replies.say("running", f"Listening. Health meters so far: {len(heard)}.", progress=share)
            cut_short = not scanning.done()
            if not cut_short:
                heard |= {meter.address: self._marked(meter) for meter in scanning.result()}
        finally:
            ending.cancel()
            scanning.cancel()
            await asyncio.gather(scanning, ending, return_exceptions=True)
        words = _scanned(len(heard), cut_short=cut_short)
        replies.say("done", words, progress=1.0, found=nearest_first(heard.values()))

    def _marked(self, meter: FoundMeter) -> FoundMeter:
        return meter.model_copy(update={"listed": self._roster.lists(meter.address)})

    async def pair(self, work: Pair, replies: Replies, dialogue: ReplyDialogue) -> None:
        """Bond, look, list."""
        kind = model(work.model)
        self._roster.may_pair(work.address, work.model)
        replies.say("running", _first_step(kind), progress=0.0)
        paired = await self._bond(work, kind, replies, dialogue)
        await self._roster.pair(paired.address, work.model)
        replies.say("done", _paired(kind, paired), progress=1.0)

    async def _bond(self, work: Pair, kind: MeterModel, replies: Replies, dialogue: ReplyDialogue) -> PairedMeter:
        def progress(words: str, share: float) -> None:
            replies.say("running", words, progress=share)

        try:
            async with asyncio.timeout(PAIR_WITHIN_S):
                return await self._radio.pair(work.address, kind, dialogue, progress)
        except TimeoutError as error:
            raise CommandFailedError(
                f"The pairing did not end within {PAIR_WITHIN_S:.0f} s. {_first_step(kind)} Then try again."
            ) from error

    async def unpair(self, work: Unpair, replies: Replies) -> None:
        """Take it off the list first, so that nothing connects to it in between."""
        self._roster.may_unpair(work.address)
        await self._roster.unpair(work.address)
        try:
            bonded = await self._radio.unpair(work.address)
        except GatewayError as error:
            await self._roster.forget_later(work.address)
            raise CommandFailedError(
                f"{str(error).rstrip('.')}. The meter is not read any more; the gateway removes its bond by itself "
                "once Bluetooth works."
            ) from error
        bond = "Its bond is removed" if bonded else "It had no bond"
        replies.say("done", f"{bond}, and it is not read any more. What it sent before stays.", progress=1.0)

    async def identify(self, work: Identify, replies: Replies) -> None:
        """Returns when it is over."""
        if self._indicator is None:
            raise CommandFailedError("This gateway has no light and no sound set. Set [indicator] in its settings.")
        replies.say("running", f"Look for the gateway that blinks, {work.seconds:.0f} s.", progress=0.0)
        await self._indicator.identify(work.seconds)
        replies.say("done", f"It shows itself for {work.seconds:.0f} s.", progress=1.0)

    async def collect(self, work: Collect, replies: Replies) -> None:
        """End the pauses."""
        meters = self._radio.collect_now(work.address)
        if not meters:
            whom = "reads no meter yet" if work.address is None else f"does not read {work.address}"
            raise CommandFailedError(f"This gateway {whom}. Scan, then pair one.")
        what = "1 meter" if meters == 1 else f"{meters} meters"
        replies.say("done", f"{what} will be connected as soon as heard. Measure, or wake the meter up.", progress=1.0)


def in_words(meter: FoundMeter) -> str:
    """A found meter in one line."""
    named = meter.name or "without a name"
    signal = "" if meter.signal_dbm is None else f", {meter.signal_dbm} dBm".replace("-", "−")
    mode = ", in pairing mode" if meter.pairing else ""
    return f"{meter.device} {meter.address}, {named}{signal}{mode}"


def nearest_first(meters: Iterable[FoundMeter]) -> tuple[FoundMeter, ...]:
    """By signal, the strongest first; those without one last."""
    return tuple(sorted(meters, key=_distance))


def _distance(meter: FoundMeter) -> tuple[int, str]:
    return (-(_UNKNOWN_SIGNAL if meter.signal_dbm is None else meter.signal_dbm), meter.address)


def _scanned(count: int, *, cut_short: bool) -> str:
    if cut_short:
        return f"Cut short for another command; health meters so far: {count}. Scan again to hear the others."
    if not count:
        return "No health meter was heard. Wake it up or put it into pairing mode within 5 m, and scan again."
    return f"{'1 health meter' if count == 1 else f'{count} health meters'} heard, nearest first."


def _first_step(kind: MeterModel) -> str:
    return kind.steps[0] if kind.steps else "Wake the meter up."


def _paired(kind: MeterModel, paired: PairedMeter) -> str:
    said = " ".join(filter(None, (paired.manufacturer, paired.model_number)))
    what = f"{kind.title}{f' (says {said})' if said else ''}"
    return f"{what} is {'paired' if paired.bonded else 'listed; it works without pairing'}. Measure once to prove it."
