"""What one run of the ingest benchmark found, as rows, as text, and as a section of the docs with a plot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bench.bar_plot import bars
from bench.ingest_readings import GATEWAYS, PATIENTS
from bench.ingest_runs import BATCHES, Limits, Series
from bench.ingest_stand import Measured
from bench.percentile import percentile
from bench.rows import Row, as_number, as_table, missed

SINGLES_AIM: Final = 25_000.0
BATCH50_AIM: Final = 60_000.0
OF_SUB_AIM: Final = 0.7
OF_WRITE_LIMIT_AIM: Final = 0.7
CPU_AIM_S: Final = 2.5
P50_AIM_MS: Final = 10.0
P99_AIM_MS: Final = 50.0
_COMMITS_AIM: Final = 3
_PER: Final = 100_000
PICTURE: Final = "ingest.svg"


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """``series`` begins with the arrangement that the aims are about: mqtt5 on the embedded stores. ``left_out`` says
    what was not measured and why. ``load`` is the machine's load average before the run, on so many ``cores``."""

    series: Sequence[Series]
    limits: Limits
    left_out: Sequence[str]
    quick: bool
    load: float
    cores: int

    def rows(self) -> tuple[Row, ...]:
        """The figures that are kept from run to run."""
        main = self.series[0]
        sub = self.limits.sub
        bare = percentile(self.limits.commits_ms, 99)
        rows = [
            Row("singles_per_s", main.by_batch[1].per_s, "/s", SINGLES_AIM, more_is_better=True),
            Row("batch50_per_s", main.by_batch[50].per_s, "/s", BATCH50_AIM, more_is_better=True),
            Row("cpu_s_per_100k_singles", _cpu_s(main.by_batch[1]), "s", CPU_AIM_S),
            *_latency("", main, bare),
            Row("bare_commit_p99_ms", bare, "ms"),
            Row("receive_only_per_s", self.limits.receive.per_s, "/s"),
            Row("receive_only_us", self.limits.receive.consumer_us, "us"),
        ]
        if sub is not None:
            ratio = main.by_batch[1].per_s / sub.per_s
            rows.insert(1, Row("singles_to_mosquitto_sub", ratio, "", OF_SUB_AIM, more_is_better=True))
            rows.append(Row("mosquitto_sub_per_s", sub.per_s, "/s"))
        if main.write_limit is not None:
            rows.append(Row("write_only_per_s", main.write_limit, "/s"))
        for one in self.series[1:]:
            rows += _further(one, bare, sub.per_s if sub is not None else None)
        return tuple(rows)

    def as_text(self) -> str:
        """Everything, for a person."""
        rows = self.rows()
        failed = ", ".join(row.name for row in missed(rows))
        parts = [
            self.setting(),
            as_table(rows),
            *(_table_text(one) for one in self.series),
            *(_steps_text(one) for one in self.series if one.steps),
            "\n".join(f"Not measured: {one}" for one in self.left_out),
            f"Aim missed: {failed}." if failed else "Every aim is met.",
        ]
        return "\n\n".join(part for part in parts if part)

    def setting(self) -> str:
        """What was measured, in two sentences."""
        short = " A short run (--quick): fewer readings, so start-up and checkpoints weigh more." if self.quick else ""
        return (
            f"{GATEWAYS} gateways with {PATIENTS} patients over one connection, at most 4 batches of each under way; "
            f"weights and blood pressures as gateways encode them, each patient with one threshold rule, 1 in 2,000 "
            f"red.\nPublisher, mosquitto, backend and stores share {self.cores} cores, load {self.load:.1f} before; "
            f"full sync.{short}"
        )

    def as_markdown(self) -> str:
        """The section of the docs."""
        lines = [
            "## Ingest: from publish to durable receipt",
            f"`python -m bench.ingest{' --quick' if self.quick else ''}`, {datetime.now(UTC):%Y-%m-%d}. "
            + self.setting().replace("\n", " "),
            f"![Readings a second by batch size](pictures/{PICTURE})",
            _markdown(
                ("row", "value", "aim"),
                [(f"`{row.name}`", f"{as_number(row.value)} {row.unit}", _aim(row)) for row in self.rows()],
            ),
        ]
        head = ("readings a message", *(one.name for one in self.series))
        body = [
            (str(batch), *(f"{one.by_batch[batch].per_s:,.0f}" if batch in one.by_batch else "" for one in self.series))
            for batch in BATCHES
        ]
        lines += ["Readings a second, durable and receipted:", _markdown(head, body)]
        lines += ["Processor time, microseconds a reading (workers / broker / servers of the stores):"]
        body = [
            (str(batch), *(_cpu_words(one.by_batch[batch]) if batch in one.by_batch else "" for one in self.series))
            for batch in BATCHES
        ]
        lines.append(_markdown(head, body))
        for one in self.series:
            if one.steps:
                lines += [f"Where a worker's time goes ({one.name}, singles, under a profiler that costs a little):"]
                lines.append(_markdown(("step", "us a reading"), _steps(one)))
        lines += [f"Not measured: {one}." for one in self.left_out]
        return "\n\n".join(lines)

    def as_plot(self) -> str:
        """Readings a second by batch size."""
        names = [f"{batch} a message" for batch in BATCHES]
        return bars(
            "Durable readings a second, from publish to receipt",
            names,
            {one.name: [one.by_batch[b].per_s if b in one.by_batch else None for b in BATCHES] for one in self.series},
        )


def _cpu_s(measured: Measured) -> float:
    return measured.workers_cpu_s / measured.load.readings * _PER


def _latency(prefix: str, series: Series, bare_p99_ms: float) -> list[Row]:
    if series.paced is None:
        return []
    times = series.paced.report.latencies_ms
    aim = max(P99_AIM_MS, _COMMITS_AIM * bare_p99_ms)
    return [
        Row(f"{prefix}p50_ms", percentile(times, 50), "ms", P50_AIM_MS if not prefix else None),
        Row(f"{prefix}p99_ms", percentile(times, 99), "ms", aim if not prefix else None),
    ]


def _further(series: Series, bare_p99_ms: float, sub_per_s: float | None) -> list[Row]:
    """Rows of an arrangement beside the main one, under a prefix."""
    prefix = f"{series.engine}_" if series.stores == "embedded" else "influxdb_"
    if series.workers > 1:
        prefix += f"{series.workers}workers_"
    singles = series.by_batch[1]
    rows = [
        Row(f"{prefix}singles_per_s", singles.per_s, "/s"),
        Row(f"{prefix}batch50_per_s", series.by_batch[50].per_s, "/s"),
        Row(f"{prefix}cpu_s_per_100k_singles", _cpu_s(singles), "s"),
        *_latency(prefix, series, bare_p99_ms),
    ]
    if series.stores == "influxdb":
        rows.append(
            Row(f"{prefix}stores_cpu_s_per_100k_singles", singles.stores_cpu_s / singles.load.readings * _PER, "s")
        )
        if sub_per_s is not None:
            rows.append(Row(f"{prefix}singles_to_mosquitto_sub", singles.per_s / sub_per_s, ""))
        if series.write_limit is not None:
            ratio = singles.per_s / series.write_limit
            rows.append(Row(f"{prefix}to_write_limit", ratio, "", OF_WRITE_LIMIT_AIM, more_is_better=True))
    return rows


def _cpu_words(one: Measured) -> str:
    each = 1e6 / one.load.readings
    return " / ".join(f"{spent * each:.1f}" for spent in (one.workers_cpu_s, one.broker_cpu_s, one.stores_cpu_s))


def _table_text(series: Series) -> str:
    lines = [f"{series.name:<34}{'readings/s':>12}{'p50 ms':>10}{'p99 ms':>10}  us a reading: worker / broker / stores"]
    for batch, one in series.by_batch.items():
        lines.append(f"  {f'{batch} a message':<32}{_line(one)}")
    if series.paced is not None:
        lines.append(f"  {'1 a message, half load':<32}{_line(series.paced)}")
    if series.write_limit is not None:
        lines.append(f"  {'the store alone':<32}{series.write_limit:>12,.0f}")
    return "\n".join(lines)


def _line(one: Measured) -> str:
    times = one.report.latencies_ms
    return f"{one.per_s:>12,.0f}{percentile(times, 50):>10.1f}{percentile(times, 99):>10.1f}  {_cpu_words(one)}"


def _steps(series: Series) -> list[tuple[str, str]]:
    ordered = sorted(series.steps.items(), key=lambda step: -step[1])
    return [(name, f"{spent / series.steps_readings * 1e6:.1f}") for name, spent in ordered]


def _steps_text(series: Series) -> str:
    lines = [f"Where the worker's time goes ({series.name}), us a single reading"]
    return "\n".join([*lines, *(f"  {name:<32}{spent:>8}" for name, spent in _steps(series))])


def _aim(row: Row) -> str:
    if row.aim is None:
        return ""
    sign = "at least" if row.more_is_better else "below"
    return f"{sign} {as_number(row.aim)}: {'met' if row.ok else 'missed'}"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
