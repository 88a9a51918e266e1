"""What one run over the chain found, as rows and as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.journey import Journey
from bench.percentile import percentile
from bench.rows import Row, as_table, missed

_LABEL: Final = 60
_PARTS: Final = (50, 99)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process cost in a round: memory at its end in MB, and processor time over it in milliseconds.
    ``idle_cpu_ms_s`` is what it uses in a second in which nothing happens."""

    resident_mb: float
    cpu_ms: float
    idle_cpu_ms_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that one run measured. ``paced`` came ``rate`` a second; ``burst``, all at once, is empty where it was
    not asked for. ``load`` is the machine's load average before the run, on so many ``cores``."""

    rate: float
    connected_s: float
    paced: Sequence[Journey]
    burst: Sequence[Journey]
    gateway: Cost
    backend: Cost
    help_gateway_s: float
    help_hearthline_s: float
    load: float
    cores: int

    @property
    def count(self) -> int:
        """How many cuffs measured."""
        return len(self.paced)

    def rows(self) -> tuple[Row, ...]:
        """The figures that are kept from run to run.

        The aims: a Pi with 512 MB has room for the gateway and one whose cores are ten times slower still takes five
        readings a second; ten reds a second, a few thousand homes at breakfast, take half a core of the backend.
        """
        times = [one.seconds for one in self.paced]
        return (
            Row("indication_to_webhook_p50_s", percentile(times, 50), "s"),
            Row("indication_to_webhook_p99_s", percentile(times, 99), "s", aim=1.0),
            Row("gateway_memory_mb", self.gateway.resident_mb, "MB", aim=100.0),
            Row("backend_memory_mb", self.backend.resident_mb, "MB", aim=200.0),
            Row("gateway_cpu_ms_per_reading", self.gateway.cpu_ms / self.count, "ms", aim=20.0),
            Row("backend_cpu_ms_per_reading", self.backend.cpu_ms / self.count, "ms", aim=50.0),
            Row("help_gateway_s", self.help_gateway_s, "s", aim=0.4),
            Row("help_hearthline_s", self.help_hearthline_s, "s", aim=0.4),
        )

    def as_text(self) -> str:
        """Everything, for a person."""
        rows = self.rows()
        failed = ", ".join(row.name for row in missed(rows))
        parts = [
            self._setting(),
            as_table(rows),
            self._idle(),
            _hops(f"Where the time goes, at {self.rate:g} a second", self.paced),
            _hops(f"All {self.count} at once, with the simulation's own queue", self.burst) if self.burst else "",
            f"Aim missed: {failed}." if failed else "Every aim is met.",
        ]
        return "\n\n".join(part for part in parts if part)

    def _setting(self) -> str:
        each = self.connected_s / self.count * 1000
        return (
            f"{self.count} cuffs behind one gateway, all connected and subscribed after {self.connected_s:.1f} s "
            f"({each:.0f} ms each).\nOne red each, {self.rate:g} measurements a second, through broker, gateway and "
            f"backend on this machine: {self.cores} cores, load {self.load:.1f} before."
        )

    def _idle(self) -> str:
        return (
            f"While nothing happens: gateway {self.gateway.idle_cpu_ms_s:.0f} and backend "
            f"{self.backend.idle_cpu_ms_s:.0f} ms of processor time a second; that is part of the figures above."
        )


def _hops(title: str, journeys: Sequence[Journey]) -> str:
    hops = [one.hops() for one in journeys]
    lines = [f"{title:<{_LABEL}}" + "".join(f"{f'p{part}':>9}" for part in _PARTS)]
    lines += [_hop(name, [one[name] for one in hops if name in one]) for name in hops[0]]
    return "\n".join([*lines, _hop("indication to webhook", [one.seconds for one in journeys])])


def _hop(name: str, seconds: Sequence[float]) -> str:
    return f"  {name:<{_LABEL - 2}}" + "".join(f"{percentile(seconds, part) * 1000:>6.0f} ms" for part in _PARTS)
