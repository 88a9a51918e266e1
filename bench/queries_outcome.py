"""What one run of the benchmark of queries found, as rows, as text and as a section of the docs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bench.percentile import percentile
from bench.queries_asked import WARD, Answers
from bench.queries_embedded import GROUP, EmbeddedFound
from bench.queries_influxdb import InfluxFound
from bench.rows import Row, as_table, missed

AIMS_MS: Final = {"patient_90d": 5.0, "five_years_by_day": 50.0, "ward_latest": 25.0}


@dataclass(frozen=True, slots=True)
class QueriesOutcome:
    """``influx`` is None where it was not measured; ``left_out`` says why. ``load`` is the machine's load average
    before the run, on so many ``cores``."""

    embedded: EmbeddedFound
    influx: InfluxFound | None
    left_out: str
    patients: int
    quick: bool
    load: float
    cores: int

    def rows(self) -> tuple[Row, ...]:
        """The figures that are kept from run to run."""
        found = self.embedded
        return (
            *_times("", found.answers, AIMS_MS),
            *(Row(f"cold_{name}_p50_ms", percentile(ms, 50), "ms") for name, ms in found.cold.ms.items()),
            Row("bytes_per_reading", found.file_bytes / found.readings, "B"),
            Row("write_cpu_us", found.write_cpu_us, "us"),
            *(self._influx_rows(self.influx) if self.influx else ()),
        )

    def _influx_rows(self, found: InfluxFound) -> Iterator[Row]:
        yield from _times("influxdb_", found.answers, {})
        for name, ms in found.answers.ms.items():
            ratio = percentile(ms, 50) / percentile(found.bare.ms[name], 50)
            yield Row(f"influxdb_{name}_to_bare_flux", ratio, "x")
        yield Row("influxdb_bytes_per_reading", found.disk_bytes / found.readings, "B")

    def as_text(self) -> str:
        """Everything, for a person."""
        rows = self.rows()
        failed = ", ".join(row.name for row in missed(rows))
        parts = [
            self._setting(),
            as_table(rows),
            self._influx_setting(),
            f"Aim missed: {failed}." if failed else "Every aim is met.",
        ]
        return "\n\n".join(parts)

    def as_markdown(self) -> str:
        """The section of docs/performance.md."""
        lines = [f"| `{row.name}` | {row.value:.4g} {row.unit} | {_aim(row)} |" for row in self.rows()]
        table = "\n".join(["| | | aim |", "| --- | --- | --- |", *lines])
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        return f"## Queries\n\nOf {day}. {self._setting()}\n\n{table}\n\n{self._influx_setting()}"

    def _setting(self) -> str:
        short = " A short run (--quick): fewer readings than the 10 million of the aims." if self.quick else ""
        found = self.embedded
        return (
            f"{found.readings:,} readings of {self.patients:,} patients, a tenth of them with five years, in the "
            f"embedded engine; written in groups of {GROUP:,} in {found.written_s:.0f} s, making them up included. "
            f"Asked one after the other: blood pressures of 90 days of one patient; five years by day, in a zone "
            f"with summer time; the last values of a ward of {min(WARD, self.patients)}. The machine has {self.cores} "
            f"cores, load {self.load:.1f} before. The file is in its memory; for the rows called cold it is not.{short}"
        )

    def _influx_setting(self) -> str:
        if self.influx is None:
            return f"InfluxDB was left out: {self.left_out}."
        return (
            f"InfluxDB holds {self.influx.readings:,} readings, its register in SQLite. "
            "`to_bare_flux` is how many times the median of the same question put to InfluxDB alone, in Flux, the "
            "answer not taken apart."
        )


def _times(prefix: str, answers: Answers, aims: dict[str, float]) -> Iterator[Row]:
    for name, ms in answers.ms.items():
        yield Row(f"{prefix}{name}_p50_ms", percentile(ms, 50), "ms")
        yield Row(f"{prefix}{name}_p99_ms", percentile(ms, 99), "ms", aims.get(name))


def _aim(row: Row) -> str:
    return "" if row.aim is None else f"< {row.aim:g}: {'met' if row.ok else 'missed'}"
