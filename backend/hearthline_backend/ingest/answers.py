"""Receipts as they go back to the homes: what was stored without a word is answered in bulk.

A home settles its readings by their ids, whichever batch a receipt names, so several batches of one gateway that were
stored together have one receipt. At thousands of single readings a second it is the broker who profits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from hearthline_backend.ingest.parcel import Parcel
from hearthline_protocol.messages import Receipt

MOST_A_RECEIPT: Final = 500


@dataclass(slots=True)
class Answer:
    """One receipt, ready to be sent."""

    gateway: str
    payload: bytes
    correlation: bytes | None


class _Entry(msgspec.Struct, gc=False):
    id: UUID
    status: str = "stored"


class _Receipt(msgspec.Struct, gc=False):
    batch: str
    readings: list[_Entry]


_ENCODER: Final = msgspec.json.Encoder()


class BulkAnswers:
    """Collects what was stored; ``batch`` and correlation of a receipt are those of the newest batch in it."""

    def __init__(self) -> None:
        self._by_gateway: dict[str, list[_Entry]] = {}
        self._newest: dict[str, Parcel] = {}

    def add(self, parcel: Parcel) -> None:
        """All readings of this parcel are stored, and were quick to take."""
        gateway = parcel.gateway
        self._newest[gateway] = parcel
        entries = [_Entry(reading.id) for reading, _ in parcel.quick or ()]
        found = self._by_gateway.get(gateway)
        if found is None:
            self._by_gateway[gateway] = entries
        else:
            found += entries

    def __iter__(self) -> Iterator[Answer]:
        for gateway, entries in self._by_gateway.items():
            newest = self._newest[gateway]
            for start in range(0, len(entries), MOST_A_RECEIPT):
                receipt = _Receipt(newest.batch, entries[start : start + MOST_A_RECEIPT])
                yield Answer(gateway, _ENCODER.encode(receipt), newest.correlation)


def answer(parcel: Parcel, receipt: Receipt) -> Answer:
    """One receipt for one parcel."""
    return Answer(parcel.gateway, receipt.model_dump_json().encode(), parcel.correlation)
