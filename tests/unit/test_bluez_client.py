"""Our client of bluetoothd: the agent stays known there whatever a call came to, and values find their meter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from dbus_fast import DBusError, Variant

from hearthline_gateway.ble import bluez_client
from hearthline_gateway.ble.agent import PairingAgent
from hearthline_gateway.ble.bluez_client import BluezClient
from tests.fixtures.meter_displays import Person

ADDRESS = "F0:F1:00:00:18:10"


class Daemon:
    """Takes agents as bluetoothd does: one for each client, and no other beside it. ``refusals`` fail so many
    registrations first."""

    def __init__(self) -> None:
        self.agents: list[str] = []
        self.refusals = 0

    async def call(self, _bus: object, _to: str, _path: str, _interface: str, member: str, *rest: Any) -> list[Any]:
        await asyncio.sleep(0)
        if member == "UnregisterAgent":
            if not self.agents:
                raise DBusError("org.bluez.Error.DoesNotExist", "Does Not Exist")
            self.agents.clear()
        elif member == "RegisterAgent":
            if self.refusals:
                self.refusals -= 1
                raise DBusError("org.freedesktop.DBus.Error.NoReply", "no answer")
            if self.agents:
                raise DBusError("org.bluez.Error.AlreadyExists", "Already Exists")
            self.agents.append(rest[-1])
        return []


class Bus:
    """Nothing comes over it."""

    async def wait_for_disconnect(self) -> None:
        await asyncio.Event().wait()

    def disconnect(self) -> None:
        """It has no end to tell."""


@pytest.fixture
async def offered(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Daemon, BluezClient, PairingAgent]]:
    daemon, agent = Daemon(), PairingAgent({})
    monkeypatch.setattr(bluez_client, "call", daemon.call)
    client = BluezClient(Bus(), agent, _Deaf())  # type: ignore[arg-type] # as much of a bus as is used here
    await client.offer_agent()
    yield daemon, client, agent
    await client.close()


class _Deaf:
    on_early_value: Callable[..., None] = staticmethod(lambda *_: None)
    on_battery: Callable[..., None] = staticmethod(lambda *_: None)
    on_adapter: Callable[..., None] = staticmethod(lambda *_, **__: None)


Offered = tuple[Daemon, BluezClient, PairingAgent]


async def test_it_is_offered_anew_only_when_it_can_do_something_else(offered: Offered) -> None:
    daemon, client, agent = offered
    assert daemon.agents == ["NoInputNoOutput"]
    await client.offer_agent()
    agent.list_meters({ADDRESS: 123456})
    await client.offer_agent()
    assert daemon.agents == ["KeyboardOnly"]


async def test_an_offer_that_failed_is_made_again(offered: Offered) -> None:
    daemon, client, _ = offered
    daemon.refusals = 1
    with pytest.raises(DBusError):
        async with client.talking(ADDRESS, Person()):
            pass
    await client.offer_agent()
    assert daemon.agents == ["NoInputNoOutput"], "else nobody can pair any more"


async def test_two_who_offer_it_at_once_do_not_cross(offered: Offered) -> None:
    daemon, client, agent = offered
    agent.list_meters({ADDRESS: 123456})
    await asyncio.gather(client.offer_agent(), client.offer_agent())
    assert daemon.agents == ["KeyboardOnly"]


async def test_a_value_is_of_the_meters_own_address_whatever_its_path_is_called(offered: Offered) -> None:
    """bluetoothd names an object after the address under which it first heard the device."""
    _, client, _ = offered
    heard: list[tuple[object, ...]] = []
    client._events.on_early_value = lambda *value: heard.append(value)  # type: ignore[method-assign] # records it
    path = "/org/bluez/hci0/dev_5A_C1_38_01_02_03/service000e/char0010"
    assert await client.listen_early(path, "2A35", ADDRESS)
    client._on_properties(path, "org.bluez.GattCharacteristic1", {"Value": Variant("ay", b"\x01")})
    assert heard == [(ADDRESS, "2A35", b"\x01")]
