"""What one run of the benchmark of alerts found, as rows, as text and as a section of the docs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bench.alerts_idle import IdleFound
from bench.alerts_judging import TEN, JudgingFound
from bench.alerts_replay import TEMPLATE, ReplayFound
from bench.rows import Row, as_table, missed

IDLE_AIM: Final = 0.01
TEN_RULES_AIM_US: Final = 40.0
ONE_RULE_AIM_US: Final = 10.0
REPLAY_AIM_PER_S: Final = 1_000_000 / 60


@dataclass(frozen=True, slots=True)
class AlertsOutcome:
    """``load`` is the machine's load average before the run, on so many ``cores``."""

    idle: IdleFound
    judging: JudgingFound
    replayed: ReplayFound
    quick: bool
    load: float
    cores: int

    def rows(self) -> tuple[Row, ...]:
        """The figures that are kept from run to run."""
        return (
            Row("idle_10k_patients_core_share", self.idle.share, "", IDLE_AIM),
            Row("judge_10_rules_us", self.judging.ten_us, "us", TEN_RULES_AIM_US),
            Row("judge_1_rule_us", self.judging.one_us, "us", ONE_RULE_AIM_US),
            Row("replay_readings_per_s", self.replayed.per_s, "/s", REPLAY_AIM_PER_S, more_is_better=True),
        )

    def as_text(self) -> str:
        """Everything, for a person."""
        rows = self.rows()
        failed = ", ".join(row.name for row in missed(rows))
        verdict = f"Aim missed: {failed}." if failed else "Every aim is met."
        return "\n\n".join([self._setting(), as_table(rows), self._parts(), verdict])

    def as_markdown(self) -> str:
        """The section of docs/performance.md."""
        lines = [f"| `{row.name}` | {row.value:.4g} {row.unit} | {_aim(row)} |" for row in self.rows()]
        table = "\n".join(["| | | aim |", "| --- | --- | --- |", *lines])
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        return f"## Alerts\n\nOf {day}. {self._setting()}\n\n{table}\n\n{self._parts()}"

    def _setting(self) -> str:
        short = " A short run (--quick): fewer readings and seconds than the others." if self.quick else ""
        return (
            f"Processor time as the kernel counts it. {self.idle.patients:,} patients with schedules, everything "
            f"measured, nothing due: `hearthline serve` for {self.idle.seconds:.0f} s, and what it spends after each "
            f"closed slot, spread over the day. Judging is the median of one reading after the other, by {TEN} rules "
            f"of every kind that all look at it, and by the dearest of the {TEN} alone (`{self.judging.dearest}`). "
            f"Replay is `hearthline replay --template {TEMPLATE}` from its start to its end, on a file of "
            f"{self.replayed.readings:,} readings. The machine has {self.cores} cores, load {self.load:.1f} before."
            f"{short}"
        )

    def _parts(self) -> str:
        idle = self.idle
        return (
            f"Of the idle share, {idle.serving:.2%} is the process while it waits ({idle.empty:.2%} of a core where it "
            f"has no patient at all) and {idle.looks:.3%} its looks after closed slots: {idle.look_us:,.0f} us each, "
            f"{idle.looks_a_day:,} a day."
        )


def _aim(row: Row) -> str:
    if row.aim is None:
        return ""
    return f"{'>=' if row.more_is_better else '<'} {row.aim:.4g}: {'met' if row.ok else 'missed'}"
