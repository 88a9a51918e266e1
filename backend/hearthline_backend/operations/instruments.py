"""What ingest tells about its work: once per group, never per reading. What passes the uplink is counted there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from hearthline_backend.ingest.refusal import Reason


class Store(StrEnum):
    """Which of the two stores."""

    READINGS = "readings"
    RECORDS = "records"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """What became of one group of messages, once all of it is durable.

    ``stored`` are readings that are new, ``repeated`` those that the store had already; ``judged`` those judged now,
    ``synthetic`` the watchdog's and gateways' proofs, which count among none of these.
    ``refused`` counts what was rejected or held, by reason. ``store_s`` and ``records_s`` are the seconds that the
    write of the readings and the transaction in Records took.
    """

    messages: int
    stored: int
    repeated: int
    judged: int
    synthetic: int = 0
    refused: Mapping[Reason, int] = field(default_factory=dict)
    store_s: float
    records_s: float


class IngestInstruments(Protocol):
    """Told by ingest. Its methods never wait and never fail."""

    def settled(self, facts: GroupFacts) -> None:
        """A group is durable."""

    def store_failed(self, which: Store) -> None:
        """A store could not take or give something; it is tried again."""


class NotMeasured:
    """For a caller that keeps no figures."""

    def settled(self, facts: GroupFacts) -> None:
        """Nothing is kept."""

    def store_failed(self, which: Store) -> None:
        """Nothing is kept."""
