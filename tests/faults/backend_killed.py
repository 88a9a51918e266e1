"""kill -9 of the backend, at random instants of starting, storing, judging, answering, calling."""

import random
from pathlib import Path

from tests.crash.engines import Pair
from tests.crash.stage import stage
from tests.faults.outcome import Outcome

_LONGEST_S = 2.0
_ON: dict[Pair, str] = {"embedded": "the embedded store and SQLite", "production": "InfluxDB and PostgreSQL"}


async def killed(folder: Path, *, pair: Pair, kills: int, seed_number: int = 20261123) -> Outcome:
    """A patient's month for every kill; at the end everything drains, some of it comes again twisted; then count."""
    chance = random.Random(seed_number)
    async with stage(folder, pair, parts=kills, seed_number=seed_number) as made:
        for part in range(kills):
            made.measure(part)
            await made.kill_after(chance.random() * _LONGEST_S)
        found = await made.finish(seed_number)
    sent = made.ward.readings
    alerts = sum(len(one) for one in made.ward.episodes().values())
    return Outcome(
        f"kill -9 of the backend on {_ON[pair]}",
        f"{kills} kills, {alerts:,} alerts once each, {len(made.mail.mails):,} mails, {found.repeats} of them repeated",
        kept=len(sent),
        stored=len(found.stored),
        lost=len(sent.keys() - found.stored.keys()),
        twice=found.stored.total() - len(found.stored),
        strange=len(found.stored.keys() - sent.keys()),
        failures=tuple(found.wrong),
    )
