"""The radio where no gateway runs: for the commands of a technician who sets one up."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from hearthline_gateway.ble.bluez_radio import BluezRadio
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.ble.open_air import own_air
from hearthline_gateway.ble.pairing import HEARD_LIMIT_S


@asynccontextmanager
async def standalone_radio(
    meters: Iterable[ConfiguredMeter] = (), *, adapters: Sequence[str] = (), heard_limit_s: float = HEARD_LIMIT_S
) -> AsyncIterator[BluezRadio]:
    """A radio of our own. ``meters`` and ``adapters`` are those of the settings; each call opens its own client of
    bluetoothd and leaves nothing behind."""
    listed = frozenset(meter.address for meter in meters)
    yield BluezRadio(lambda _: own_air(adapters), lambda: listed, lambda _: 0, heard_limit_s=heard_limit_s)
