"""What one process of the backend hears: everything, or its share of the readings.

Readings may be shared out: processes that name the same group get each message once between them (``$share/<group>/``
of MQTT 5). What homes say about themselves is never shared. It is little, its order matters, and the broker hands
retained messages to a plain subscription only: the one process that serves the technician's desk hears it all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Flag, auto
from typing import Final, Self

import structlog

from hearthline_protocol import topics

log = structlog.get_logger(__name__)

_FAILURE: Final = 0x80


class Hears(Flag):
    """What a process listens to."""

    READINGS = auto()
    HOMES = auto()
    """Status, reported configuration, replies to commands."""
    ALL = READINGS | HOMES


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Topic filters. Without one that is ``needed`` there is no service. The others are for remote work: an access list
    of an earlier release must not stop readings."""

    needed: tuple[str, ...]
    others: tuple[str, ...] = ()
    share: str | None = None

    @classmethod
    def of(cls, hears: Hears = Hears.ALL, share: str | None = None) -> Self:
        """``share`` is the group that shares out readings; None takes all of them."""
        needed: list[str] = []
        if Hears.READINGS in hears:
            needed.append(topics.ALL_READINGS if share is None else f"$share/{share}/{topics.ALL_READINGS}")
        if Hears.HOMES in hears:
            needed.append(topics.ALL_STATUS)
        others = (topics.ALL_REPORTED, topics.ALL_REPLIES) if Hears.HOMES in hears else ()
        return cls(tuple(needed), others, share if Hears.READINGS in hears else None)

    @property
    def filters(self) -> tuple[str, ...]:
        """All of them, in the order in which the broker answers."""
        return (*self.needed, *self.others)

    def refused(self, codes: Sequence[int]) -> str | None:
        """Read the broker's answer, one code a filter. Returns why there is no service; None when there is."""
        if len(codes) != len(self.filters):
            return f"the broker answered {len(codes)} of {len(self.filters)} subscriptions; is it an MQTT 5 broker?"
        refused = [topic for topic, code in zip(self.filters, codes, strict=True) if code >= _FAILURE]
        # Without the group's name: whoever knows it could join and swallow a share.
        topics_told = [topic.removeprefix(f"$share/{self.share}/") for topic in refused]
        next_step = "renew its access list from firmware-config/broker"
        if any(topic in self.needed for topic in refused):
            return f"the broker refuses us {', '.join(topics_told)}: {next_step}"
        if refused:
            log.error("remote_work_refused_by_broker", topics=topics_told, next_step=next_step)
        return None
