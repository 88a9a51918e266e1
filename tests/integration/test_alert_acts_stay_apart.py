"""Whatever people do to one alert, in whatever order: no other alert changes, nor its calls, deadlines and history."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hearthline_backend.alerting.action_errors import AlertActionError
from hearthline_backend.storage.every_table import metadata
from hearthline_backend.storage.records.alerts import Outcome
from hearthline_backend.storage.records.care import Patient
from tests.fixtures.clinic import START, Clinic, clinic

ALERTS: Final = 4
ACTS: Final = ("acknowledge", "assign", "unassign", "snooze", "resolve", "reopen", "undo", "note")
OF_AN_ALERT: Final = ("alerts", "alert_events", "alert_readings", "notifications", "due", "snoozes")


@dataclass(frozen=True)
class Act:
    what: str
    alert: int
    who: int
    seconds: int


acts = st.lists(
    st.builds(
        Act,
        st.sampled_from(ACTS),
        st.integers(0, ALERTS - 1),
        st.integers(0, 1),
        st.sampled_from((0, 5, 11, 4000)),
    ),
    min_size=4,
    max_size=20,
)


async def stands(ward: Clinic) -> dict[int, dict[str, list[Any]]]:
    """Every row about every alert."""
    found: dict[int, dict[str, list[Any]]] = {}
    async with ward.records.read() as unit:
        for name in OF_AN_ALERT:
            table = metadata.tables[name]
            number = table.c.id if name == "alerts" else table.c.alert_id
            for row in await unit.connection.execute(select(number.label("whose"), table).order_by(*table.primary_key)):
                found.setdefault(row.whose, {}).setdefault(name, []).append(tuple(row))
    return found


async def filled(ward: Clinic) -> list[int]:
    """Two patients, each with a red pressure and a red pulse."""
    other = uuid4()
    async with ward.records.begin() as unit:
        await unit.care.add_patient(Patient(other, ward.team, "Bo", "Test", 1951, "Europe/Stockholm", START))
        (plan,) = await unit.care.plan_history(ward.patient)
        values = (other, 1, plan.valid_from, plan.conditions, plan.rules, plan.slots, plan.reason)
        await unit.care.add_plan(type(plan)(*values), created_at=START)
    numbers: list[int] = []
    patients: tuple[UUID, ...] = (ward.patient, other)
    for patient in patients:
        ward.patient = patient
        fast = ward.measured().values["pulse"].model_copy(update={"value": 140})
        await ward.arrive(ward.measured(values=ward.measured(187, 112).values | {"pulse": fast}))
        numbers += [alert.id for alert in await ward.alerts()]
    return numbers


async def do(ward: Clinic, act: Act, number: int) -> None:
    who, other = ward.people[act.who], ward.people[1 - act.who]
    async with ward.records.read() as unit:
        alert = await unit.alerts.get(number)
    assert alert is not None
    actions = ward.actions
    calls = {
        "acknowledge": lambda: actions.acknowledge(number, who),
        "assign": lambda: actions.assign(number, who, other.id, seen=alert.owner_id),
        "unassign": lambda: actions.unassign(number, who),
        "snooze": lambda: actions.snooze(number, who, ward.clock.now + timedelta(hours=2), "note"),
        "resolve": lambda: actions.resolve(number, who, Outcome.TRUE, "note"),
        "reopen": lambda: actions.reopen(number, who),
        "undo": lambda: actions.undo(number, who),
        "note": lambda: actions.add_note(number, who, "note"),
    }
    with suppress(AlertActionError):
        await calls[act.what]()


async def play(folder: Path, story: list[Act]) -> None:
    async with clinic(folder) as ward:
        numbers = await filled(ward)
        assert len(numbers) == ALERTS
        before = await stands(ward)
        for act in story:
            ward.clock.turn(seconds=act.seconds)
            number = numbers[act.alert]
            await do(ward, act, number)
            after = await stands(ward)
            assert {key: rows for key, rows in after.items() if key != number} == {
                key: rows for key, rows in before.items() if key != number
            }
            history = before[number]["alert_events"]
            assert after[number]["alert_events"][: len(history)] == history  # nothing is struck, only added
            before = after


@given(acts)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_act_never_touches_another_alert(story: list[Act]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), story))
