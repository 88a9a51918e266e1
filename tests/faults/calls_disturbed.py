"""What breaks between an alert and the person who is to hear of it."""

import random
from pathlib import Path

from tests.crash.escalating import Count, escalating
from tests.crash.notifier_away import away
from tests.faults.outcome import Outcome

_REDS = 10


async def killed(folder: Path, *, kills: int, seed_number: int = 20261125) -> Outcome:
    """The process that calls is killed at random instants while reds go from person to person."""
    async with escalating(folder, "sqlite") as made:
        await made.raise_reds(_REDS)
        await made.kill(kills, random.Random(seed_number))
        found = await made.finish()
    return _outcome("kill -9 while reds escalate", f"{kills} kills, {_REDS} reds", found)


async def notifier_away(folder: Path, *, alerts: int) -> Outcome:
    """The mail server refuses for an hour, and for some minutes takes mails without a word."""
    found = await away(folder, "sqlite", alerts=alerts)
    return _outcome("no mail server for an hour", f"{alerts} reds that nobody takes", found)


def _outcome(name: str, happened: str, found: Count) -> Outcome:
    return Outcome(
        name,
        f"{happened}, {found.repeats:,} repeats, each marked",
        kept=found.calls,
        stored=found.arrived,
        lost=found.calls - found.arrived,
        twice=0,
        failures=tuple(found.wrong),
        counted="calls",
    )
