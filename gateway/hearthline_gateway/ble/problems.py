"""What goes wrong with a meter or the adapter, in words for a technician: what happened and what to do next."""

from typing import Final

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from dbus_fast import DBusError

from hearthline_gateway.ble.bluez_bus import NO_REPLY
from hearthline_gateway.ble.meter_errors import MeterError
from hearthline_gateway.ble.stale_bond import Staleness, staleness
from hearthline_gateway.errors import GatewayError
from hearthline_gateway.meter_models import MeterModel

_REFUSED: Final = ("org.bluez.Error.AuthenticationFailed", "org.bluez.Error.AuthenticationRejected")
_NO_BLUEZ: Final = ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner")
_NOT_STARTED: Final = ("org.freedesktop.DBus.Error.Spawn.", "org.freedesktop.systemd1.")
"""What begins the bus's answer where it tried to start the daemon for us and could not."""
_ADAPTER_WORDS: Final = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: (
        "no Bluetooth adapter: check that it is plugged in or not disabled in the boot configuration"
    ),
    BleakBluetoothNotAvailableReason.POWERED_OFF: "powered off: switch it on with 'bluetoothctl power on'",
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: (
        "D-Bus refuses this user: add it to the group bluetooth and start the gateway again"
    ),
}


class MeterLacksCharacteristicError(MeterError):
    """The connected meter offers none of the characteristics its model promises."""

    def __init__(self, model: str, wanted: tuple[str, ...]) -> None:
        self.model, self.wanted = model, wanted
        super().__init__(f"a meter of model {model} should offer {' or '.join(wanted)} and does not")


class AdapterMissingError(GatewayError):
    """bluetoothd has no adapter of that name; None where it has none at all."""

    def __init__(self, adapter: str | None) -> None:
        self.adapter = adapter
        super().__init__(
            _ADAPTER_WORDS[BleakBluetoothNotAvailableReason.NO_BLUETOOTH]
            if adapter is None
            else f"{adapter} is not there: check that it is plugged in, or remove it from bluetooth.adapters"
        )


def how_to_pair(model: MeterModel) -> str:
    """The first thing to do at a meter that is to be paired."""
    return model.steps[0] if model.steps else "Put the meter into pairing mode."


def stale_bond_problem(model: MeterModel, why_kept: str, *, certain: bool = True) -> str:
    """A meter has forgotten us and its bond was not renewed by itself. Where that is not ``certain``, its batteries may
    be what failed."""
    what = (
        "The meter has forgotten this gateway"
        if certain
        else "The meter hung up before it was read: its batteries are flat, or it has forgotten this gateway"
    )
    return f"{what}; {why_kept}. To pair it again, unpair it, then: {how_to_pair(model)}"


def meter_problem(error: BaseException, model: MeterModel, *, paired: bool, mended: bool = False) -> str:
    """The problem with one meter and its next step. ``mended`` says that its stale bond was removed before."""
    sign = staleness(error, paired=paired)
    if sign is not Staleness.NO:
        return stale_bond_problem(model, "its bond has to be made anew", certain=sign is Staleness.CERTAIN)
    if isinstance(error, MeterLacksCharacteristicError):
        return f"The meter does not offer {' or '.join(error.wanted)}. Check its model in the configuration."
    if isinstance(error, MeterError):
        return str(error)
    if isinstance(error, BleakDBusError) and error.dbus_error in _REFUSED:
        before = "had forgotten this gateway and takes no new bond by itself" if mended else "refused to pair"
        return f"The meter {before}. {how_to_pair(model)}"
    if isinstance(error, (BleakDeviceNotFoundError, TimeoutError)):
        return "The meter fell silent while it was being connected. Bring it closer to the gateway and measure again."
    if isinstance(error, BleakGATTProtocolError):
        return f"The meter refused a request ({error.code.name}). If it stays so, pair it again: {how_to_pair(model)}"
    if isinstance(error, BleakCharacteristicNotFoundError):
        return "The meter lacks a characteristic of its model. Check its model in the configuration."
    return f"The connection failed ({_first_line(error)}). It is tried again; if it stays so, change the batteries."


def adapter_problem(error: BaseException) -> str:
    """What is wrong with the adapter and its next step."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return _ADAPTER_WORDS.get(error.reason, f"not available ({_first_line(error)}): restart the Bluetooth service")
    name = _dbus_name(error)
    if name in _NO_BLUEZ or (name is not None and name.startswith(_NOT_STARTED)):
        return "bluetoothd does not run: start it with 'systemctl start bluetooth'"
    if name == NO_REPLY or isinstance(error, TimeoutError):
        return "does not answer: it is reset by itself; if it stays so, run 'systemctl restart bluetooth'"
    if isinstance(error, AdapterMissingError):
        return str(error)
    if name == "org.bluez.Error.NotReady":
        return _ADAPTER_WORDS[BleakBluetoothNotAvailableReason.POWERED_OFF]
    if isinstance(error, FileNotFoundError):
        return "the system bus is not there: start it with 'systemctl start dbus'"
    if isinstance(error, BleakError) and "not found" in str(error):
        return f"{_first_line(error)}: check the adapter's name in the configuration"
    return f"failed ({_first_line(error)}): restart the Bluetooth service if it stays so"


def is_link_failure(error: BaseException) -> bool:
    """Whether the link itself failed, as it does again and again where the adapter is what is broken. A meter that
    walked off looks the same, once or twice."""
    if isinstance(error, BleakDBusError):
        return error.dbus_error in (NO_REPLY, "org.bluez.Error.NotReady", "org.bluez.Error.InProgress") or (
            "le-connection-abort-by-local" in str(error)
        )
    return isinstance(error, TimeoutError)


def _dbus_name(error: BaseException) -> str | None:
    if isinstance(error, BleakDBusError):
        return error.dbus_error
    return error.type if isinstance(error, DBusError) else None


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:160] if text else type(error).__name__
