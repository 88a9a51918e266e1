"""What happens at a meter, as it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class MeterHappening(StrEnum):
    """What a meter can tell."""

    ADVERTISING = "advertising"
    CONNECTED = "connected"
    PAIRED = "paired"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    REQUESTED = "requested"
    """Somebody wrote to a control point."""
    INDICATED = "indicated"
    CONFIRMED = "confirmed"
    NOTIFIED = "notified"
    CLOCK_SET = "clock_set"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """One happening at one meter. ``at`` is the wall clock of this machine in UTC; ``characteristic`` is the 16-bit
    UUID in upper-case hex; ``payload`` the value's bytes in hex."""

    event: MeterHappening
    meter: str
    at: datetime
    characteristic: str | None = None
    payload: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The event as one flat JSON object, without what does not apply."""
        table: dict[str, Any] = {
            "event": self.event.value,
            "meter": self.meter,
            "at": self.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if self.characteristic is not None:
            table["characteristic"] = self.characteristic
        if self.payload is not None:
            table["payload"] = self.payload
        return table


Report = Callable[[MeterEvent], None]
"""Takes each event as it happens; must not block."""
