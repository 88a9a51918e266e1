"""What travels on MQTT: batches, receipts, the gateway's status.

The batch id travels as MQTT 5 Correlation Data, so that even a payload nobody can parse can be answered.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hearthline_protocol.readings import Address, Finite, Instant, Reading

SCHEMA: Final = 2
"""The newest version of the contract that this code speaks. A batch names the oldest one that can say its readings."""

MAX_BATCH_READINGS: Final = 200
MAX_BATCH_BYTES: Final = 256 * 1024
"""A batch is kept below this; the broker's own maximum packet size may be lower and then wins."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReadingsBatch(_Message):
    """Readings of one gateway. Who sent it is the topic's business, never the payload's."""

    schema_version: Annotated[int, Field(ge=1, alias="schema")] = 1
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
    """The backend's answer to a batch. Where no reading could be told apart, ``status`` answers for the whole batch.

    Readings are answered by their ids, whichever batch brought them: a receipt may answer several batches of its
    gateway, and ``batch`` is then the newest of them.
    """

    batch: str
    readings: tuple[ReceiptEntry, ...] = ()
    status: ReceiptStatus | None = None
    reason: str | None = None


class SyntheticAlert(_Message):
    """Backend to the watchdog, on the topic of its receipts: an alert followed from this synthetic reading, and what is
    due was gone through. No other gateway is ever sent one."""

    synthetic_alert: UUID
    """The reading's id."""
    judged_time: Instant
    told_time: Instant
    calls_waiting_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """How long the oldest call or other task waits that should have been taken up by now; 0 where there is none."""


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
    manufacturer: Annotated[str, Field(max_length=80)] | None = None
    model_number: Annotated[str, Field(max_length=80)] | None = None
    firmware: Annotated[str, Field(max_length=80)] | None = None
    last_error: Annotated[str, Field(max_length=300)] | None = None
    """The last thing that went wrong with it, kept after it went right again; null when nothing ever did."""
    last_error_time: Instant | None = None
    problem: str | None = None
    """What is wrong and what to do next, in words for a technician; null while all is well."""
    bad_frames: tuple[BadFrames, ...] = ()


class OutboxStatus(_Message):
    """How much waits in the home."""

    pending: int
    rejected: int
    oldest_pending: Instant | None = None
    last_receipt: Instant | None = None
    waiting_for_time: int = 0
    """Frames kept by seconds since boot until this machine knows the time."""
    given_up: int = 0
    """Readings deleted without a receipt since the outbox began, by age or for want of space: that is loss."""
    set_aside: int = 0
    """Damaged outbox files put aside since the gateway was installed."""
    disk_free_bytes: int | None = None


class AdapterStatus(_Message):
    """One Bluetooth adapter."""

    name: str
    state: str
    """In words, such as ``powered``."""
    problem: str | None = None
    resets: int = 0
    """How often it was power-cycled since the gateway started."""


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
    adapters: tuple[AdapterStatus, ...] = ()
    bluez_version: str | None = None
    problems: tuple[Annotated[str, Field(max_length=300)], ...] = ()
    """What a technician has to look at, each with its next step; empty while all is well."""
    configuration_revision: int | None = None
    outbox: OutboxStatus | None = None
    meters: tuple[MeterStatus, ...] = ()

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)
