"""What stands in Records after real ingest is what a replay of the same readings says, for every kind of rule.

A replay takes readings in order; here they come one by one, or in any order and grouping and some of them twice, across
a change of the plan. Where a late reading splits an episode, the alert that held it whole holds both parts.
"""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthline_backend.domain.episode_course import Turn
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.replaying import Happening, Replay
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, AlertState
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Quality, Reading, Value
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, seed
from tests.fixtures.rule_kinds import RULES, START, observed, streams
from tests.integration.test_any_order_of_arrival import Backend, backend

ZONE = "Europe/Madrid"
CHANGED = START + timedelta(days=10)
"""From then on the plan has no average and no combination any more."""
FIRST, SECOND = RULES, tuple(rule for rule in RULES if rule.id not in ("average", "combination"))
FEW = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
_numbers = count(1)


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Backend]:
    async with backend(tmp_path, "sqlite") as opened:
        yield opened


async def admit(made: Backend) -> tuple[Household, tuple[Plan, ...]]:
    """One more home, with every kind of rule in its plan."""
    number = next(_numbers)
    home = Household(
        organisation=made.common.organisation,
        team=made.common.team,
        nurse=made.common.nurse,
        gateway=f"home-{uuid4().hex[:12]}",
        sensor="C2:" + ":".join(f"{byte:02X}" for byte in number.to_bytes(5)),
    )
    plans = [
        Plan(home.patient, version, since, (), rules, (), "a test")
        for version, since, rules in ((2, home.since + timedelta(days=1), FIRST), (3, CHANGED, SECOND))
    ]
    async with made.records.begin() as unit:
        await seed(unit, home)
        for plan in plans:
            await unit.care.add_plan(plan, created_at=plan.valid_from)
    return home, (home.plan, *plans)


def sent(home: Household, stream: Sequence[Observation]) -> list[Reading]:
    """As a gateway sends them; each with an id of its own."""
    found = []
    for one in stream:
        values = {name: it for name, it in one.values.items() if isinstance(it, Value)}
        if one.quality in (Quality.BEYOND_LOW, Quality.BEYOND_HIGH):
            kind = KINDS[one.kind]
            comparator: Literal["<", ">"] = "<" if one.quality is Quality.BEYOND_LOW else ">"
            values = {
                name: Value(value=None, unit=kind.fields[name].unit, comparator=comparator) for name in kind.required
            }
        at = one.effective_time
        found.append(
            pressure(
                kind=one.kind,
                quality=one.quality,
                values=values,
                sensor=home.sensor,
                effective_time=at,
                received_time=at,
            )
        )
    return found


@st.composite
def lived(draw: st.DrawFn) -> list[Observation]:
    """Readings as they come, and some days on which the pressure is measured in the morning and in the evening."""
    found = draw(streams(most=20))
    days = draw(st.lists(st.integers(0, 8), max_size=5, unique=True))
    for number, day in enumerate(days):
        systolic = draw(st.sampled_from([131.0, 139.0, 152.0]))
        for half in (0, 1):
            at = START + timedelta(days=day, hours=1 + 12 * half)
            found.append(observed(100 + 2 * number + half, at, "blood_pressure", systolic=systolic, diastolic=84.0))
    return found


class Told:
    """One episode as a replay tells it: by which reading it opened, its worst level, and whether it has cleared."""

    def __init__(self, opened: Happening) -> None:
        self.opened_by: UUID = opened.readings[-1]
        self.level: Level = opened.level or Level.YELLOW
        self.cleared = False

    def turn(self, one: Happening) -> None:
        """The next turn."""
        self.cleared = one.level is None
        if one.level is not None and one.level.rank > self.level.rank:
            self.level = one.level


def replayed(readings: Sequence[Reading], history: tuple[Plan, ...]) -> dict[str, list[Told]]:
    """Every rule's episodes, oldest first."""
    replay = Replay(history, ZONE)
    found: dict[str, list[Told]] = {}
    for reading in sorted((Observation.of(one) for one in readings), key=lambda one: one.order):
        for one in replay.see(reading):
            if one.turn is Turn.OPENED:
                found.setdefault(one.rule_id, []).append(Told(one))
            else:
                found[one.rule_id][-1].turn(one)
    return found


async def standing(made: Backend, home: Household) -> dict[str, list[Alert]]:
    """The alerts that were not withdrawn, by rule."""
    found: dict[str, list[Alert]] = {}
    async with made.records.read() as unit:
        for alert in await unit.alerts.of_patient(home.patient, home.since):
            if alert.state is not AlertState.WITHDRAWN:
                found.setdefault(alert.rule_id, []).append(alert)
    return found


def summed_up(episodes: dict[str, list[Told]]) -> dict[str, set[tuple[UUID, Level, bool]]]:
    return {rule: {(one.opened_by, one.level, one.cleared) for one in told} for rule, told in episodes.items()}


@pytest.mark.timeout(240)
@given(stream=lived())
@FEW
async def test_in_order_every_alert_is_an_episode_of_the_replay(made: Backend, stream: list[Observation]) -> None:
    home, history = await admit(made)
    readings = sorted(sent(home, stream), key=lambda one: (one.effective_time, one.id))
    for one in readings:
        await made.arrive(home, [[one]])
    stored, _ = await made.account(home)
    assert stored.keys() == {one.id for one in readings}
    alerts = {
        rule: {(one.episode, one.level, one.cleared) for one in found}
        for rule, found in (await standing(made, home)).items()
    }
    assert alerts == summed_up(replayed(readings, history))


@pytest.mark.timeout(240)
@given(stream=lived(), chance=st.randoms(use_true_random=False))
@FEW
async def test_in_any_order_every_live_alert_stands_for_episodes_of_the_replay(
    made: Backend, stream: list[Observation], chance: random.Random
) -> None:
    home, history = await admit(made)
    readings = sent(home, stream)
    arriving = [*readings, *chance.choices(readings, k=len(readings) // 3)] if readings else []
    chance.shuffle(arriving)
    sizes = [chance.randint(1, 6) for _ in arriving]
    groups, at = [], 0
    for size in sizes:
        groups.append(arriving[at : at + size])
        at += size
    await made.arrive(home, [group for group in groups if group])

    expected, alerts = replayed(readings, history), await standing(made, home)
    for rule in RULES:
        open_ones = [one for one in expected.get(rule.id, ()) if not one.cleared or one.level is Level.RED]
        live = [one for one in alerts.get(rule.id, ()) if one.state.live]
        async with made.records.read() as unit:
            held = await unit.alerts.readings_of([one.id for one in live])
        for alert in live:
            assert any(one.opened_by in held[alert.id] for one in open_ones), f"{rule.id}: an alert of no episode"
        for episode in open_ones:
            mine = [one for one in live if episode.opened_by in held[one.id]]
            assert len(mine) == 1, f"{rule.id}: {len(mine)} live alerts hold the episode of {episode.opened_by}"
            assert mine[0].level.rank >= episode.level.rank
            assert episode.cleared or not mine[0].cleared
