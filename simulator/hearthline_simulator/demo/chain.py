"""The names of the chain: its hops in their order and the processes that can be killed."""

from enum import StrEnum
from typing import Final


class Hop(StrEnum):
    """One step of a reading's way, each proved by its own evidence."""

    DECODED = "decoded"
    OUTBOX = "outbox"
    PUBLISHED = "published"
    STORED = "stored"
    RECEIPTED = "receipted"
    JUDGED = "judged"
    ALERT = "alert"
    MAIL = "mail"
    WEBHOOK = "webhook"
    VISIBLE = "visible"
    ACKNOWLEDGED = "acknowledged"


HOPS: Final = tuple(Hop)


class Victim(StrEnum):
    """A process that the check can kill."""

    GATEWAY = "gateway"
    BROKER = "broker"
    BACKEND = "backend"


SYSTOLIC: Final = 186
DIASTOLIC: Final = 112
PULSE: Final = 88
"""The reading that the demo and its check follow, in mmHg and beats a minute."""
FIRST: Final = {"systolic": float(SYSTOLIC), "diastolic": float(DIASTOLIC), "pulse": float(PULSE)}
"""The same as the simulated cuff takes it."""
