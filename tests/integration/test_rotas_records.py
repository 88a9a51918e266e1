"""Rotas in Records: who is on call at a moment, joined with who was put on call beside them, on each engine."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from hearthline_backend.domain.rotas import Holiday, StandIn
from hearthline_backend.storage.records.rota_content import QuietContent, RotaContent, TurnContent
from hearthline_backend.storage.records.rotas import RotaChangedError, TrialCall
from tests.fixtures.clinic import Clinic
from tests.fixtures.records import Engine, temporary_records

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Clinic]:
    async with temporary_records(tmp_path, records_engine) as records:
        made = Clinic(records)
        await made.open()
        for initials in ("AA", "BB", "CC"):
            await made.employ(initials, ("mail", f"{initials}@example.org"), on_call=False)
        yield made


async def people(ward: Clinic) -> dict[str, RotaContent]:
    """A rota with each of the three alone, by initials."""
    async with ward.records.read() as unit:
        users = {one.initials: one.id for one in await unit.people.care_team(ward.team)}
    return {
        initials: RotaContent(
            zone="Europe/Stockholm",
            first_week=date(2026, 11, 23),
            places=((TurnContent(weekday=0, at=time(8), people=(user,)),),),
            last_resort=(users["CC"],),
        )
        for initials, user in users.items()
    }


async def on_call(ward: Clinic, at: datetime) -> list[tuple[int, str]]:
    async with ward.records.read() as unit:
        return [(one.position, one.user.initials) for one in await unit.people.on_call(ward.team, at)]


async def agree(ward: Clinic, content: RotaContent, since: datetime) -> int:
    async with ward.records.begin() as unit:
        return await unit.rotas.add_version(ward.team, content, valid_from=since, created_at=since, reason="a test")


async def test_versions_follow_each_other_and_none_is_rewritten(ward: Clinic) -> None:
    rotas = await people(ward)
    assert await on_call(ward, MONDAY) == []
    assert await agree(ward, rotas["AA"], MONDAY - timedelta(days=400)) == 1
    assert await agree(ward, rotas["BB"], MONDAY) == 2
    assert await agree(ward, rotas["CC"], MONDAY + timedelta(days=3)) == 3
    moments = {0: "BB", 2: "BB", 3: "CC", 60: "CC", -1: "AA", -300: "AA", -401: None}
    for days, initials in moments.items():
        expected = [] if initials is None else [(0, initials)]
        assert await on_call(ward, MONDAY + timedelta(days=days)) == expected
    async with ward.records.read() as unit:
        assert [one.number for one in await unit.rotas.versions(ward.team)] == [1, 2, 3]
        first = (await unit.people.on_call(ward.team, MONDAY))[0]
    assert first.ends_at == MONDAY + timedelta(days=3)


async def test_of_two_who_change_the_same_version_one_is_told(ward: Clinic) -> None:
    rotas = await people(ward)
    assert await agree(ward, rotas["AA"], MONDAY) == 1

    async def change(initials: str) -> int:
        async with ward.records.begin() as unit:
            return await unit.rotas.add_version(
                ward.team, rotas[initials], valid_from=MONDAY, created_at=MONDAY, reason="a change", after=1
            )

    first, second = await asyncio.gather(change("BB"), change("CC"), return_exceptions=True)
    won, lost = (first, second) if isinstance(first, int) else (second, first)
    assert won == 2
    assert isinstance(lost, RotaChangedError)
    assert lost.newest == 2
    async with ward.records.read() as unit:
        assert await unit.rotas.newest(ward.team) == 2


async def test_what_was_taken_back_says_by_whom(ward: Clinic) -> None:
    rotas = await people(ward)
    await agree(ward, rotas["AA"], MONDAY)
    (me,), (other,) = rotas["AA"].last_resort, rotas["BB"].places[0][0].people
    async with ward.records.begin() as unit:
        span = MONDAY, MONDAY + timedelta(days=1)
        number = await unit.rotas.add_stand_in(
            ward.team, StandIn(other, me, *span), "leave", created_at=MONDAY, author_id=me
        )
        assert await unit.rotas.remove_stand_in(ward.team, number, MONDAY, other)
        day = Holiday(MONDAY.date(), like=6)
        for _again in range(2):  # the second one takes the place of the first
            await unit.rotas.add_holiday(ward.team, day, "a day", created_at=MONDAY, author_id=me)
        newest, oldest = await unit.rotas.every_holiday(ward.team, 5)
        assert not await unit.rotas.remove_holiday(ward.team, day.day, MONDAY, other, oldest.id)
        assert await unit.rotas.remove_holiday(ward.team, day.day, MONDAY, other, newest.id)
    async with ward.records.read() as unit:
        (stand_in,) = await unit.rotas.every_stand_in(ward.team, 5)
        newest, oldest = await unit.rotas.every_holiday(ward.team, 5)
    assert (stand_in.entered.by, stand_in.entered.removed_by) == (me, other)
    assert (newest.entered.removed_by, oldest.entered.removed_by) == (other, me)


async def test_of_two_versions_from_one_moment_the_last_one_counts(ward: Clinic) -> None:
    rotas = await people(ward)
    await agree(ward, rotas["AA"], MONDAY)
    await agree(ward, rotas["BB"], MONDAY)
    assert await on_call(ward, MONDAY) == [(0, "BB")]


async def test_who_was_put_on_call_by_hand_stands_beside_the_rota_and_nobody_twice(ward: Clinic) -> None:
    rotas = await people(ward)
    await agree(ward, rotas["AA"], MONDAY - timedelta(days=30))
    async with ward.records.begin() as unit:
        users = {one.initials: one.id for one in await unit.people.care_team(ward.team)}
        for place, initials in ((1, "BB"), (2, "AA")):
            await unit.people.put_on_call(ward.team, users[initials], position=place, starts_at=MONDAY)
    assert await on_call(ward, MONDAY) == [(0, "AA"), (1, "BB")]
    assert await on_call(ward, MONDAY - timedelta(hours=1)) == [(0, "AA")]
    async with ward.records.begin() as unit:
        day = timedelta(days=1)
        for away, instead in (("AA", None), ("BB", "CC")):
            stand_in = StandIn(users[away], None if instead is None else users[instead], MONDAY, MONDAY + day)
            await unit.rotas.add_stand_in(ward.team, stand_in, "ill", created_at=MONDAY)
    assert await on_call(ward, MONDAY) == [(1, "CC")]
    assert await on_call(ward, MONDAY + day) == [(0, "AA"), (1, "BB")]


async def test_who_may_no_longer_sign_in_is_not_on_call(ward: Clinic) -> None:
    await agree(ward, (await people(ward))["AA"], MONDAY - timedelta(days=30))
    async with ward.records.begin() as unit:
        await unit.connection.exec_driver_sql("UPDATE users SET active = false WHERE initials = 'AA'")
    assert await on_call(ward, MONDAY) == []


async def test_who_has_left_the_team_is_not_on_call_for_it(ward: Clinic) -> None:
    await agree(ward, (await people(ward))["AA"], MONDAY - timedelta(days=30))
    async with ward.records.begin() as unit:
        await unit.connection.exec_driver_sql("UPDATE users SET team_id = NULL WHERE initials = 'AA'")
    assert await on_call(ward, MONDAY) == []


async def test_holidays_and_stand_ins_can_be_taken_back_and_stay_in_the_records(ward: Clinic) -> None:
    await agree(ward, (await people(ward))["AA"], MONDAY - timedelta(days=30))
    async with ward.records.begin() as unit:
        users = {one.initials: one.id for one in await unit.people.care_team(ward.team)}
        holiday = Holiday(date(2026, 11, 23), people=(users["BB"], users["CC"]))
        await unit.rotas.add_holiday(ward.team, Holiday(date(2026, 11, 23), like=6), "first word", created_at=MONDAY)
        await unit.rotas.add_holiday(ward.team, holiday, "second word", created_at=MONDAY)
    assert await on_call(ward, MONDAY) == [(0, "BB"), (1, "CC")]
    async with ward.records.begin() as unit:
        (only,) = await unit.rotas.holidays(ward.team, date(2026, 11, 1), date(2026, 11, 30))
        assert (only.name, only.holiday) == ("second word", holiday)
        assert await unit.rotas.remove_holiday(ward.team, date(2026, 11, 23), MONDAY)
        assert not await unit.rotas.remove_holiday(ward.team, date(2026, 11, 23), MONDAY)
        stand_in = StandIn(users["AA"], users["CC"], MONDAY, MONDAY + timedelta(days=1))
        await unit.rotas.add_stand_in(ward.team, stand_in, "leave", created_at=MONDAY)
        (agreed,) = await unit.rotas.stand_ins(ward.team, MONDAY)
        assert await unit.rotas.remove_stand_in(ward.team, agreed.id, MONDAY)
        assert not await unit.rotas.remove_stand_in(ward.team, agreed.id, MONDAY)
        kept = await unit.connection.exec_driver_sql("SELECT count(*) FROM rota_holidays")
        assert kept.scalar_one() == 2
    assert await on_call(ward, MONDAY) == [(0, "AA")]


async def test_quiet_hours_are_told_with_who_is_on_call(ward: Clinic) -> None:
    rotas = await people(ward)
    quiet = QuietContent(begins=time(9), ends=time(11), zone="Europe/Stockholm")
    await agree(ward, rotas["AA"].model_copy(update={"quiet": (quiet,)}), MONDAY - timedelta(days=30))
    async with ward.records.read() as unit:
        (one,) = await unit.people.on_call(ward.team, MONDAY)
        (later,) = await unit.people.on_call(ward.team, MONDAY + timedelta(hours=1))
    assert (one.quiet_until, later.quiet_until) == (MONDAY + timedelta(hours=1), None)


async def test_trials_and_zones_and_keys_are_kept(ward: Clinic) -> None:
    async with ward.records.begin() as unit:
        user = (await unit.people.care_team(ward.team))[0]
        trial = TrialCall(user.id, "mail", MONDAY, "sent")
        await unit.rotas.add_trial(ward.team, trial)
        await unit.rotas.add_trial(ward.team, replace(trial, at=MONDAY + timedelta(hours=1), outcome="failed"))
        await unit.people.set_zone(user.id, "Europe/Madrid")
        key = await unit.signing_keys.key("links", MONDAY)
    async with ward.records.begin() as unit:
        assert [one.outcome for one in await unit.rotas.last_trials(ward.team, MONDAY - timedelta(days=1))] == [
            "failed",
            "sent",
        ]
        found = await unit.people.user(user.id)
        assert found is not None
        assert found.time_zone == "Europe/Madrid"
        assert await unit.signing_keys.key("links", MONDAY + timedelta(days=1)) == key
        assert await unit.signing_keys.key("others", MONDAY) != key
        assert len(key) == 32
