"""A home whose adapters belong to the kernel: simulated meters on one side, hci_vhci and bluetoothd on the other."""

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from types import TracebackType
from typing import Final, Self

import structlog
from bumble import hci, ll
from bumble.controller import Controller
from bumble.transport import open_transport
from bumble.transport.common import Transport
from dbus_fast import Variant

from hearthline_simulator.household import Household
from hearthline_simulator.meters.events import MeterEvent, MeterHappening
from hearthline_simulator.meters.spec import MeterSpec
from hearthline_simulator.radio import Radio
from tests.bluez.daemon import eventually_called

log = structlog.get_logger(__name__)

WITHIN_S: Final = 60.0
"""An emulated processor is some twenty times slower than a real one."""
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_ADAPTER: Final = "org.bluez.Adapter1"
_VENDOR_PACKET: Final = 0xFF
_ADDRESSES: Final = itertools.count(1)
"""bluetoothd keeps bonds by the adapter's address: with one of its own each test begins without any."""


@dataclass(slots=True)
class KernelAdapter:
    """One adapter of the kernel's, such as ``hci0``."""

    name: str
    address: str
    controller: Controller
    radio: Radio
    transport: Transport
    plugged_in: bool = True

    @property
    def path(self) -> str:
        """Its object at bluetoothd."""
        return f"/org/bluez/{self.name}"

    def device_path(self, address: str) -> str:
        """A meter's object at bluetoothd."""
        return f"{self.path}/dev_{address.replace(':', '_')}"

    async def power(self, on: bool) -> None:
        """Switch it, as ``bluetoothctl power`` does."""
        await eventually_called(self.path, _PROPERTIES, "Set", "ssv", _ADAPTER, "Powered", Variant("b", on))

    def go_deaf(self) -> None:
        """Hang as real adapters do: it says that it scans and hears nothing, until it is reset."""
        controller = self.controller
        reset = controller.on_hci_reset_command
        self.radio.deafen(controller)

        def hear_again(command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
            controller.on_hci_reset_command = reset  # type: ignore[method-assign] # what it was
            self.radio.listens(controller)
            return reset(command)

        controller.on_hci_reset_command = hear_again  # type: ignore[method-assign, assignment] # looked up by name

    async def unplug(self) -> None:
        """Pull it out; a second time does nothing. Whoever was linked through it notices a moment later."""
        if self.plugged_in:
            self.plugged_in = False
            self.radio.deafen(self.controller)
            await self.transport.close()
            for link in list(self.controller.le_connections.values()):
                link.send_ll_control_pdu(ll.TerminateInd(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR))


class KernelHome(Household):
    """Meters around ``adapters`` real adapters, up inside ``async with``."""

    def __init__(self, meters: Iterable[MeterSpec], *, adapters: int = 1) -> None:
        super().__init__(meters, home_zone=UTC, report=_log)
        self._wanted = adapters
        self.adapters: list[KernelAdapter] = []

    @property
    def adapter(self) -> KernelAdapter:
        """The first one."""
        return self.adapters[0]

    def count(self, happening: MeterHappening) -> int:
        """How often it has happened, at whichever meter."""
        return sum(event.event is happening for event in self.events)

    async def until_count(self, happening: MeterHappening, wanted: int) -> None:
        """Wait until it has happened so often."""
        await self.until(lambda _: self.count(happening) >= wanted, within_s=WITHIN_S)

    async def __aenter__(self) -> Self:
        try:
            for _ in range(self._wanted):
                self.adapters.append(await plug_in(self.radio, f"00:1A:7D:DA:71:{next(_ADDRESSES):02X}"))
            await self.start_meters()
        except BaseException:
            await self._unplug()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop_meters()
        await self._unplug()

    async def _unplug(self) -> None:
        for adapter in self.adapters:
            await adapter.unplug()


def _log(event: MeterEvent) -> None:
    """Beside what the gateway logs, where a test fails."""
    log.info(f"meter_{event.event}", meter=event.meter, characteristic=event.characteristic, payload=event.payload)


async def plug_in(radio: Radio, address: str) -> KernelAdapter:
    """A new adapter on the air, powered by bluetoothd."""
    transport = await open_transport("vhci")
    index: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    hand_on = transport.source.data_received  # type: ignore[attr-defined]  # bumble's own driver of vhci sets it, too

    def received(packet: bytes) -> None:
        if packet[0] == _VENDOR_PACKET and not index.done():
            index.set_result(int.from_bytes(packet[2:4], "little"))
        hand_on(packet)

    transport.source.data_received = received  # type: ignore[attr-defined]  # see above
    controller = Controller(
        f"adapter {address}",
        host_source=transport.source,
        host_sink=transport.sink,
        link=radio,
        public_address=address,
    )
    # The kernel waits for events that bumble's controller does not send, where it claims these (google/bumble#841).
    controller.le_features &= ~(hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)
    radio.listens(controller)
    async with asyncio.timeout(20):
        adapter = KernelAdapter(f"hci{await index}", address, controller, radio, transport)
    await adapter.power(True)
    return adapter
