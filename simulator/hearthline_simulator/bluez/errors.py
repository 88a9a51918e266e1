"""Errors as BlueZ answers them over D-Bus."""

from typing import Final

from bumble import att

UNKNOWN_OBJECT: Final = "org.freedesktop.DBus.Error.UnknownObject"
UNKNOWN_METHOD: Final = "org.freedesktop.DBus.Error.UnknownMethod"
INVALID_ARGS: Final = "org.freedesktop.DBus.Error.InvalidArgs"


class BluezError(Exception):
    """One D-Bus error: its full name and its text."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name if "." in name else f"org.bluez.Error.{name}"
        self.text = text
        super().__init__(f"{self.name}: {text}")


_ATT_ERRORS: Final = {
    att.ErrorCode.READ_NOT_PERMITTED: ("NotPermitted", "Read not permitted"),
    att.ErrorCode.WRITE_NOT_PERMITTED: ("NotPermitted", "Write not permitted"),
    att.ErrorCode.INSUFFICIENT_AUTHENTICATION: ("NotPermitted", "Not paired"),
    att.ErrorCode.INSUFFICIENT_ENCRYPTION: ("NotPermitted", "Not paired"),
    att.ErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE: ("NotPermitted", "Not paired"),
    att.ErrorCode.INVALID_OFFSET: ("InvalidArguments", "Invalid offset"),
    att.ErrorCode.INVALID_ATTRIBUTE_LENGTH: ("InvalidArguments", "Invalid Length"),
    att.ErrorCode.INSUFFICIENT_AUTHORIZATION: ("NotAuthorized", "Not Authorized"),
    att.ErrorCode.REQUEST_NOT_SUPPORTED: ("NotSupported", "Not Supported"),
    0xFD: ("ImproperlyConfigured", "Characteristic improperly configured"),
}
NEEDS_SECURITY: Final = (att.ErrorCode.INSUFFICIENT_AUTHENTICATION, att.ErrorCode.INSUFFICIENT_ENCRYPTION)
"""ATT errors after which BlueZ raises the link's security and tries once more."""


def from_att(error: att.ATT_Error) -> BluezError:
    """The D-Bus error that BlueZ's GATT client makes of an ATT error (``create_gatt_dbus_error``)."""
    code = int(error.error_code)
    name, text = _ATT_ERRORS.get(code, ("Failed", f"Operation failed with ATT error: 0x{code:02x}"))
    return BluezError(name, text)
