"""What a process shows of itself: its figures and its readiness, fed by its parts."""

from collections.abc import Callable
from datetime import datetime

from aiohttp import web
from aiohttp.typedefs import Middleware

from hearthline_backend.due import Due
from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.operations import checks
from hearthline_backend.operations.answers import operations_middleware
from hearthline_backend.operations.figures import RecordsFigures
from hearthline_backend.operations.gate import Gate
from hearthline_backend.operations.metrics import Metrics
from hearthline_backend.operations.readiness import Readiness
from hearthline_backend.storage.ports import Records
from hearthline_backend.uplink.broker_uplink import BrokerUplink


class Observation:
    """One for a process. The parts are told to it as they are made."""

    def __init__(self, records: Records, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.metrics = Metrics()
        self.readiness = Readiness(clock)
        self._figures = RecordsFigures(records, self.metrics, clock)

    def watch_homes(self, uplink: BrokerUplink, gate: Gate, health: StoreHealth) -> None:
        """The way from the broker into the stores."""
        self.readiness.add("broker", checks.broker_connected(lambda: uplink.away_since))
        moves = checks.ingest_moves(lambda: gate.oldest_in_hand, lambda: health.delayed_since, self._clock)
        self.readiness.add("ingest", moves)
        self.metrics.watch_uplink(lambda: uplink.connected)
        self.metrics.watch_outage(lambda: self._age_s(health.delayed_since))
        self.metrics.watch_gate(lambda: gate.in_hand, lambda: self._age_s(gate.oldest_in_hand), lambda: uplink.waiting)

    def watch_due(self, due: Due) -> None:
        """What happens at a time."""
        self.readiness.add("due", checks.due_ticks(lambda: due.round_age_s))
        self.metrics.watch_due(lambda: due.round_age_s)

    def middleware(self, allowed: Callable[[web.Request], bool]) -> Middleware:
        """Answers ``/readyz`` and ``/metrics`` to who is allowed."""
        return operations_middleware(self.readiness, self.metrics, self._figures, allowed)

    async def close(self) -> None:
        """Ask no part any more."""
        await self.readiness.close()
        await self._figures.close()

    def _age_s(self, since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (self._clock() - since).total_seconds())
