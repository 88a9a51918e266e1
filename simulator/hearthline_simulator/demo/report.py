"""What the check found: one row a hop, as a table for a person and as JSON for a program."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from hearthline_simulator.demo.chain import HOPS, Hop


@dataclass(frozen=True, slots=True)
class HopResult:
    """One hop. ``at_s`` counts from the first process started; None where the evidence was not found."""

    name: Hop
    ok: bool
    at_s: float | None
    evidence: str


@dataclass
class Report:
    """The whole check. The counts are of what belongs to the one reading that it follows."""

    hops: list[HopResult] = field(default_factory=list)
    stored: int = 0
    alerts: int = 0
    mail: int = 0
    webhook: int = 0
    quarantined: int = 0

    @property
    def ok(self) -> bool:
        """Every hop was seen and nothing is wrong."""
        return self.complete and all(hop.ok for hop in self.hops)

    @property
    def complete(self) -> bool:
        """Every hop has a result."""
        return [hop.name for hop in self.hops] == list(HOPS)

    @property
    def first_failure(self) -> Hop | None:
        """The first hop that failed so far."""
        return next((hop.name for hop in self.hops if not hop.ok), None)

    def has(self, name: Hop) -> bool:
        """Whether this hop has a result."""
        return any(hop.name is name for hop in self.hops)

    def passed(self, name: Hop, at_s: float, evidence: str) -> None:
        """This hop has its evidence."""
        self.hops.append(HopResult(name, True, round(at_s, 3), evidence))

    def failed(self, name: Hop, reason: str) -> None:
        """This hop has none, and why."""
        long = "\n" in reason  # with the end of a log, once is enough
        same = next((hop.name for hop in self.hops if long and hop.evidence == reason), None)
        self.hops.append(HopResult(name, False, None, reason if same is None else f"for the same reason as {same}"))

    def break_at(self, reason: str) -> None:
        """The check cannot go on: the first hop without a result is the one that failed."""
        missing = [hop for hop in HOPS if hop not in {one.name for one in self.hops}]
        for number, hop in enumerate(missing):
            self.failed(hop, reason if number == 0 else f"not reached: {missing[0]} failed")
        if not missing:
            self.spoil(HOPS[-1], reason)

    def spoil(self, name: Hop, reason: str) -> None:
        """This hop has its evidence, and still something is wrong with it, such as a second alert."""
        self.hops = [replace(hop, ok=False, evidence=reason) if hop.name is name else hop for hop in self.hops]

    def add(self, name: Hop, note: str) -> None:
        """More about a hop."""
        self.hops = [replace(hop, evidence=f"{hop.evidence}; {note}") if hop.name is name else hop for hop in self.hops]

    def as_json(self) -> str:
        """One JSON object."""
        content: dict[str, Any] = {
            "ok": self.ok,
            "hops": [
                {"name": hop.name.value, "ok": hop.ok, "at_s": hop.at_s, "evidence": hop.evidence} for hop in self.hops
            ],
            "stored": self.stored,
            "alerts": self.alerts,
            "notifications": {"mail": self.mail, "webhook": self.webhook},
            "quarantined": self.quarantined,
        }
        return json.dumps(content, ensure_ascii=False)

    def _counts(self) -> str:
        calls = f"mails {self.mail}, webhooks {self.webhook}"
        return f"stored {self.stored}, alerts {self.alerts}, {calls}, quarantined {self.quarantined}"

    def as_table(self) -> str:
        """One line a hop, then the counts, then what is wrong."""
        lines = [f"{'hop':<13}{'at':>9}  evidence"]
        for hop in self.hops:
            at = "-" if hop.at_s is None else f"{hop.at_s:.2f} s"
            mark = " " if hop.ok else "!"
            first, *rest = hop.evidence.splitlines() or [""]
            lines.append(f"{mark}{hop.name:<12}{at:>9}  {first}")
            lines += [f"{'':24}{line}" for line in rest]
        lines += [
            "",
            self._counts(),
        ]
        if self.ok:
            lines.append("Every hop has its evidence.")
        else:
            lines.append(f"The chain broke at: {self.first_failure}.")
        return "\n".join(lines)
