"""What the doctor found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

Hop = Literal["meters", "bluetooth", "gateway", "internet", "broker", "store"]
HOPS: Final[tuple[Hop, ...]] = ("meters", "bluetooth", "gateway", "internet", "broker", "store")
"""The road, in the order in which a reading travels it."""


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    SOON = "soon"
    """It works, and needs a hand before long."""
    BROKEN = "broken"
    UNKNOWN = "unknown"
    """It cannot be told, because something before it is broken."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: ``words`` say what is, ``next_step`` what to do; None where there is nothing to do."""

    hop: Hop
    check: str
    state: State
    words: str
    next_step: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, in the order of the road."""

    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> "Diagnosis":
        """Put them into the order of the road; those of one hop stay as they came."""
        return cls(tuple(sorted(findings, key=lambda finding: HOPS.index(finding.hop))))

    @property
    def broken(self) -> tuple[Hop, ...]:
        """The broken hops, the first one first."""
        return tuple(dict.fromkeys(found.hop for found in self.findings if found.state is State.BROKEN))

    def verdict(self) -> str:
        """One line: where the road is broken first, why, and what to do."""
        first = next((found for found in self.findings if found.state is State.BROKEN), None)
        if first is None:
            soon = [found for found in self.findings if found.state is State.SOON]
            return "Every hop is well." + (f" Needs a hand before long: {soon[0].check}." if soon else "")
        rest = f" Broken as well: {', '.join(self.broken[1:])}." if len(self.broken) > 1 else ""
        step = f" Next: {first.next_step}" if first.next_step else ""
        return f"Broken at {first.hop}: {first.words}{step}{rest}"

    def lines(self) -> Sequence[str]:
        """Every finding for a person to read."""
        lines = []
        for found in self.findings:
            lines.append(f"{found.state.upper():8}{found.hop:10} {found.check}: {found.words}")
            if found.next_step is not None:
                lines.append(f"{'':19}→ {found.next_step}")
        return lines

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "broken": self.broken[0] if self.broken else None,
            "hops": [
                {
                    "hop": hop,
                    "state": self._worst(hop).value,
                    "checks": [
                        {
                            "check": found.check,
                            "state": found.state.value,
                            "words": found.words,
                            "next_step": found.next_step,
                        }
                        for found in self.findings
                        if found.hop == hop
                    ],
                }
                for hop in HOPS
            ],
        }

    def _worst(self, hop: Hop) -> State:
        states = {found.state for found in self.findings if found.hop == hop}
        order = (State.BROKEN, State.UNKNOWN, State.SOON, State.OK)
        return next((state for state in order if state in states), State.UNKNOWN)


def cause_and_step(problem: str) -> tuple[str, str | None]:
    """A problem as our errors word it, ``what happened: what to do``, in its two parts."""
    words, colon, step = problem.rstrip(".").rpartition(": ")
    if not colon:
        return f"{step}.", None
    return f"{words}.", f"{step[:1].upper()}{step[1:]}."
