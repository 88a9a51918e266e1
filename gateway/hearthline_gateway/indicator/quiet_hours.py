"""When the living room is left in peace."""

from dataclasses import dataclass
from datetime import datetime, time, tzinfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``begin`` to ``end``, local time of the home; over midnight where ``begin`` is later. Equal: never quiet."""

    begin: time
    end: time
    zone: tzinfo

    def at(self, moment: datetime) -> bool:
        """Whether it is quiet at that moment."""
        local = moment.astimezone(self.zone).time()
        if self.begin <= self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end

    @classmethod
    def of(cls, begin: str, end: str, zone: tzinfo) -> "QuietHours":
        """From texts such as 22:00."""
        return cls(time.fromisoformat(begin), time.fromisoformat(end), zone)
