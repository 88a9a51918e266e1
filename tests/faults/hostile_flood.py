"""Messages that no gateway should send, through the real ingest on real stores, each to be found again."""

from pathlib import Path

from tests.faults.outcome import Outcome
from tests.fixtures.flood import flood

_RIGHT_WITHIN_S = 2.0


async def flooded(folder: Path, *, messages: int, seed_number: int = 20261123) -> Outcome:
    """What goes in is stored or counted in quarantine, to the number; a right message in between is stored at once."""
    async with flood(folder, seed_number) as made:
        await made.pour(messages)
        ended = await made.ended()
    kept, unanswered = ended.kept, made.sent - made.answered["acknowledged"]
    found = ended.stored + kept.total()
    failures = [
        *([f"{ended.judged} of {ended.stored} readings are judged"] if ended.judged != ended.stored else []),
        *([f"{ended.failed} messages defeated the backend"] if ended.failed else []),
        *([f"a right message took {made.slowest_s:.1f} s"] if made.slowest_s > _RIGHT_WITHIN_S else []),
        *([f"{unanswered} messages were not acknowledged"] if unanswered else []),
    ]
    return Outcome(
        "hostile messages",
        f"{made.sent:,} messages with {ended.things:,} readings or none: {ended.stored:,} stored, "
        f"{kept['held']:,} held, {kept['rejected']:,} rejected, {kept['discarded']:,} past the quota for what is held; "
        f"a right message in between took {made.slowest_s:.2f} s at most",
        kept=ended.things,
        stored=found,
        lost=max(0, ended.things - found),
        twice=max(0, found - ended.things),
        failures=tuple(failures),
    )
