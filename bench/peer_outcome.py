"""What one run over Hearthline and its peers found, as rows, as text and as a section of the docs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.peer_runs import Loss, Speed
from bench.rows import Row, as_table

HEARTHLINE: Final = "hearthline"


_MORE: Final = (
    "Hearthline does more with each reading: it validates it, finds its patient, looks whether it is known, judges it "
    "by the patient's rules, and answers the home. The others write what they are given."
)


@dataclass(frozen=True, slots=True)
class Result:
    """One program. ``row`` is what its rows begin with."""

    name: str
    row: str
    speed: Speed
    loss: Loss


@dataclass(frozen=True, slots=True)
class PeersOutcome:
    """``left_out`` says for each program that was not measured why. The store was away for ``away_s`` at ``rate``
    readings a second. ``load`` is the machine's load average before the run, on so many ``cores``."""

    results: Sequence[Result]
    left_out: Sequence[str]
    away_s: float
    rate: float
    quick: bool
    load: float
    cores: int

    def rows(self) -> tuple[Row, ...]:
        """The figures, and Hearthline's in relation to each peer's of the same run."""
        found = []
        for one in self.results:
            fast = one.speed
            found += [
                Row(f"{one.row}_per_s", fast.per_s, "/s"),
                Row(f"{one.row}_cpu_s_per_100k", fast.per_100k(fast.cpu_s), "s"),
                Row(f"{one.row}_influxd_cpu_s_per_100k", fast.per_100k(fast.influxd_s), "s"),
                Row(f"{one.row}_lost_at_full_speed", fast.lost, ""),
                Row(f"{one.row}_lost_while_store_away", one.loss.lost, ""),
            ]
        ours = next((one for one in self.results if one.row == HEARTHLINE), None)
        for one in self.results:
            if ours is not None and one is not ours:
                found += [
                    Row(f"hearthline_to_{one.row}_per_s", ours.speed.per_s / one.speed.per_s, "x"),
                    Row(f"hearthline_to_{one.row}_cpu", _cpu(ours) / _cpu(one), "x"),
                ]
        return tuple(found)

    def as_text(self) -> str:
        """Everything, for a person."""
        parts = [self._setting(), *(_sentence(one) for one in self.results), as_table(self.rows()), *self.left_out]
        return "\n\n".join(parts)

    def as_markdown(self) -> str:
        """The section of docs/performance.md."""
        lines = [
            "## Beside other programs",
            "",
            f"`python -m bench.peers`. {self._setting()}",
            "",
            "| | readings/s | CPU s per 100,000 | influxd's beside it | lost at full speed | lost, store away |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for one in self.results:
            fast = one.speed
            cells = (
                one.name,
                f"{fast.per_s:,.0f}",
                f"{fast.per_100k(fast.cpu_s):.1f}",
                f"{fast.per_100k(fast.influxd_s):.1f}",
                f"{fast.lost:,}",
                f"{one.loss.lost:,} of {one.loss.readings:,}",
            )
            lines.append(f"| {' | '.join(cells)} |")
        lines += [
            "",
            _MORE,
            *(f"\nLeft out: {one}." for one in self.left_out),
        ]
        return "\n".join(lines)

    def _setting(self) -> str:
        few = " A quick run: fewer readings, a shorter outage." if self.quick else ""
        return (
            f"Single readings at QoS 1 through mosquitto into the same InfluxDB 2, on {self.cores} cores, load "
            f"{self.load:.1f} before. Then influxd is killed for {self.away_s:g} s at {self.rate:g} readings a second; "
            f"nothing is published twice.{few}"
        )


def _cpu(one: Result) -> float:
    return one.speed.per_100k(one.speed.cpu_s)


def _sentence(one: Result) -> str:
    fast = one.speed
    return (
        f"{one.name}: {fast.per_s:,.0f} readings/s, {_cpu(one):.1f} CPU-s per 100,000 beside influxd's "
        f"{fast.per_100k(fast.influxd_s):.1f}; lost {one.loss.lost:,} of {one.loss.readings:,} with its store away for "
        f"{one.loss.away_s:g} s."
    )
