"""Why something is not taken: one word for the machine, one sentence for the person who has to act on it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from hearthline_protocol.messages import ReceiptStatus


class Reason(StrEnum):
    """The word in quarantine. ``HELD`` below are durable and retried by themselves; the others never become valid."""

    NOT_JSON = "not_json"
    WRONG_SCHEMA = "wrong_schema"
    TOO_MANY = "too_many"
    OVERSIZED = "oversized"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_UNIT = "unknown_unit"
    IMPOSSIBLE_VALUE = "impossible_value"
    MISSING_VALUE = "missing_value"
    IMPOSSIBLE_TIME = "impossible_time"
    BAD_TOPIC = "bad_topic"
    BAD_STATUS = "bad_status"
    NEWER_SCHEMA = "newer_schema"
    UNKNOWN_GATEWAY = "unknown_gateway"
    UNKNOWN_SENSOR = "unknown_sensor"
    NOT_ASSIGNED = "not_assigned"
    WHOSE = "whose"
    GUEST = "guest"
    NOT_PROCESSED = "not_processed"

    @property
    def status(self) -> ReceiptStatus:
        """What the home is told."""
        return ReceiptStatus.HELD if self in HELD else ReceiptStatus.REJECTED


HELD: Final = frozenset(
    {
        Reason.NEWER_SCHEMA,
        Reason.UNKNOWN_GATEWAY,
        Reason.UNKNOWN_SENSOR,
        Reason.NOT_ASSIGNED,
        Reason.WHOSE,
        Reason.NOT_PROCESSED,
    }
)


@dataclass(frozen=True, slots=True)
class Refused:
    """One reading, or with ``whole`` one message, that is not stored now. ``reading_ids`` are those it speaks for;
    ``payload`` is what is kept of it, at most its head where ``whole_sha256`` and ``whole_bytes`` speak of the rest.
    ``message`` names field and expectation and never repeats a value."""

    reason: Reason
    message: str
    payload: bytes
    reading_ids: tuple[UUID, ...] = ()
    whole: bool = False
    whole_sha256: str | None = None
    whole_bytes: int | None = None
