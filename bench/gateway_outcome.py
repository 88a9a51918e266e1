"""What one run over the gateway found, as rows and as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.day import STATUSES, DayCost
from bench.decoding import Decoding
from bench.outbox_speed import TOGETHER, OutboxSpeed
from bench.percentile import percentile
from bench.round_trip import RoundTrip
from bench.rows import Row, as_table, missed
from hearthline_gateway.gatt.characteristics import MEASUREMENTS

_COLUMNS: Final = 3
_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class GatewayOutcome:
    """Everything that one run measured; ``home`` and ``fifty`` are a day of one home and of a gateway that hears 50
    meters. ``load`` is the machine's load average before the run, on so many ``cores``."""

    decoding: Decoding
    outbox: OutboxSpeed
    trips: Sequence[RoundTrip]
    home: DayCost
    fifty: DayCost
    load: float
    cores: int

    def rows(self) -> tuple[Row, ...]:
        """The figures that are kept from run to run.

        The aims: a Pi with 512 MB has room for the gateway beside everything else; one whose core is twenty times
        slower still spends less than a tenth of it on an ordinary home, and keeps a reading in an instant.
        """
        return (*self._speeds(), *self._outbox(), *self._trips(), *_day("home", self.home), *_day("fifty", self.fifty))

    def _speeds(self) -> Sequence[Row]:
        decoded = [Row(f"decode_{name}_per_s", value, "1/s") for name, value in self.decoding.decoded.items()]
        read = [Row(f"read_{name}_per_s", value, "1/s") for name, value in self.decoding.read.items()]
        return (*decoded, *read)

    def _outbox(self) -> Sequence[Row]:
        speed = self.outbox
        return (
            Row("fdatasync_ms", speed.sync_ms, "ms"),
            Row("outbox_alone_per_s", speed.alone, "1/s"),
            Row("sqlite_alone_per_s", speed.alone_sqlite, "1/s"),
            Row("outbox_alone_times_sqlite", speed.alone_sqlite / speed.alone, "x", aim=10.0),
            Row("outbox_together_per_s", speed.together, "1/s"),
            Row("sqlite_together_per_s", speed.together_sqlite, "1/s"),
            Row("outbox_together_times_sqlite", speed.together_sqlite / speed.together, "x", aim=30.0),
        )

    def _trips(self) -> Sequence[Row]:
        acknowledged = [trip.acknowledged for trip in self.trips]
        receipted = [trip.receipted for trip in self.trips]
        return (
            Row("indication_to_puback_p50_s", percentile(acknowledged, 50), "s"),
            Row("indication_to_puback_p99_s", percentile(acknowledged, 99), "s", aim=0.2),
            Row("indication_to_receipt_p50_s", percentile(receipted, 50), "s"),
            Row("indication_to_receipt_p99_s", percentile(receipted, 99), "s", aim=0.25),
        )

    def _machine(self) -> str:
        return (
            f"This machine: {self.cores} cores, load {self.load:.1f} before. Decoding is timed by its processor time."
        )

    def as_text(self) -> str:
        """Everything, for a person."""
        rows = self.rows()
        failed = ", ".join(row.name for row in missed(rows))
        parts = [
            self._machine(),
            _speeds("Frames decoded a second", self.decoding.decoded),
            _speeds("Frames made into readings a second (a stream's notifications: heard)", self.decoding.read),
            _DISK,
            as_table(self._outbox()),
            f"{len(self.trips)} indications over connections held open, by the gateway's own line to the broker.",
            as_table(self._trips()),
            _days(self.home, self.fifty),
            as_table([*_day("home", self.home), *_day("fifty", self.fifty)]),
            f"Aim missed: {failed}." if failed else "Every aim is met.",
        ]
        return "\n\n".join(parts)


_DISK: Final = (
    f"Rows a second on the disk: alone, one awaited after the other; together, {TOGETHER} sensors at once.\n"
    "Beside it bare SQLite with the same bytes, full sync too."
)


def _day(name: str, cost: DayCost) -> Sequence[Row]:
    return (
        Row(f"{name}_day_cpu_s", cost.cpu_s, "s", aim=400.0),
        Row(f"{name}_day_idle_cpu_s", cost.idle_cpu_s, "s"),
        Row(f"{name}_start_memory_mb", cost.before.resident_mb, "MB", aim=60.0),
        Row(f"{name}_day_memory_mb", cost.after.resident_mb, "MB", aim=60.0),
        Row(f"{name}_start_memory_shared_out_mb", cost.before.proportional_mb, "MB"),
        Row(f"{name}_day_memory_shared_out_mb", cost.after.proportional_mb, "MB"),
    )


def _days(*costs: DayCost) -> str:
    lines = ["A day without its waiting: what is made is made for real, only the pauses are left out."]
    for cost in costs:
        plan = cost.plan
        stream = f", a strap worn for {plan.stream_s} s" if plan.stream_s else ""
        lines.append(
            f"  {plan.meters} meters, {plan.readings} readings{_share(plan.made, plan.readings)}{stream}, "
            f"{STATUSES} statuses{_share(plan.statuses_made, STATUSES)}; idle time from {plan.idle_s:.0f} s of it."
        )
    return "\n".join(lines)


def _share(made: int, counted: int) -> str:
    return f" counted from {made}" if made < counted else ""


def _speeds(title: str, speeds: Mapping[str, float]) -> str:
    cells = [f"  {name} {MEASUREMENTS[name].__name__:<28}{value:>12,.0f}" for name, value in speeds.items()]
    lines = ["".join(cells[at : at + _COLUMNS]) for at in range(0, len(cells), _COLUMNS)]
    return "\n".join([title, *lines])
