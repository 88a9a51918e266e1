"""The radio port over bluetoothd: beside a running collector, or alone."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import structlog

from hearthline_gateway.ble.collector import Collector
from hearthline_gateway.ble.open_air import Air
from hearthline_gateway.ble.pairing import HEARD_LIMIT_S, Pairing
from hearthline_gateway.ble.problems import AdapterMissingError, adapter_problem
from hearthline_gateway.ble.scanning import scan
from hearthline_gateway.ble.station import BLUETOOTH_ERRORS
from hearthline_gateway.meter_models import MeterModel
from hearthline_gateway.radio import PairedMeter, PairingDialogue, RadioError
from hearthline_protocol.commands import FoundMeter

log = structlog.get_logger(__name__)

_TROUBLES: Final = (*BLUETOOTH_ERRORS, AdapterMissingError)
TakeAir = Callable[[str | None], AbstractAsyncContextManager[Air]]


class BluezRadio:
    """:class:`hearthline_gateway.radio.Radio`. Make one with :func:`radio_of`, or where no collector runs with
    :func:`hearthline_gateway.ble.standalone.standalone_radio`."""

    def __init__(
        self,
        take_air: TakeAir,
        listed: Callable[[], Iterable[str]],
        collect_now: Callable[[str | None], int],
        *,
        heard_limit_s: float = HEARD_LIMIT_S,
    ) -> None:
        """``take_air`` gives the adapters to use, with the connection to the meter named ended; ``listed`` the
        addresses of the meters that are read already."""
        self._take_air, self._listed, self._collect_now = take_air, listed, collect_now
        self._heard_limit_s = heard_limit_s

    async def scan(self, seconds: float, found: Callable[[FoundMeter], None]) -> tuple[FoundMeter, ...]:
        """Health meters within reach, nearest first; ``found`` is called for each as soon as it is heard."""
        async with self._air(None) as air:
            return await scan(air.adapters, seconds, frozenset(self._listed()), found)

    async def pair(
        self, address: str, model: MeterModel, dialogue: PairingDialogue, progress: Callable[[str, float], None]
    ) -> PairedMeter:
        """Wait until the meter is heard, bond where the model wants it, check its services."""
        if model.advertises is not None:
            return PairedMeter(address, bonded=False)
        async with self._air(address) as air:
            pairing = Pairing(air, address, model, dialogue, progress, heard_limit_s=self._heard_limit_s)
            return await pairing.run()

    async def unpair(self, address: str) -> bool:
        """Remove the bond; False when there was none."""
        async with self._air(address) as air:
            bonds = [known for known in await air.bluez.known_devices() if known.address == address and known.paired]
            for known in bonds:
                await air.bluez.remove_device(known.path)
                log.info("bond_removed", meter=address, adapter=known.adapter)
            return bool(bonds)

    def collect_now(self, address: str | None) -> int:
        """Forget the pauses of one meter or all; returns how many meters that concerns."""
        return self._collect_now(address)

    @asynccontextmanager
    async def _air(self, leave: str | None) -> AsyncIterator[Air]:
        try:
            async with self._take_air(leave) as air:
                yield air
        except _TROUBLES as error:
            log.warning("radio_failed", error=str(error))
            raise RadioError(f"Bluetooth: {adapter_problem(error)}") from error


def radio_of(collector: Collector, *, heard_limit_s: float = HEARD_LIMIT_S) -> BluezRadio:
    """The radio of a running collector, which is at rest while it is used."""
    return BluezRadio(collector.air, lambda: collector.listed, collector.collect_now, heard_limit_s=heard_limit_s)
