"""The identity of a reading: the same stored measurement, read twice or by two gateways, has the same id.

A UUIDv8 (RFC 9562, 5.8): the first 48 bits are the meter's own stamp in milliseconds (0 where only a sequence number
tells measurements apart, received time where not even that), so that ids cluster in time; the rest is a SHA-256 of only
what the meter sent. Converted values, received and effective time never enter it, so a corrected clock or a new
conversion cannot make a second reading of the same measurement.
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from hearthline_protocol.device_time import DeviceTime

VERSION_TAG: Final = b"hearthline-reading-1"
_STAMP_LIMIT: Final = (1 << 48) - 1


def reading_id(
    *,
    sensor: str,
    characteristic: str,
    user_slot: int | None,
    device_time: DeviceTime | None,
    sequence: int | None,
    raw_values: bytes,
    received_time: datetime,
) -> UUID:
    """Name one measurement.

    ``sensor`` is the meter's identity address, ``raw_values`` the value fields as they came over the air. A stamp no
    calendar knows stays part of the hash but does not order the id. With neither stamp nor sequence number the received
    time joins the hash, since nothing else tells two equal measurements apart.
    """
    stamp = device_time if device_time is not None and device_time.known else None
    parts = [
        VERSION_TAG,
        sensor.upper().encode(),
        characteristic.upper().encode(),
        b"" if user_slot is None else str(user_slot).encode(),
        b"" if sequence is None else str(sequence).encode(),
        b"" if device_time is None else str(device_time).encode(),
        raw_values,
    ]
    received_ms = int(received_time.astimezone(UTC).timestamp() * 1000)
    if stamp is None and sequence is None:
        parts.append(str(received_ms).encode())
    digest = sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
    ordering_ms = received_ms if sequence is None else 0
    clock = min(max(stamp.face_ms() if stamp is not None else ordering_ms, 0), _STAMP_LIMIT)
    tail = int.from_bytes(digest[:10], "big")
    value = (clock << 80) | (8 << 76) | ((tail >> 62 & 0xFFF) << 64) | (0b10 << 62) | (tail & ((1 << 62) - 1))
    return UUID(int=value)
