"""The names BlueZ uses on D-Bus."""

import uuid
from typing import Final

from bumble.core import UUID

SERVICE: Final = "org.bluez"
ROOT_PATH: Final = "/org/bluez"

OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
ADAPTER: Final = "org.bluez.Adapter1"
DEVICE: Final = "org.bluez.Device1"
BATTERY: Final = "org.bluez.Battery1"
GATT_SERVICE: Final = "org.bluez.GattService1"
CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
DESCRIPTOR: Final = "org.bluez.GattDescriptor1"
MONITOR_MANAGER: Final = "org.bluez.AdvertisementMonitorManager1"
MONITOR: Final = "org.bluez.AdvertisementMonitor1"
AGENT_MANAGER: Final = "org.bluez.AgentManager1"
AGENT: Final = "org.bluez.Agent1"


def long_uuid(short: UUID) -> str:
    """A UUID as BlueZ writes it: 36 characters in lower case."""
    return str(uuid.UUID(bytes=short.to_bytes(force_128=True)[::-1]))


def adapter_path(name: str) -> str:
    """Where the adapter of that name, such as ``hci0``, lives."""
    return f"{ROOT_PATH}/{name}"


def adapter_of(path: str) -> str:
    """The name of the adapter that an object belongs to."""
    return path.removeprefix(f"{ROOT_PATH}/").partition("/")[0]


def device_path(adapter: str, address: str) -> str:
    """Where the device of that address lives, as the adapter of that name knows it."""
    return f"{adapter_path(adapter)}/dev_{address.replace(':', '_')}"


def path_of_device(path: str) -> str:
    """The device that a service, characteristic or descriptor belongs to."""
    return "/".join(path.split("/")[:5])
