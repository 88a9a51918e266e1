"""Packets cut out of what a socket brings, whatever its pieces."""

from typing import Final

import mqtt5

_HEAD_BYTES: Final = 5


class MalformedPacketError(Exception):
    """What came is not MQTT 5, or larger than we said we take."""


class PacketReader:
    """Reads one connection. After an error it is of no more use."""

    def __init__(self, max_packet_bytes: int) -> None:
        self._max_packet_bytes = max_packet_bytes
        self._parts: list[bytes] = []
        self._held = 0
        self._needed = 0

    def read(self, data: bytes) -> list[mqtt5.Packet]:
        """The packets that are complete with these bytes. Raises :class:`MalformedPacketError`."""
        if self._parts:
            self._parts.append(data)
            self._held += len(data)
            if self._held < self._needed:
                return []
            data = b"".join(self._parts)
            self._parts.clear()
        view = memoryview(data)
        packets: list[mqtt5.Packet] = []
        at, end = 0, len(data)
        while at < end:
            try:
                packet, size = mqtt5.read(view[at:])
            except IndexError:
                self._keep(data[at:])
                break
            except ValueError:
                raise MalformedPacketError("a packet of it is not MQTT 5") from None
            except BaseException as error:
                # Text that is not UTF-8 panics in the codec; its panic is no Exception, and has no name to import.
                if type(error).__module__ != "pyo3_runtime":
                    raise
                raise MalformedPacketError("a packet of it holds text that is not UTF-8") from None
            packets.append(packet)
            at += size
        return packets

    def _keep(self, rest: bytes) -> None:
        self._parts.append(rest)
        self._held = len(rest)
        self._needed = _packet_bytes(rest)
        if self._needed > self._max_packet_bytes:
            raise MalformedPacketError(f"a packet of it has {self._needed} bytes, more than we said we take")
        if 0 < self._needed <= self._held:
            raise MalformedPacketError("a packet of it contradicts its own length")


def _packet_bytes(start: bytes) -> int:
    """How long the packet is that begins so; 0 while its head does not tell yet."""
    length = 0
    for index, byte in enumerate(start[1:_HEAD_BYTES]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return 2 + index + length
    return 0
