"""Which health meters are within reach: hears everything on the given adapters and knows a meter by what it says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from bleak import BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from hearthline_gateway.ble.lookout import NO_RSSI, SCANNER_LIMIT_S
from hearthline_gateway.recognition import candidates, offers_pairing, recognise
from hearthline_protocol.commands import FoundMeter

_NAME_LENGTH: Final = 80
_STEPS: Final = 8
"""What a reply takes at most."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One advertisement. ``flags`` are the advertised Flags, where bluetoothd tells them."""

    adapter: str
    device: BLEDevice
    name: str | None
    services: tuple[str, ...]
    signal_dbm: int
    flags: int | None

    @property
    def address(self) -> str:
        """The meter's address, upper case with colons."""
        return self.device.address.upper()


@asynccontextmanager
async def listening(adapters: Sequence[str], heard: Callable[[Heard], None]) -> AsyncIterator[None]:
    """Scan on all of them. Raises what bleak raises, ``TimeoutError`` where bluetoothd does not answer."""
    async with AsyncExitStack() as stack:
        for adapter in adapters:
            await stack.enter_async_context(_scanner(adapter, heard))
        yield


async def scan(
    adapters: Sequence[str], seconds: float, listed: Container[str], found: Callable[[FoundMeter], None]
) -> tuple[FoundMeter, ...]:
    """The health meters heard within that time, nearest first; ``found`` is called for each at once, and again when
    more is known of it. Where several adapters hear one, the strongest counts."""
    meters: dict[str, FoundMeter] = {}

    def heard(advertisement: Heard) -> None:
        meter = as_found(advertisement, listed=advertisement.address in listed)
        if meter is None:
            return
        before = meters.get(meter.address)
        meters[meter.address] = meter = _stronger(meter, before)
        if before is None or meter.model_copy(update={"signal_dbm": before.signal_dbm}) != before:
            found(meter)

    async with listening(adapters, heard):
        await asyncio.sleep(seconds)
    return tuple(sorted(meters.values(), key=lambda meter: -(meter.signal_dbm or NO_RSSI)))


def as_found(heard: Heard, *, listed: bool) -> FoundMeter | None:
    """What was heard as a health meter; None when it is none."""
    models = candidates(heard.name, heard.services)
    if not models:
        return None
    known = recognise(heard.name, heard.services)
    likeliest = known or models[0]
    return FoundMeter(
        address=heard.address,
        name=None if heard.name is None else heard.name[:_NAME_LENGTH],
        device=likeliest.device,
        title=likeliest.title[:_NAME_LENGTH],
        steps=likeliest.steps[:_STEPS],
        model=None if known is None else known.name,
        candidates=tuple(model.name for model in models),
        signal_dbm=heard.signal_dbm,
        pairing=offers_pairing(likeliest, heard.name, heard.flags),
        listed=listed,
    )


def _stronger(meter: FoundMeter, before: FoundMeter | None) -> FoundMeter:
    if before is None or before.signal_dbm is None or meter.signal_dbm is None:
        return meter
    return meter.model_copy(update={"signal_dbm": max(meter.signal_dbm, before.signal_dbm)})


@asynccontextmanager
async def _scanner(adapter: str, heard: Callable[[Heard], None]) -> AsyncIterator[None]:
    def on_advertisement(device: BLEDevice, advertisement: AdvertisementData) -> None:
        if advertisement.rssi != NO_RSSI:  # else it changed without being heard
            heard(_as_heard(adapter, device, advertisement))

    scanner = BleakScanner(on_advertisement, bluez=BlueZScannerArgs(adapter=adapter))
    async with asyncio.timeout(SCANNER_LIMIT_S):
        await scanner.start()
    try:
        yield
    finally:
        async with asyncio.timeout(SCANNER_LIMIT_S):
            await scanner.stop()


def _as_heard(adapter: str, device: BLEDevice, advertisement: AdvertisementData) -> Heard:
    properties: dict[str, Any] = advertisement.platform_data[1]
    flags = properties.get("AdvertisingFlags")
    return Heard(
        adapter=adapter,
        device=device,
        name=advertisement.local_name,
        services=tuple({*advertisement.service_uuids, *advertisement.service_data}),
        signal_dbm=advertisement.rssi,
        flags=flags[0] if flags else None,
    )
