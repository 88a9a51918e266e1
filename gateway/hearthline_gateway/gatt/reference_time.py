"""Reference Time Information (0x2A14): where a meter got its time from.

Source: Bluetooth SIG, Current Time Service 1.1.1, and the GATT Specification Supplement, "Time Source".
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks


class TimeSource(IntEnum):
    """What set the clock."""

    NOT_KNOWN = 0
    NETWORK_TIME_PROTOCOL = 1
    GPS = 2
    RADIO_TIME_SIGNAL = 3
    MANUAL = 4
    ATOMIC_CLOCK = 5
    CELLULAR_NETWORK = 6
    NOT_SYNCHRONISED = 7


_SOURCES: Final = {int(source): source for source in TimeSource}
_FINEST_ACCURACY: Final = 253
_A_WHILE_AGO: Final = 255


@dataclass(frozen=True, slots=True)
class ReferenceTimeInformation:
    """``time_accuracy`` counts 1/8 s of drift; 254 is more than 31.625 s, 255 not known. ``days_since_update`` is 255
    for 255 days or more, and then ``hours_since_update`` is 255 too; hours from 24 to 254 are reserved. A reserved
    ``time_source`` is kept as its plain number."""

    characteristic: ClassVar[str] = "2A14"

    time_source: TimeSource | int
    time_accuracy: int
    days_since_update: int
    hours_since_update: int
    trailing: bytes = b""

    @property
    def accuracy_s(self) -> float | None:
        """The accuracy in seconds; None where it is worse than can be said, or not known."""
        return self.time_accuracy / 8 if self.time_accuracy <= _FINEST_ACCURACY else None

    @property
    def hours_since(self) -> int | None:
        """Whole hours since the clock was set; None for 255 days or more, or a reserved number."""
        if self.days_since_update == _A_WHILE_AGO or self.hours_since_update > 23:
            return None
        return 24 * self.days_since_update + self.hours_since_update

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        source = cursor.unsigned(1, "time_source")
        return cls(
            time_source=_SOURCES.get(source, source),
            time_accuracy=cursor.unsigned(1, "time_accuracy"),
            days_since_update=cursor.unsigned(1, "days_since_update"),
            hours_since_update=cursor.unsigned(1, "hours_since_update"),
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "time_source", self.time_source)
        composer.unsigned(1, "time_accuracy", self.time_accuracy)
        composer.unsigned(1, "days_since_update", self.days_since_update)
        composer.unsigned(1, "hours_since_update", self.hours_since_update)
        return composer.frame(self.trailing)
