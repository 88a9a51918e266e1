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

from hearthline_gateway.errors import GatewayError
from hearthline_gateway.meter_models import MeterModel

_STALE_BOND: Final = ("br-connection-canceled", "br-connection-key-missing", "le-connection-key-missing")
"""What bluetoothd answers when the meter no longer has the key (the first seen with 5.82)."""
_REFUSED: Final = ("org.bluez.Error.AuthenticationFailed", "org.bluez.Error.AuthenticationRejected")
_NO_BLUEZ: Final = ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner")
_ADAPTER_WORDS: Final = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: (
        "no Bluetooth adapter: check that it is plugged in or not disabled in the boot configuration"
    ),
    BleakBluetoothNotAvailableReason.POWERED_OFF: "powered off: switch it on with 'bluetoothctl power on'",
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: (
        "D-Bus refuses this user: add it to the group bluetooth and start the gateway again"
    ),
}


class MeterLacksCharacteristicError(GatewayError):
    """The connected meter offers none of the characteristics its model promises."""

    def __init__(self, model: str, wanted: tuple[str, ...]) -> None:
        self.model, self.wanted = model, wanted
        super().__init__(f"a meter of model {model} should offer {' or '.join(wanted)} and does not")


def is_stale_bond(error: BaseException, *, paired: bool) -> bool:
    """Whether the error is what a meter causes that has forgotten its bond while we still hold ours."""
    return paired and isinstance(error, BleakDBusError) and any(word in str(error) for word in _STALE_BOND)


def meter_problem(error: BaseException, model: MeterModel, *, paired: bool) -> str:
    """The problem with one meter and its next step."""
    how_to_pair = model.steps[0] if model.steps else "Put the meter into pairing mode."
    if is_stale_bond(error, paired=paired):
        return f"The meter has forgotten this gateway. Remove its bond ('bluetoothctl remove'), then: {how_to_pair}"
    if isinstance(error, MeterLacksCharacteristicError):
        return f"The meter does not offer {' or '.join(error.wanted)}. Check its model in the configuration."
    if isinstance(error, BleakDBusError) and error.dbus_error in _REFUSED:
        return f"The meter refused to pair. {how_to_pair}"
    if isinstance(error, (BleakDeviceNotFoundError, TimeoutError)):
        return "The meter fell silent while it was being connected. Bring it closer to the gateway and measure again."
    if isinstance(error, BleakGATTProtocolError):
        return f"The meter refused a request ({error.code.name}). If it stays so, pair it again: {how_to_pair}"
    if isinstance(error, BleakCharacteristicNotFoundError):
        return "The meter lacks a characteristic of its model. Check its model in the configuration."
    return f"The connection failed ({_first_line(error)}). It is tried again; if it stays so, change the batteries."


def adapter_problem(error: BaseException) -> str:
    """What is wrong with the adapter and its next step."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return _ADAPTER_WORDS.get(error.reason, f"not available ({_first_line(error)}): restart the Bluetooth service")
    name = _dbus_name(error)
    if name in _NO_BLUEZ:
        return "bluetoothd does not run: start it with 'systemctl start bluetooth'"
    if name == "org.bluez.Error.NotReady":
        return _ADAPTER_WORDS[BleakBluetoothNotAvailableReason.POWERED_OFF]
    if isinstance(error, FileNotFoundError):
        return "the system bus is not there: start it with 'systemctl start dbus'"
    if isinstance(error, BleakError) and "not found" in str(error):
        return f"{_first_line(error)}: check the adapter's name in the configuration"
    return f"failed ({_first_line(error)}): restart the Bluetooth service if it stays so"


def _dbus_name(error: BaseException) -> str | None:
    if isinstance(error, BleakDBusError):
        return error.dbus_error
    return error.type if isinstance(error, DBusError) else None


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:160] if text else type(error).__name__
