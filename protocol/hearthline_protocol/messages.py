"""What travels on MQTT: batches, receipts, the gateway's status.

The batch id travels as MQTT 5 Correlation Data, so that even a payload nobody can parse can be answered.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hearthline_protocol.readings import Address, Finite, Instant, Reading

SCHEMA: Final = 1
"""The version of the contract that this code speaks."""

MAX_BATCH_READINGS: Final = 200
MAX_BATCH_BYTES: Final = 256 * 1024
"""A batch is kept below this; the broker's own maximum packet size may be lower and then wins."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReadingsBatch(_Message):
    """Readings of one gateway. Who sent it is the topic's business, never the payload's."""

    schema_version: Annotated[int, Field(ge=1, alias="schema")] = SCHEMA
    readings: Annotated[tuple[Reading, ...], Field(min_length=1, max_length=MAX_BATCH_READINGS)]

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class ReceiptStatus(StrEnum):
    """What became of a reading."""

    STORED = "stored"
    """Durable in the store and judged. The home may let go of it."""
    HELD = "held"
    """Durable at the backend with its whole payload; retried by itself after enrolment or upgrade."""
    REJECTED = "rejected"
    """Can never become valid as sent; kept in quarantine with its reason."""


class ReceiptEntry(_Message):
    """The answer for one reading. ``reason`` names field and expectation, and is null for ``stored``."""

    id: UUID
    status: ReceiptStatus
    reason: str | None = None


class Receipt(_Message):
    """The backend's answer to a batch. Where no reading could be told apart, ``status`` answers for the whole batch."""

    batch: str
    readings: tuple[ReceiptEntry, ...] = ()
    status: ReceiptStatus | None = None
    reason: str | None = None


class BadFrames(_Message):
    """Frames that could not be decoded: characteristic, length, reason and count; never the bytes."""

    characteristic: str
    length: int
    reason: str
    count: int


class MeterStatus(_Message):
    """One meter as its gateway last knew it. No values."""

    address: Address
    model: str
    paired: bool | None
    """Null where the model works without pairing."""
    last_heard: Instant | None = None
    last_reading: Instant | None = None
    battery_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    clock_offset_s: Finite | None = None
    """How far the meter's clock was from the home's local time at the last look, in seconds."""
    signal_dbm: int | None = None
    problem: str | None = None
    """What is wrong and what to do next, in words for a technician; null while all is well."""
    bad_frames: tuple[BadFrames, ...] = ()


class OutboxStatus(_Message):
    """How much waits in the home."""

    pending: int
    rejected: int
    oldest_pending: Instant | None = None
    last_receipt: Instant | None = None


class GatewayStatus(_Message):
    """Retained, and the last will: ``offline`` is said by the broker when the gateway no longer can."""

    schema_version: Annotated[int, Field(ge=1, alias="schema")] = SCHEMA
    state: Literal["online", "offline"]
    sent_time: Instant | None = None
    """Null in the last will, which is written before it is needed."""
    version: str | None = None
    started_time: Instant | None = None
    clock_synchronised: bool | None = None
    adapter: str | None = None
    """The Bluetooth adapter's state in words, such as ``powered``."""
    outbox: OutboxStatus | None = None
    meters: tuple[MeterStatus, ...] = ()

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)
