"""What delivery needs from a channel, and what a channel may answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.calls import Occasion
from hearthline_backend.storage.records.notices import NoticeKind


@dataclass(frozen=True, slots=True)
class About:
    """What an alert is about: ``patient`` as name and year of birth, ``kind`` of measurement."""

    patient: str
    kind: str


@dataclass(frozen=True, slots=True)
class Message:
    """One call to one contact. It says that something needs somebody, never what: no name, value, kind or diagnosis,
    but ``about`` for a contact that is marked as safe.

    ``alert`` is None where it tells of a ``notice``. ``notification`` stays the same in every repeat.
    ``acknowledge_by`` is when the next person is called, or None. ``next_place`` is their place in the order, counted
    from 1; 0 where they are called for another reason than being on call, None where the same person would be called
    again.
    """

    notification: UUID
    alert: int | None
    level: Level
    occasion: Occasion
    repeat: bool
    link: str
    sent_at: datetime
    address: str
    secret: str | None
    locale: str
    time_zone: str
    emergency_number: str
    acknowledge_by: datetime | None = None
    next_place: int | None = None
    notice: NoticeKind | None = None
    about: About | None = None
    confirm_by: datetime | None = None


class DeliveryError(Exception):
    """Not delivered, as far as we know.

    ``permanent``: trying the same again is pointless. ``maybe_arrived``: the other side may have taken it, so the next
    try says "repeat". ``detail`` is technical and holds no address.
    """

    def __init__(self, detail: str, *, permanent: bool = False, maybe_arrived: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.permanent = permanent
        self.maybe_arrived = maybe_arrived


class Channel(Protocol):
    """One way to reach a contact."""

    async def send(self, message: Message) -> None:
        """Returns when the other side has taken it; raises :class:`DeliveryError` otherwise, within 10 s."""

    async def close(self) -> None:
        """Give connections back."""
