"""What a fault did, as one line with its counts, and whether they came out exact."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """``kept`` readings were promised to be durable or stand in the outbox, ``stored`` are at the backend. ``lost``
    were promised and are not stored; ``twice`` are stored under a second id; ``strange`` are stored and were never
    heard. ``reported`` is how many of the lost the gateway reported, None where it said that nobody can tell how many.
    ``failures`` are what else went wrong. ``counted`` is what all these are."""

    name: str
    happened: str
    kept: int
    stored: int
    lost: int
    twice: int
    strange: int = 0
    reported: int | None = 0
    failures: tuple[str, ...] = ()
    counted: str = "readings"

    @property
    def exact(self) -> bool:
        """Nothing lost that was not reported, nothing twice, nothing strange."""
        unreported = 0 if self.reported is None else self.lost - self.reported
        return not (unreported or self.twice or self.strange or self.failures or not self.kept)

    @property
    def line(self) -> str:
        """For a person."""
        number = "as of unknown number" if self.reported is None else f"{self.reported:,}"
        reported = f" (reported: {number})" if self.lost or self.reported is None or self.reported else ""
        words = (
            f"{self.name}: {self.happened}, {self.kept:,} {self.counted} kept, {self.stored:,} stored, "
            f"{self.lost:,} lost{reported}, {self.twice:,} twice"
        )
        if self.strange:
            words += f", {self.strange:,} never heard"
        return words if self.exact else f"{words}. NOT EXACT: {'; '.join(self.failures) or 'the counts differ'}"


def counted(
    name: str,
    happened: str,
    *,
    promised: Iterable[str],
    kept: Iterable[str],
    stored: Iterable[str],
    twice: int,
    reported: int | None = 0,
    failures: Iterable[str] = (),
) -> Outcome:
    """Count by id: ``promised`` to the one who fed them, ``kept`` in the outbox, ``stored`` at the backend."""
    held = set(promised) | set(kept)
    there = set(stored)
    return Outcome(
        name,
        happened,
        kept=len(held),
        stored=len(there),
        lost=len(held - there),
        twice=twice,
        strange=len(there - held),
        reported=reported,
        failures=tuple(failures),
    )
