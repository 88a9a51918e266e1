"""What one run over Hearthline and its peers found, as rows, as text and as a section of the docs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bench.peer_runs import FULL, QUICK, RATE, Loss, Plan, Speed
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
    """``left_out`` says for each program that was not measured why. ``load`` is the machine's load average before the
    run, on so many ``cores``."""

    results: Sequence[Result]
    left_out: Sequence[str]
    plan: Plan
    load: float
    cores: int

    def rows(self) -> tuple[Row, ...]:
        """The figures with what they were measured at, and Hearthline's in relation to each peer's of the same run."""
        found = [Row("store_away_s", self.plan.away_s, "s"), Row("lost_if_not_there_after_s", self.plan.settled_s, "s")]
        for one in self.results:
            fast = one.speed
            found += [
                Row(f"{one.row}_per_s", fast.per_s, "/s"),
                Row(f"{one.row}_cpu_s_per_100k", fast.per_100k(fast.cpu_s), "s"),
                Row(f"{one.row}_influxd_cpu_s_per_100k", fast.per_100k(fast.influxd_s), "s"),
                Row(f"{one.row}_readings", fast.readings, ""),
                Row(f"{one.row}_lost_at_full_speed", fast.lost, ""),
                Row(f"{one.row}_readings_while_store_away", one.loss.readings, ""),
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
        found = [_sentence(one) for one in self.results]
        return "\n\n".join([self._setting(), *found, as_table(self.rows()), *(f"{one}." for one in self.left_out)])

    def as_markdown(self) -> str:
        """The section of docs/performance.md."""
        command = f"python -m bench.peers{' --quick' if self._quick else ''}"
        lines = [
            "## Beside other programs",
            "",
            f"`{command}`, {datetime.now(UTC):%Y-%m-%d}. {self._setting()}",
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
                f"{fast.lost:,} of {fast.readings:,}",
                f"{one.loss.lost:,} of {one.loss.readings:,}",
            )
            lines.append(f"| {' | '.join(cells)} |")
        lines += [
            "",
            _MORE,
            *(f"\n{one}." for one in self.left_out),
        ]
        return "\n".join(lines)

    @property
    def _quick(self) -> bool:
        return self.plan == QUICK

    def _setting(self) -> str:
        plan = self.plan
        few = (
            f" A quick run: {plan.readings:,} readings instead of {FULL.readings:,}, so start-up weighs more, and the "
            f"store away for {plan.away_s:g} s instead of {FULL.away_s:g}."
        )
        return (
            f"Single readings at QoS 1 through mosquitto into the same InfluxDB 2, on {self.cores} cores, load "
            f"{self.load:.1f} before. Then influxd is killed for {plan.away_s:g} s at {RATE:g} readings a second; "
            f"nothing is published twice. What is missing when no new reading reached the store for "
            f"{plan.settled_s:g} s is counted as lost, also of a program that would have brought it later."
            f"{few if self._quick else ''}"
        )


def _cpu(one: Result) -> float:
    return one.speed.per_100k(one.speed.cpu_s)


def _sentence(one: Result) -> str:
    fast = one.speed
    return (
        f"{one.name}: {fast.per_s:,.0f} readings/s, {_cpu(one):.1f} CPU-s per 100,000 beside influxd's "
        f"{fast.per_100k(fast.influxd_s):.1f}; lost {fast.lost:,} of {fast.readings:,} at full speed, "
        f"{one.loss.lost:,} of {one.loss.readings:,} with its store away."
    )
