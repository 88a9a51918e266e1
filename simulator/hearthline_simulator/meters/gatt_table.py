"""Characteristics as a meter declares them."""

from collections.abc import Callable
from typing import Final

from bumble import att
from bumble.core import UUID
from bumble.gatt import GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR, Characteristic, Descriptor
from bumble.gatt_server import Server

_OPEN: Final = att.Attribute.READABLE | att.Attribute.WRITEABLE
_GUARDED: Final = _OPEN | att.Attribute.READ_REQUIRES_ENCRYPTION | att.Attribute.WRITE_REQUIRES_ENCRYPTION
_ANSWERS: Final = Characteristic.Properties.NOTIFY | Characteristic.Properties.INDICATE

BytesCharacteristic = Characteristic[bytes]


def uuid16(hexadecimal: str) -> UUID:
    """The UUID of an assigned number such as ``2A35``."""
    return UUID.from_16_bits(int(hexadecimal, 16))


def measurement(
    server: Server, uuid: str, properties: Characteristic.Properties, *, guarded: bool
) -> BytesCharacteristic:
    """A characteristic that only notifies or indicates. Where ``guarded``, its configuration wants an encrypted link,
    which the stack's automatic descriptor does not ask for, so it gets a descriptor of its own."""
    if not properties & _ANSWERS:
        raise ValueError(f"{uuid} neither notifies nor indicates")
    return _answering(server, uuid, properties, b"", guarded=guarded)


def control_point(server: Server, uuid: str, write: Callable[[bytes], None], *, guarded: bool) -> BytesCharacteristic:
    """A characteristic that is asked by writing and answers by indication. ``write`` refuses by raising
    :class:`bumble.att.ATT_Error`."""
    properties = Characteristic.Properties.WRITE | Characteristic.Properties.INDICATE
    asked = att.AttributeValue[bytes](read=lambda _: b"", write=lambda _, value: write(bytes(value)))
    return _answering(server, uuid, properties, asked, guarded=guarded)


def _answering(
    server: Server,
    uuid: str,
    properties: Characteristic.Properties,
    value: bytes | att.AttributeValue[bytes],
    *,
    guarded: bool,
) -> BytesCharacteristic:
    declared: list[BytesCharacteristic] = []
    configuration = Descriptor(
        GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
        _GUARDED if guarded else _OPEN,
        att.AttributeValueV2[bytes](
            read=lambda bearer: server.read_cccd(bearer, declared[0]),
            write=lambda bearer, value: server.write_cccd(bearer, declared[0], value),
        ),
    )
    declared.append(
        Characteristic[bytes](uuid16(uuid), properties, _GUARDED if guarded else _OPEN, value, [configuration])
    )
    return declared[0]


def readable(uuid: str, value: bytes) -> BytesCharacteristic:
    """A fixed value anybody may read."""
    return Characteristic[bytes](uuid16(uuid), Characteristic.Properties.READ, att.Attribute.READABLE, value)


def live(uuid: str, read: Callable[[], bytes], write: Callable[[bytes], None], *, guarded: bool) -> BytesCharacteristic:
    """A value that is made when it is read and acted on when it is written. ``write`` refuses by raising
    :class:`bumble.att.ATT_Error`."""
    return Characteristic[bytes](
        uuid16(uuid),
        Characteristic.Properties.READ | Characteristic.Properties.WRITE,
        _GUARDED if guarded else _OPEN,
        att.AttributeValue[bytes](read=lambda _: read(), write=lambda _, value: write(bytes(value))),
    )
