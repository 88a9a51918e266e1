"""One payload on its way through ingest, whether it came just now or waited in quarantine."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from msgspec import Struct

from hearthline_backend.ingest.batch import Batch, read_batch, read_reading
from hearthline_backend.ingest.quick_batch import QuickRow, quick_batch
from hearthline_backend.ingest.refusal import Refused
from hearthline_backend.storage.records.quarantine import Kept
from hearthline_backend.uplink.port import Message
from hearthline_protocol.messages import Receipt, ReceiptEntry, ReceiptStatus

_BATCH_LENGTH = 64


class Parcel(Struct, gc=False):
    """``correlation`` is the batch as its sender named it. It came in ``message`` just now, or waits in quarantine as
    ``kept``.

    ``quick`` are its readings where nothing speaks against any of them; ``content`` is the whole truth about it.
    """

    gateway: str
    payload: bytes
    received_at: datetime
    correlation: bytes | None = None
    message: Message | None = None
    kept: Kept | None = None
    quick: list[QuickRow] | None = None
    stored: list[UUID] = []
    refused: list[Refused] = []
    read: Batch | None = None
    """``content``, once somebody asked for it."""

    @classmethod
    def arrived(cls, gateway: str, message: Message) -> Self:
        """What a message holds."""
        payload, at = message.payload, message.received_at
        return cls(gateway, payload, at, message.correlation, message, None, quick_batch(payload, at))

    @classmethod
    def waiting(cls, kept: Kept, payload: bytes, now: datetime) -> Self:
        """What a quarantine row holds."""
        return cls(kept.gateway, payload, now, (kept.batch or "").encode() or None, kept=kept)

    @property
    def batch(self) -> str:
        """The correlation as text."""
        return batch_text(self.correlation)

    @property
    def content(self) -> Batch:
        """Every reading that can be taken, and what cannot."""
        if self.read is None:
            kept = self.kept
            if kept is None:
                self.read = read_batch(self.payload, self.received_at)
            else:
                read = read_batch if kept.reading_id is None else read_reading
                self.read = read(self.payload, self.received_at, arrived=kept.received_at)
        return self.read

    @property
    def size(self) -> int:
        """How many readings."""
        return len(self.content.readings) if self.quick is None else len(self.quick)

    def refuse_whole(self, refused: Refused) -> None:
        """Take nothing of it."""
        self.quick = None
        self.read = Batch((), (refused,))

    def receipt(self, promised: Iterable[Refused]) -> Receipt | None:
        """The answer: every stored reading, and every refused one of ``promised``; None where nothing can be said.

        An id that was stored is stored, whatever became of a second reading under it.
        """
        entries = {one: ReceiptEntry(id=one, status=ReceiptStatus.STORED) for one in self.stored}
        nameless: list[Refused] = []
        for refused in promised:
            for one in refused.reading_ids:
                entries.setdefault(one, ReceiptEntry(id=one, status=refused.reason.status, reason=refused.message))
            if not refused.reading_ids:
                nameless.append(refused)
        whole = next((refused for refused in nameless if refused.whole), None)
        if not entries and not nameless:
            return None
        return Receipt(
            batch=self.batch,
            readings=tuple(entries.values()),
            status=None if whole is None else whole.reason.status,
            reason=nameless[0].message if nameless else None,
        )


def batch_text(correlation: bytes | None) -> str:
    """A batch id as text: as sent where it is printable text, else its hexadecimal digits."""
    if correlation is None:
        return ""
    try:
        text = correlation.decode()
    except UnicodeDecodeError:
        text = ""
    return (text if text.isprintable() and text else correlation.hex())[:_BATCH_LENGTH]


def in_groups(parcels: Iterable[Parcel], rows: int) -> Iterator[list[Parcel]]:
    """Parcels in order, in groups of at most ``rows`` readings, or of one parcel that has more."""
    group: list[Parcel] = []
    held = 0
    for parcel in parcels:
        size = parcel.size
        if group and held + size > rows:
            yield group
            group, held = [], 0
        group.append(parcel)
        held += size
    if group:
        yield group


def in_parts(messages: Sequence[Message], most_bytes: int) -> Iterator[Sequence[Message]]:
    """Messages in order, in parts whose payloads have at most so many bytes, or of one message that has more."""
    start = held = 0
    for number, message in enumerate(messages):
        size = len(message.payload)
        if held + size > most_bytes and number > start:
            yield messages[start:number]
            start, held = number, 0
        held += size
    if start < len(messages):
        yield messages[start:]
