"""E2E-CRC: two bytes by which a sensor protects a value from end to end.

Source: Bluetooth SIG, Continuous Glucose Monitoring Service 1.0.2, "E2E-CRC": polynomial D16 + D12 + D5 + 1, seed
0xFFFF, least significant bit first, nothing inverted, sent little-endian. This is CRC-16/MCRF4XX; its check value, of
the ASCII digits 1 to 9, is 0x6F91.
"""

from typing import Final

from hearthline_gateway.gatt.errors import CrcMismatchError

SIZE: Final = 2
_SEED: Final = 0xFFFF
_REFLECTED_POLYNOMIAL: Final = 0x8408


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_REFLECTED_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE: Final = tuple(_entry(byte) for byte in range(256))


def e2e_crc(content: bytes) -> int:
    """The checksum of ``content``."""
    crc = _SEED
    for byte in content:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def protected(content: bytes) -> bytes:
    """``content`` with its checksum behind it."""
    return content + e2e_crc(content).to_bytes(SIZE, "little")


def verify(characteristic: str, frame: bytes) -> None:
    """Check a frame that ends in its checksum; raises :class:`CrcMismatchError`."""
    sent, computed = int.from_bytes(frame[-SIZE:], "little"), e2e_crc(frame[:-SIZE])
    if sent != computed:
        raise CrcMismatchError(characteristic, sent, computed)
