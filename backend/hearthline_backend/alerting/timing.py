"""The times of alerting, in one place. The defaults are the design's; an installation may set others."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hearthline_backend.domain.rules import Level


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take and wait."""

    page_age_red: timedelta = timedelta(hours=12)
    page_age_yellow: timedelta = timedelta(hours=4)
    """A reading older than its page age does not call anybody as if it were now."""
    escalate_after: timedelta = timedelta(minutes=15)
    """A red nobody has acknowledged goes to the next person on call."""
    nobody_again_after: timedelta = timedelta(minutes=1)
    """While nobody is on call, a red looks again for somebody."""
    come_back_after: timedelta = timedelta(minutes=60)
    """An acknowledged red that is still open calls again."""
    undo_within: timedelta = timedelta(seconds=10)
    """What a person did to an alert can be taken back this long."""
    snooze_at_most: timedelta = timedelta(days=14)
    """A rule that is to be quiet for longer wants another limit, not a snooze."""

    confirm_within: timedelta = timedelta(hours=4)
    """A report that nobody has confirmed calls somebody then; quiet hours do not count. A team may agree another."""

    def page_age(self, level: Level) -> timedelta:
        """How old a reading of this level may be to call somebody as if it were now."""
        return self.page_age_red if level is Level.RED else self.page_age_yellow


DEFAULT: Final = Timing()
