"""Every figure that Prometheus may ask for, in a registry of this process's own.

No label ever names a patient, a home, a gateway or a value: labels are words of a list that the code knows.
"""

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from hearthline_backend.ingest.refusal import Reason
from hearthline_backend.operations.instruments import GroupFacts, Store

PREFIX: Final = "hearthline_"
STATUSES: Final = ("rejected", "held", "released", "discarded")
"""What a row of quarantine can be."""

_CALL_OUTCOMES: Final = ("sent", "failed", "unknown")
_LAG: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_STORE: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LOOP: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_SIZES: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One figure as the documentation prints it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


class Metrics:
    """Counts what it is told, and asks at each scrape what can be asked."""

    def __init__(self) -> None:
        # Without this every counter and histogram has a second series that nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves this one untyped
        self.registry = CollectorRegistry()
        self.rows: list[MetricRow] = []
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._make_ingest()
        self._make_stores()
        self._make_calls()
        self._make_process()

    def _make_ingest(self) -> None:
        self._received = self._counter("ingest_messages", "Messages taken from the broker.")
        self._acknowledged = self._counter("ingest_acknowledged_messages", "Messages settled and acknowledged.")
        self._lag = self._histogram(
            "ingest_lag_seconds", "From a group's oldest message coming in to its acknowledgement.", _LAG
        )
        self._group_messages = self._histogram("ingest_group_messages", "Messages settled in one group.", _SIZES)
        self._group_readings = self._histogram("ingest_group_readings", "Readings settled in one group.", _SIZES)
        self._readings = self._counter("ingest_readings", "Readings with a patient: new, or here before.", "outcome")
        self._judged = self._counter("ingest_judged_readings", "Readings judged by their patients' plans.")
        self._synthetic = self._counter("synthetic_readings", "Readings that prove the chain, stored and judged.")
        self._refused = self._counter(
            "ingest_refused", "Readings or whole messages that were rejected or held.", "status", "reason"
        )
        receipts = self._counter(
            "ingest_receipts", "Receipts to the homes; one that was not sent is asked for again.", "outcome"
        )
        self._in_hand = self._gauge("ingest_in_hand_messages", "Messages taken and not yet acknowledged.")
        self._oldest = self._gauge(
            "ingest_oldest_unacknowledged_seconds", "Age of the oldest message in hand; 0 where there is none."
        )
        self._queue = self._gauge("ingest_queue_messages", "Messages that have come and wait to be taken.")
        for outcome in ("stored", "repeated"):
            self._readings.labels(outcome)
        self._sent, self._not_sent = receipts.labels("sent"), receipts.labels("not_sent")
        for reason in Reason:
            self._refused.labels(reason.status.value, reason.value)

    def _make_stores(self) -> None:
        self._write = self._histogram("readings_write_seconds", "One write of a group's readings.", _STORE)
        self._transaction = self._histogram("records_transaction_seconds", "One group's transaction.", _STORE)
        self._store_errors = self._counter("store_errors", "Times that a store could not do it.", "store")
        self._outage = self._gauge("store_outage_seconds", "Since when the stores take nothing; 0 while they do.")
        self._quarantine = self._gauge("quarantine_rows", "Rows in quarantine; the same in every process.", "status")
        for store in Store:
            self._store_errors.labels(store.value)
        for status in STATUSES:
            self._quarantine.labels(status)

    def _make_calls(self) -> None:
        self._overdue = self._gauge("due_overdue", "What is due and not yet done; the same in every process.", "what")
        self._overdue_age = self._gauge(
            "due_oldest_overdue_seconds", "How late the oldest is; 0 where none is. The same in every process.", "what"
        )
        self._round_age = self._gauge("due_round_age_seconds", "Since this process last went through what is due.")
        self._notifications = self._counter(
            "notifications", "Tries to call somebody, by channel; unknown: it may have arrived.", "channel", "outcome"
        )
        self._synthetic_alerts = self._counter(
            "synthetic_alerts", "Alerts of the watchdog's readings, answered or not.", "outcome"
        )
        self._last_resort = self._counter(
            "last_resort_calls", "Tries to call the last resort: nobody who should have has taken an alert.", "outcome"
        )
        self._unowned_reds = self._gauge(
            "unowned_red_alerts", "Red alerts that nobody has taken; the same in every process."
        )
        self._unowned_red_age = self._gauge(
            "unowned_red_oldest_seconds", "Since the oldest of them opened; 0 where there is none."
        )
        for outcome in _CALL_OUTCOMES:
            self._last_resort.labels(outcome)
        for outcome in ("told", "not_told"):
            self._synthetic_alerts.labels(outcome)
        for what in ("task", "notification"):
            self._overdue.labels(what)
            self._overdue_age.labels(what)

    def _make_process(self) -> None:
        self._connected = self._gauge("uplink_connected", "1 while the broker is reached and hands us messages.")
        self._connections = self._counter(
            "uplink_connections", "Times that the broker was reached, the first included."
        )
        self._loop_lag = self._histogram("event_loop_lag_seconds", "How much later than asked the loop went on.", _LOOP)
        built = self._gauge("build_info", "Always 1.", "version", "python")
        built.labels(version("hearthline"), platform.python_version()).set(1)

    # --- told by ingest ----------------------------------------------------------------------------------------------

    def settled(self, facts: GroupFacts) -> None:
        """A group is durable."""
        self._group_messages.observe(facts.messages)
        self._group_readings.observe(facts.stored + facts.repeated)
        self._readings.labels("stored").inc(facts.stored)
        self._readings.labels("repeated").inc(facts.repeated)
        self._judged.inc(facts.judged)
        self._synthetic.inc(facts.synthetic)
        for reason, count in facts.refused.items():
            self._refused.labels(reason.status.value, reason.value).inc(count)
        self._write.observe(facts.store_s)
        self._transaction.observe(facts.records_s)

    def store_failed(self, which: Store) -> None:
        """A store could not take or give something."""
        self._store_errors.labels(which.value).inc()

    # --- told by the gate, the uplink, the channels and the loop ---------------------------------------------------

    def received(self, messages: int) -> None:
        """Ingest took messages."""
        self._received.inc(messages)

    def acknowledged(self, messages: int, lag_s: float) -> None:
        """Messages are settled, the oldest of them so long after it came."""
        self._acknowledged.inc(messages)
        self._lag.observe(lag_s)

    def receipts(self, *, sent: int, not_sent: int) -> None:
        """So many times a home was answered, or could not be."""
        self._sent.inc(sent)
        self._not_sent.inc(not_sent)

    def connected(self) -> None:
        """The broker was reached."""
        self._connections.inc()

    def called(self, channel: str, outcome: str, *, last_resort: bool = False) -> None:
        """Somebody was called, or could not be: ``sent``, ``failed`` or ``unknown``."""
        self._notifications.labels(channel, outcome).inc()
        if last_resort:
            self._last_resort.labels(outcome).inc()

    def synthetic_alert(self, *, told: bool) -> None:
        """An alert of the watchdog's was answered, or could not be."""
        self._synthetic_alerts.labels("told" if told else "not_told").inc()

    def loop_lagged(self, seconds: float) -> None:
        """The event loop went on so much later than it was asked to."""
        self._loop_lag.observe(seconds)

    # --- asked at each scrape ----------------------------------------------------------------------------------------

    def watch_channels(self, names: Iterable[str]) -> None:
        """Begin the counts of these channels at 0, so that the first failure is seen as one."""
        for name in names:
            for outcome in _CALL_OUTCOMES:
                self._notifications.labels(name, outcome)

    def watch_gate(
        self, in_hand: Callable[[], float], oldest_s: Callable[[], float], queue: Callable[[], float]
    ) -> None:
        """Ask these for what waits."""
        self._in_hand.set_function(in_hand)
        self._oldest.set_function(oldest_s)
        self._queue.set_function(queue)

    def watch_uplink(self, connected: Callable[[], bool]) -> None:
        """Ask whether the broker is reached."""
        self._connected.set_function(lambda: float(connected()))

    def watch_outage(self, seconds: Callable[[], float]) -> None:
        """Ask how long the stores have been away."""
        self._outage.set_function(seconds)

    def watch_due(self, round_age_s: Callable[[], float]) -> None:
        """Ask when what is due was last gone through."""
        self._round_age.set_function(round_age_s)

    def overdue(self, what: str, count: int, oldest_s: float) -> None:
        """How much of ``task`` or ``notification`` should have been done by now."""
        self._overdue.labels(what).set(count)
        self._overdue_age.labels(what).set(oldest_s)

    def unowned_reds(self, count: int, oldest_s: float) -> None:
        """How many reds nobody has, and for how long."""
        self._unowned_reds.set(count)
        self._unowned_red_age.set(oldest_s)

    def quarantined(self, status: str, rows: int) -> None:
        """How many rows of quarantine are so."""
        self._quarantine.labels(status).set(rows)

    def page(self, accept: str) -> tuple[bytes, str]:
        """Everything in the format that ``accept`` (a header's text) asks for, and the format's name."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    # --- making them -------------------------------------------------------------------------------------------------

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self.rows.append(MetricRow(f"{PREFIX}{name}_total", "counter", labels, text))
        return Counter(PREFIX + name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        self.rows.append(MetricRow(PREFIX + name, "gauge", labels, text))
        return Gauge(PREFIX + name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        self.rows.append(MetricRow(PREFIX + name, "histogram", (), text))
        return Histogram(PREFIX + name, text, registry=self.registry, buckets=buckets)
