"""Our pairing agent. Without one bluetoothd refuses to pair; with a careless one anybody could pair with us."""

from collections.abc import Mapping
from typing import Final

import structlog
from dbus_fast import DBusError
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

log = structlog.get_logger(__name__)

AGENT_PATH: Final = "/org/hearthline/agent"
_REJECTED: Final = "org.bluez.Error.Rejected"


class PairingAgent(ServiceInterface):
    """``org.bluez.Agent1``: says yes for the meters that the configuration wants paired, and no for everybody else.

    ``meters`` maps their addresses to a fixed passkey or None.
    """

    def __init__(self, meters: Mapping[str, int | None]) -> None:
        super().__init__("org.bluez.Agent1")
        self._meters = dict(meters)

    @property
    def capability(self) -> str:
        """What bluetoothd is told we can do: type digits only where a meter's digits are configured."""
        return "KeyboardOnly" if any(passkey is not None for passkey in self._meters.values()) else "NoInputNoOutput"

    @dbus_method(name="Release")
    def release(self) -> None:
        """bluetoothd no longer needs us."""
        log.info("pairing_agent_released")

    @dbus_method(name="RequestPinCode")
    def request_pin_code(self, device: DBusObjectPath) -> DBusStr:
        """Classic Bluetooth's pairing; no meter of ours uses it."""
        raise self._refuse(device, "asks for a PIN of classic Bluetooth")

    @dbus_method(name="DisplayPinCode")
    def display_pin_code(self, device: DBusObjectPath, pin_code: DBusStr) -> None:
        """Classic Bluetooth again: there is nothing to show it on."""
        del pin_code
        raise self._refuse(device, "wants a PIN shown")

    @dbus_method(name="RequestPasskey")
    def request_passkey(self, device: DBusObjectPath) -> DBusUInt32:
        """The digits that the meter shows, where they are fixed and configured."""
        passkey = self._meters.get(address_of(device))
        if passkey is None:
            raise self._refuse(device, "wants a passkey and none is configured")
        log.info("pairing_passkey_given", meter=address_of(device))
        return passkey

    @dbus_method(name="DisplayPasskey")
    def display_passkey(self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16) -> None:
        """The meter would have the digits typed on it, and we have no display."""
        del passkey, entered
        log.warning("pairing_wants_display", meter=address_of(device))

    @dbus_method(name="RequestConfirmation")
    def request_confirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> None:
        """Numeric comparison; nobody watches, so only a listed meter passes."""
        del passkey
        self.admit(device)

    @dbus_method(name="RequestAuthorization")
    def request_authorization(self, device: DBusObjectPath) -> None:
        """Just-works pairing that we did not start ourselves."""
        self.admit(device)

    @dbus_method(name="AuthorizeService")
    def authorize_service(self, device: DBusObjectPath, uuid: DBusStr) -> None:
        """A device would use a service of ours."""
        del uuid
        self.admit(device)

    @dbus_method(name="Cancel")
    def cancel(self) -> None:
        """The pairing under way ended without our answer."""
        log.info("pairing_cancelled")

    def admit(self, device: str) -> None:
        """Let a listed meter pair; refuse every other device by raising :class:`DBusError`."""
        if address_of(device) not in self._meters:
            raise self._refuse(device, "is not among the meters to pair")
        log.info("pairing_admitted", meter=address_of(device))

    def _refuse(self, device: str, why: str) -> DBusError:
        log.warning("pairing_refused", device=address_of(device), why=why)
        return DBusError(_REJECTED, f"{address_of(device)} {why}")


def address_of(device_path: str) -> str:
    """The Bluetooth address in a device's object path, upper case with colons."""
    return device_path.rsplit("/dev_", 1)[-1][:17].replace("_", ":").upper()
