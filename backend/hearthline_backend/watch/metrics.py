"""The watchdog's own figures, for Prometheus."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from hearthline_backend.operations.metrics import MetricRow
from hearthline_backend.watch.hops import Hop

PREFIX: Final = "hearthline_watch_"
_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class WatchMetrics:
    """Counts what it is told, and asks at each scrape how old the proofs are."""

    def __init__(self, channels: Iterable[str] = (), hops: Collection[Hop] = frozenset(Hop)) -> None:
        self.registry = CollectorRegistry()
        self.rows: list[MetricRow] = []
        self._rounds = self._counter("rounds", "Synthetic readings: begun, stored, answered by an alert.", "state")
        self._receipt = self._histogram("receipt_seconds", "From sending a synthetic reading to its receipt.")
        self._alert = self._histogram("alert_seconds", "From sending a synthetic reading to its alert.")
        self._broken = self._gauge("hop_broken", "1 while the last proof of a hop is too old.", "hop")
        self._age = self._gauge("hop_proof_age_seconds", "How old the last proof of a hop is.", "hop")
        self._calls = self._counter("calls", "Tries to call the operator.", "channel", "outcome")
        self._heartbeats = self._counter("heartbeats", "Fetches of the heartbeat's address.", "outcome")
        self._hops = tuple(one for one in Hop if one in hops)
        for state in ("begun", "stored", "alerted"):
            self._rounds.labels(state)
        for hop in self._hops:
            self._broken.labels(hop.value)
        for name in channels:
            for outcome in ("taken", "not_taken"):
                self._calls.labels(name, outcome)
        for outcome in ("sent", "not_sent"):
            self._heartbeats.labels(outcome)

    def begun(self) -> None:
        """A synthetic reading was made."""
        self._rounds.labels("begun").inc()

    def stored(self, seconds: float) -> None:
        """It has its receipt, so long after it was made."""
        self._rounds.labels("stored").inc()
        self._receipt.observe(seconds)

    def alerted(self, seconds: float) -> None:
        """It has its alert, so long after it was made."""
        self._rounds.labels("alerted").inc()
        self._alert.observe(seconds)

    def called(self, channel: str, *, taken: bool) -> None:
        """One try to call the operator."""
        self._calls.labels(channel, "taken" if taken else "not_taken").inc()

    def heartbeat(self, *, sent: bool) -> None:
        """The outside was told that all is good, or could not be."""
        self._heartbeats.labels("sent" if sent else "not_sent").inc()

    def watch_hops(self, broken: Callable[[Hop], bool], age_s: Callable[[Hop], float]) -> None:
        """Ask these at each scrape."""
        for hop in self._hops:
            self._broken.labels(hop.value).set_function(partial(_number, broken, hop))
            self._age.labels(hop.value).set_function(partial(age_s, hop))

    def page(self, accept: str) -> tuple[bytes, str]:
        """Everything in the format that ``accept`` (a header's text) asks for, and the format's name."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self.rows.append(MetricRow(f"{PREFIX}{name}_total", "counter", labels, text))
        return Counter(PREFIX + name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        self.rows.append(MetricRow(PREFIX + name, "gauge", labels, text))
        return Gauge(PREFIX + name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        self.rows.append(MetricRow(PREFIX + name, "histogram", (), text))
        return Histogram(PREFIX + name, text, registry=self.registry, buckets=_SECONDS)


def _number(broken: Callable[[Hop], bool], hop: Hop) -> float:
    return float(broken(hop))
