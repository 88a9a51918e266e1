"""Backtests of a whole team's patients, which take a while: one after the other, seen on the way, stopped at any time.

They live in this process alone and write nothing. Whoever comes back after a restart starts again.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_urlsafe
from time import monotonic
from typing import Final
from uuid import UUID

import structlog
from aiohttp import web

from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.replay.backtest import Backtest, compare
from hearthline_backend.storage.ports import ReadingStore, Records, StoreUnavailableError
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.web.views.plan_changes import RuleChange

log = structlog.get_logger(__name__)

MOST_KEPT: Final = 20
"""Finished ones that can still be looked at; the oldest goes first."""
LONGEST: Final = timedelta(minutes=10)
UNWATCHED: Final = timedelta(seconds=90)
"""One that nobody has asked about for so long is stopped: the page asks every second, once a minute where it stands
behind others."""
_AT_ONCE: Final = 50
"""So many patients' plans are held at once."""


class RunState(StrEnum):
    """Where one stands."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """By a person, or because it took too long or nobody follows it any more."""
    FAILED = "failed"
    """A store went away."""


@dataclass(eq=False, slots=True)
class WardRun:
    """One. ``total`` are the team's patients, None before its turn has come; ``done`` those that were looked at, with
    the rules or without; ``owner`` is who may look at it; ``seen_s`` is when somebody last did, by the monotonic
    clock."""

    token: str
    owner: UUID
    patient_id: UUID
    changes: tuple[RuleChange, ...]
    found: Backtest
    total: int | None = None
    done: int = 0
    state: RunState = RunState.RUNNING
    stopping: bool = False
    seen_s: float = field(default_factory=monotonic)
    task: "asyncio.Task[None] | None" = field(default=None, repr=False)

    def stop(self) -> None:
        """End it within a moment. What was found so far stays, without the patient that it is at."""
        self.stopping = True
        if self.task is not None:
            self.task.cancel()


class WardBacktests:
    """All of this process. One person has one at a time: a new one ends the one before; all take turns."""

    def __init__(self) -> None:
        self._runs: dict[str, WardRun] = {}
        self._turn = asyncio.Lock()

    def start(
        self,
        records: Records,
        readings: ReadingStore,
        clock: Callable[[], datetime],
        patient: Patient,
        changes: Sequence[RuleChange],
        owner: UUID,
        days: int,
    ) -> WardRun:
        """Begin with the patients of this one's team who have one of the changed rules."""
        for one in tuple(self._runs.values()):
            if one.owner == owner:
                one.stop()
                del self._runs[one.token]
        while len(self._runs) >= MOST_KEPT:
            by_age = list(self._runs.values())
            oldest = next((one for one in by_age if one.state is not RunState.RUNNING), by_age[0])
            oldest.stop()
            del self._runs[oldest.token]
        run = WardRun(token_urlsafe(16), owner, patient.id, tuple(changes), Backtest(days))
        self._runs[run.token] = run
        work = self._run(run, records, readings, clock, patient.team_id)
        run.task = asyncio.create_task(work, name="ward backtest")
        return run

    def get(self, token: str, owner: UUID) -> WardRun | None:
        """One's own, by its token. Who asks goes on following it."""
        run = self._runs.get(token)
        if run is None or run.owner != owner:
            return None
        run.seen_s = monotonic()
        return run

    async def close(self) -> None:
        """Stop all, and wait for their end."""
        tasks = [one.task for one in self._runs.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(
        self, run: WardRun, records: Records, readings: ReadingStore, clock: Callable[[], datetime], team_id: UUID
    ) -> None:
        try:
            async with self._turn:
                whole = await _look(run, records, readings, clock(), team_id)
            run.state = RunState.DONE if whole else RunState.STOPPED
        except asyncio.CancelledError:
            run.state = RunState.STOPPED
            if not run.stopping:
                raise  # the whole site ends
        except StoreUnavailableError as error:
            log.warning("ward_backtest_has_to_stop", reason=str(error))
            run.state = RunState.FAILED


async def _look(run: WardRun, records: Records, readings: ReadingStore, now: datetime, team_id: UUID) -> bool:
    """Whether all were looked at."""
    ends, shared = monotonic() + LONGEST.total_seconds(), shared_rules(run.changes)
    async with records.read() as unit:
        people = await unit.care.patients(team_id=team_id)
    run.total = len(people)
    for first in range(0, len(people), _AT_ONCE):
        group = people[first : first + _AT_ONCE]
        async with records.read() as unit:
            histories = await unit.care.plan_histories([one.id for one in group])
        for patient in group:
            if monotonic() > min(ends, run.seen_s + UNWATCHED.total_seconds()):
                return False
            plan = in_force(histories.get(patient.id, ()), now)
            if plan is not None and shared & {rule.id for rule in plan.rules}:
                await compare(run.found, readings, patient, plan, as_changed(plan, run.changes), now)
            run.done += 1
    return True


WARD_BACKTESTS: Final = web.AppKey("hearthline_ward_backtests", WardBacktests)


def as_changed(plan: Plan, changes: Sequence[RuleChange]) -> Plan:
    """Somebody else's plan with the changed rules in place of their own of the same name, and without those that go."""
    after = {one.before.id: one.after for one in changes if one.before is not None}
    rules = (after.get(rule.id, rule) for rule in plan.rules)
    return replace(plan, rules=tuple(rule for rule in rules if rule is not None))


def shared_rules(changes: Sequence[RuleChange]) -> frozenset[str]:
    """The ids of changed rules that others can have too, and that readings fire."""
    return frozenset(one.before.id for one in changes if one.before is not None and one.replayed)


async def close_ward_backtests(app: web.Application) -> None:
    """As the site stops."""
    await app[WARD_BACKTESTS].close()
