"""Bonding with a meter because somebody asked for it: find it, pair, look at what it is, leave it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

import structlog
from bleak.exc import BleakDBusError, BleakError
from dbus_fast import DBusError

from hearthline_gateway.ble.agent import PairingTalk
from hearthline_gateway.ble.bluez_bus import NO_REPLY
from hearthline_gateway.ble.bluez_client import KnownDevice
from hearthline_gateway.ble.meter_information import MeterInformation, read_information
from hearthline_gateway.ble.meter_link import MeterLink
from hearthline_gateway.ble.open_air import Air
from hearthline_gateway.ble.problems import how_to_pair
from hearthline_gateway.ble.scanning import Heard, listening
from hearthline_gateway.ble.session import DISCONNECT_LIMIT_S
from hearthline_gateway.ble.stale_bond import Staleness, staleness
from hearthline_gateway.meter_models import MeterModel
from hearthline_gateway.radio import PairedMeter, PairingDialogue, RadioError
from hearthline_gateway.recognition import offers_pairing

log = structlog.get_logger(__name__)

Progress = Callable[[str, float], None]
HEARD_LIMIT_S: Final = 90.0
"""How long somebody may take to put the meter into its pairing mode."""
_PAIR_LIMIT_S: Final = 75.0
"""From the link to the bond: bluetoothd gives a person 60 s to answer, and the meter itself only 30."""
_COMPARE_S: Final = 1.0
"""How long the other adapters have to hear the meter as well."""
_TRIES: Final = 3
"""Links that break while they are made: interference, or a meter at the end of its minute."""
_LINK_ERRORS: Final = (BleakError, TimeoutError)
_REFUSED: Final = (
    "org.bluez.Error.AuthenticationFailed",
    "org.bluez.Error.AuthenticationRejected",
    "org.bluez.Error.AuthenticationCanceled",
    "org.bluez.Error.AuthenticationTimeout",
)


class Pairing:
    """One meter to be paired. ``heard_limit_s`` is how long to wait for it each time."""

    def __init__(
        self,
        air: Air,
        address: str,
        model: MeterModel,
        dialogue: PairingDialogue,
        progress: Progress,
        *,
        heard_limit_s: float = HEARD_LIMIT_S,
    ) -> None:
        self._air, self._address, self._model, self._dialogue = air, address, model, dialogue
        self._progress, self._heard_limit_s = progress, heard_limit_s

    async def run(self) -> PairedMeter:
        """The whole of it; the meter is left disconnected. Raises :class:`RadioError`, and what bleak and the bus raise
        where the adapter is at fault."""
        if not self._model.pair or await self._is_held():
            try:
                return await self._met(await self._heard(0.1, bonded=self._model.pair), talk=None)
            except _LINK_ERRORS as error:
                if staleness(error, paired=self._model.pair) is Staleness.NO:
                    raise self._failed(error, talk=None) from error
            log.info("stale_bond_removed", meter=self._address)
            self._progress("The meter has forgotten the bond it had. It is removed and made anew.", 0.3)
            await self._forget()
        async with self._air.bluez.talking(self._address, self._dialogue) as talk:
            return await self._bond(talk)

    async def _bond(self, talk: PairingTalk) -> PairedMeter:
        left = _TRIES
        while True:
            left -= 1
            heard = await self._heard(0.3)
            self._progress("The meter is there. Pairing; watch its display.", 0.5)
            try:
                return await self._met(heard, talk)
            except _LINK_ERRORS as error:
                if not left or talk.answered or talk.unanswered or talk.denied or _is_refusal(error):
                    raise self._failed(error, talk) from error
                log.info("pairing_tried_again", meter=self._address, error=str(error))
                self._progress("The connection broke. Trying again.", 0.3)

    async def _heard(self, share: float, *, bonded: bool = False) -> Heard:
        """Wait for the meter; through the adapter that hears it best, its bond's adapter where it is ``bonded``."""
        self._progress(f"Waiting for the meter. {how_to_pair(self._model)}", share)
        holders = [known.adapter for known in await self._known() if known.paired] if bonded else []
        best: dict[str, Heard] = {}
        there, elsewhere = asyncio.Event(), False

        def on(heard: Heard) -> None:
            nonlocal elsewhere
            if heard.address != self._address:
                return
            if offers_pairing(self._model, heard.name, heard.flags) is False and not bonded:
                elsewhere = True
                return
            best[heard.adapter] = heard
            there.set()

        adapters: Sequence[str] = [name for name in self._air.adapters if name in holders] or self._air.adapters
        async with listening(adapters, on):
            try:
                async with asyncio.timeout(self._heard_limit_s):
                    await there.wait()
            except TimeoutError as error:
                raise self._not_heard(asleep=not elsewhere) from error
            if len(adapters) > 1:
                await asyncio.sleep(_COMPARE_S)
        return max(best.values(), key=lambda heard: heard.signal_dbm)

    async def _met(self, heard: Heard, talk: PairingTalk | None) -> PairedMeter:
        """Connect, pair where that is wanted, and look at the meter."""
        link = MeterLink(heard.device, pair=talk is not None, limit_s=_PAIR_LIMIT_S)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(_leave, link)
            await link.connect()
            bonded = await self._air.bluez.is_paired(link.path)
            self._progress("Connected. Looking at what the meter offers.", 0.8)
            if not any(link.characteristic(uuid) for uuid in self._model.measurements):
                raise await self._another_model(link, new=talk is not None and bonded)
            information = await self._information(link)
        log.info("meter_paired", meter=link.address, model=self._model.name, bonded=bonded)
        return PairedMeter(
            link.address, bonded, information.manufacturer, information.model_number, information.firmware
        )

    async def _information(self, link: MeterLink) -> MeterInformation:
        """Nice to have: a meter that hangs up over it is paired all the same."""
        try:
            return await read_information(link)
        except (BleakError, DBusError, TimeoutError) as error:
            log.info("meter_information_not_read", meter=self._address, error=str(error))
            return MeterInformation()

    async def _another_model(self, link: MeterLink, *, new: bool) -> RadioError:
        if new:
            await self._air.bluez.remove_device(link.path)
        wanted = " or ".join(self._model.measurements)
        return RadioError(
            f"The meter is there, but is no {self._model.title}: it does not offer {wanted}. Choose another model."
        )

    async def _is_held(self) -> bool:
        return any(known.paired for known in await self._known())

    async def _forget(self) -> None:
        for known in await self._known():
            await self._air.bluez.remove_device(known.path)

    async def _known(self) -> tuple[KnownDevice, ...]:
        return tuple(known for known in await self._air.bluez.known_devices() if known.address == self._address)

    def _not_heard(self, *, asleep: bool) -> RadioError:
        what = (
            f"The meter was not heard within {self._heard_limit_s:.0f} s"
            if asleep
            else "The meter is there, but not in its pairing mode"
        )
        return RadioError(f"{what}. {how_to_pair(self._model)} Then try again, within two metres of the gateway.")

    def _failed(self, error: BaseException, talk: PairingTalk | None) -> RadioError:
        """Why it did not come to a bond, as far as it can be told, and what to do."""
        again = f"{how_to_pair(self._model)} Then try again."
        if talk is not None and talk.unanswered:
            return RadioError(f"The meter asks for digits, and nobody gave them in time. {again} Enter them at once.")
        if talk is not None and talk.denied:
            return RadioError(f"The digits were not the same: another device may have answered. {again}")
        if talk is not None and talk.answered and _is_refusal(error):
            return RadioError(f"The meter did not take the digits. {again} Take care with the digits.")
        if _is_refusal(error):
            digits = " It pairs by digits: stay beside it to enter them." if self._model.digits else ""
            return RadioError(f"The meter refused to pair: it is not in its pairing mode, or full.{digits} {again}")
        if isinstance(error, TimeoutError):
            return RadioError(f"The meter fell silent while it was being paired. {again}")
        if isinstance(error, BleakDBusError) and error.dbus_error == NO_REPLY:
            return RadioError("bluetoothd does not answer: run 'systemctl restart bluetooth', then try again.")
        return RadioError(f"The connection to the meter broke ({str(error)[:120]}). Bring it closer. {again}")


async def _leave(link: MeterLink) -> None:
    try:
        async with asyncio.timeout(DISCONNECT_LIMIT_S):
            await link.disconnect()
    except (BleakError, TimeoutError, OSError, EOFError) as error:
        log.warning("meter_disconnect_failed", error=str(error))


def _is_refusal(error: BaseException) -> bool:
    return isinstance(error, BleakDBusError) and error.dbus_error in _REFUSED
