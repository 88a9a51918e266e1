"""Resets an adapter that hangs: off and on through bluetoothd, and when that is not enough, past bluetoothd through the
kernel, down to unplugging it from USB in software."""

import asyncio
from typing import Final

import structlog
from dbus_fast import DBusError

from hearthline_gateway.ble.bluez_client import BluezClient, KnownAdapter

log = structlog.get_logger(__name__)

_OFF_S: Final = 1.0
_KERNEL_LIMIT_S: Final = 60.0
"""Its steps (power cycle, interface down and up, USB reset, looking for it again) take about 30 s at worst."""


async def power_cycle(bluez: BluezClient, adapter: str) -> bool:
    """Switch the adapter off and on through bluetoothd; False when it would not. It is left on, whatever comes in
    between."""
    try:
        try:
            await bluez.set_powered(adapter, on=False)
            await asyncio.sleep(_OFF_S)
        finally:
            await bluez.set_powered(adapter, on=True)
    except DBusError as error:
        log.warning("adapter_power_cycle_failed", adapter=adapter, error=str(error))
        return False
    return True


async def reset_by_kernel(adapter: KnownAdapter) -> bool:
    """Reset the adapter through the kernel's management socket, and through USB where it is there. Needs the right to
    administer the network (CAP_NET_ADMIN, CAP_NET_RAW); False when it failed, which is logged and never raised."""
    try:
        from bluetooth_auto_recovery import recover_adapter  # noqa: PLC0415 - 5 MB that hardly any run needs
    except ImportError as error:
        next_step = "install hearthline[adapter-reset] for resets past bluetoothd"
        log.warning("adapter_kernel_reset_not_installed", error=str(error), next_step=next_step)
        return False
    try:
        async with asyncio.timeout(_KERNEL_LIMIT_S):
            done = await recover_adapter(int(adapter.name.removeprefix("hci")), adapter.address, gone_silent=True)
    except Exception:
        log.exception("adapter_kernel_reset_failed", adapter=adapter.name)
        return False
    if not done:
        log.warning("adapter_kernel_reset_refused", adapter=adapter.name)
    return bool(done)
