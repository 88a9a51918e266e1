"""The demo's rota: whenever a demo begins, the nurse is first on call, and stays so for a day."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hearthline_backend.domain.rotas import TeamRota
from hearthline_backend.rota_file import Members, read_rota
from hearthline_backend.storage.records.people import Role, User
from hearthline_simulator.ward.profiles import TIME_ZONE
from hearthline_simulator.ward.rota import last_handover, rota_file

NURSE, SECOND, DOCTOR = (UUID(int=number) for number in (1, 2, 3))
PEOPLE = {
    login: User(key, login, "!", Role.CARE, "", "Nurse", UUID(int=9))
    for login, key in (("nurse", NURSE), ("second", SECOND), ("doctor", DOCTOR))
}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def order(since: datetime, at: datetime) -> list[UUID]:
    content = read_rota(rota_file(since), Members(PEOPLE, frozenset({DOCTOR}), TIME_ZONE))
    duties = TeamRota(at, [(since, content.rota())], (), ()).on_duty()
    return [one.person for one in sorted(duties, key=lambda one: one.place)]


def test_the_nurse_is_called_first_for_a_day_from_any_hour_of_three_weeks_with_a_change_of_clocks() -> None:
    begin = datetime(2026, 10, 12, 0, 30, tzinfo=UTC)
    for number in range(21 * 24):
        now = begin + number * HOUR
        since = last_handover(now)
        assert now - 8 * DAY < since <= now
        assert order(since, now) == [NURSE, SECOND], now
        assert order(since, now + DAY) == [NURSE, SECOND], now


def test_they_change_places_a_week_later_at_eight() -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    since = last_handover(now)
    assert since == datetime(2026, 11, 23, 7, tzinfo=UTC)
    after = since + timedelta(days=7)
    assert order(since, after - HOUR / 60) == [NURSE, SECOND]
    assert order(since, after) == [SECOND, NURSE]
