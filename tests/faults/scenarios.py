"""Every fault with its counts: a sample for each test run, and all of it for ``make faults``."""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.faults import (
    backend_errs,
    backend_killed,
    broker_gone,
    calls_disturbed,
    damaged,
    disk_full,
    hostile_flood,
    kills,
    stalled_hops,
    stores_away,
    workers_killed,
)
from tests.faults.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Scenario:
    """``run`` takes an empty folder."""

    name: str
    run: Callable[[Path], Awaitable[Outcome]]


def scenarios(*, everything: bool) -> tuple[Scenario, ...]:
    """The full counts, or a sample that takes half a minute."""
    share = 1 if everything else 10
    damages = damaged.EVERY if everything else damaged.EVERY[2:3] + damaged.EVERY[-2:-1]
    return (
        Scenario("kills", lambda folder: kills.killed(folder, kills=200 // share)),
        Scenario("week", lambda folder: broker_gone.gone_for_a_week(folder, readings=20_000 // share)),
        Scenario(
            "empty_disk",
            lambda folder: broker_gone.restarted_without_its_disk(
                folder, readings=5_000 // share, restarts=5 if everything else 2
            ),
        ),
        Scenario(
            "nobody",
            lambda folder: broker_gone.nobody_subscribed(
                folder, readings=2_000 // share, simulated=timedelta(hours=1 if everything else 0.25)
            ),
        ),
        Scenario("backend", lambda folder: backend_errs.errs(folder, readings=6_000 // share)),
        Scenario("disk_full", lambda folder: disk_full.full(folder, readings=3_000 // share)),
        *(
            Scenario(
                f"damaged_{damage.__name__}{'_crash' if crash else ''}",
                functools.partial(damaged.damaged, readings=3_000 // share, damage=damage, crash=crash),
            )
            for damage, crash in damages
        ),
        *(_BACKEND if everything else ()),  # their samples are tests of their own
    )


_BACKEND = (
    Scenario("workers", workers_killed.killed),
    Scenario("backend_kills", lambda folder: backend_killed.killed(folder, pair="embedded", kills=60)),
    Scenario("production_kills", lambda folder: backend_killed.killed(folder, pair="production", kills=40)),
    Scenario("escalation_kills", lambda folder: calls_disturbed.killed(folder, kills=150)),
    Scenario("notifier", lambda folder: calls_disturbed.notifier_away(folder, alerts=20)),
    Scenario("hostile", lambda folder: hostile_flood.flooded(folder, messages=100_000)),
    Scenario("stalled_hops", stalled_hops.stalled),
    Scenario("locked", lambda folder: stores_away.locked_readings(folder, away_s=600)),
)
