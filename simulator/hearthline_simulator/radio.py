"""The air between the simulated meters and the simulated adapter.

bumble's own link asks every controller about every packet; with hundreds of meters that is quadratic. This one knows
who has which address and who listens, and carries the same packets.
"""

import asyncio

from bumble import hci, ll
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink


class Radio(LocalLink):
    """One virtual air. Advertisements reach only adapters that scan or wait for that advertiser."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # bumble's constructor carries no annotation
        self._by_address: dict[hci.Address, Controller] = {}
        self._adapters: list[Controller] = []

    def meter(self, name: str) -> Controller:
        """A new controller that is advertised by and connected to; the host of the same name talks HCI to it."""
        return Controller(name, link=self)

    def adapter(self, name: str) -> Controller:
        """A new controller that also scans and connects."""
        controller = Controller(name, link=self)
        self.listens(controller)
        return controller

    def listens(self, controller: Controller) -> None:
        """Have a controller of somebody else's on this air scan and connect."""
        self._adapters.append(controller)

    def deafen(self, controller: Controller) -> None:
        """Let a controller hear nothing more, until it :meth:`listens` again."""
        self._adapters.remove(controller)

    def on_address_changed(self, controller: Controller) -> None:
        self._by_address = {address: owner for address, owner in self._by_address.items() if owner is not controller}
        self._by_address[controller.random_address] = controller

    def find_le_controller(self, address: hci.Address) -> Controller | None:
        return self._by_address.get(address) or super().find_le_controller(address)

    def send_acl_data(
        self, sender_controller: Controller, destination_address: hci.Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        """From the address that the connection was made with: a kernel scans with another one meanwhile."""
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is not None and receiver is not None:
            asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, connection.self_address, transport, data)

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(packet, ll.ConnectInd):
            advertiser = self.find_le_controller(packet.advertiser_address)
            if advertiser is not None:
                loop.call_soon(advertiser.on_ll_advertising_pdu, packet)
            return
        for adapter in self._adapters:
            if adapter is not sender_controller and _listens(adapter):
                loop.call_soon(adapter.on_ll_advertising_pdu, packet)


def _listens(controller: Controller) -> bool:
    return controller.le_scan_enable or controller.pending_le_connection is not None
