"""Resetting an adapter: whatever interrupts it, nobody finds the adapter switched off afterwards."""

import asyncio
import inspect
import sys
from types import ModuleType

import pytest
from dbus_fast import DBusError

from hearthline_gateway.ble import adapter_recovery
from hearthline_gateway.ble.adapter_recovery import power_cycle, reset_by_kernel
from hearthline_gateway.ble.bluez_client import KnownAdapter


class Adapter:
    """Switched as bluetoothd would; ``refuses_off`` says no to that, as a controller that hangs does."""

    def __init__(self, *, refuses_off: bool = False) -> None:
        self.refuses_off = refuses_off
        self.switched: list[bool] = []
        self.is_off = asyncio.Event()

    async def set_powered(self, _adapter: str, on: bool) -> None:
        await asyncio.sleep(0)
        self.switched.append(on)
        if not on:
            self.is_off.set()
            if self.refuses_off:
                raise DBusError("org.bluez.Error.Failed", "Failed")


async def test_off_and_on() -> None:
    adapter = Adapter()
    assert await power_cycle(adapter, "hci0")  # type: ignore[arg-type] # all that is used of bluetoothd here
    assert adapter.switched == [False, True]


async def test_a_gateway_that_ends_meanwhile_leaves_it_on() -> None:
    adapter = Adapter()
    cycling = asyncio.create_task(power_cycle(adapter, "hci0"))  # type: ignore[arg-type] # as above
    async with asyncio.timeout(15):
        await adapter.is_off.wait()
    cycling.cancel()
    await asyncio.gather(cycling, return_exceptions=True)
    assert adapter.switched == [False, True]


async def test_one_that_does_not_go_off_is_switched_on_all_the_same() -> None:
    """Without an answer nobody knows whether it went off."""
    adapter = Adapter(refuses_off=True)
    assert not await power_cycle(adapter, "hci0")  # type: ignore[arg-type] # as above
    assert adapter.switched == [False, True]


HCI1 = KnownAdapter("hci1", "00:1A:7D:DA:71:13", powered=True)


def recovery(monkeypatch: pytest.MonkeyPatch, outcome: bool | Exception) -> list[tuple[object, ...]]:
    """Put this in the place of bluetooth-auto-recovery; returns what it is asked for."""
    asked: list[tuple[object, ...]] = []

    async def recover_adapter(number: int, address: str, *, gone_silent: bool) -> bool:
        asked.append((number, address, gone_silent))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    module = ModuleType("bluetooth_auto_recovery")
    module.recover_adapter = recover_adapter  # type: ignore[attr-defined] # a module made here
    monkeypatch.setitem(sys.modules, "bluetooth_auto_recovery", module)
    return asked


@pytest.mark.parametrize(("outcome", "done"), [(True, True), (False, False), (OSError("no right to"), False)])
async def test_what_bluetoothd_cannot_mend_is_left_to_the_kernel(
    monkeypatch: pytest.MonkeyPatch, outcome: bool | Exception, done: bool
) -> None:
    asked = recovery(monkeypatch, outcome)
    assert await reset_by_kernel(HCI1) is done
    assert asked == [(1, HCI1.address, True)]


async def test_the_kernel_is_given_a_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    recovery(monkeypatch, outcome=True)
    monkeypatch.setattr(adapter_recovery, "_KERNEL_LIMIT_S", 0.05)

    async def for_ever(*_: object, **__: object) -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(sys.modules["bluetooth_auto_recovery"], "recover_adapter", for_ever)
    async with asyncio.timeout(15):
        assert not await reset_by_kernel(HCI1)


async def test_without_that_library_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "bluetooth_auto_recovery", None)
    assert not await reset_by_kernel(HCI1)
    assert "adapter-reset" in capsys.readouterr().out


def test_the_library_has_what_is_called_of_it() -> None:
    library = pytest.importorskip("bluetooth_auto_recovery")
    assert {"hci", "mac", "gone_silent"} <= set(inspect.signature(library.recover_adapter).parameters)
