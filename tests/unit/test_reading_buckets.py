"""Where buckets begin at the calendar's edges, and where a zone leaves a whole day out."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hearthline_backend.storage.buckets import bucket_around, numbers_in, numbers_of, summed_up
from hearthline_backend.storage.ports import Summary, Width
from hearthline_protocol.readings import Reading
from tests.fixtures.readings import pressure, value

EDGES = [
    datetime.min.replace(tzinfo=UTC),
    datetime(1, 1, 1, 3, tzinfo=UTC),
    datetime(9999, 12, 31, 5, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Sao_Paulo"])
@pytest.mark.parametrize("at", EDGES)
@pytest.mark.parametrize("width", Width)
def test_a_moment_at_an_edge_of_the_calendar_lies_in_its_bucket(at: datetime, width: Width, zone: str) -> None:
    start, end = bucket_around(at, width, ZoneInfo(zone))
    assert start <= at <= end
    (found,) = summed_up([(at, {"systolic": 120.0})] * 2, width, ZoneInfo(zone))
    assert found.start == start
    assert found.fields["systolic"] == Summary(120, 120, 120, 2)


def test_a_day_that_a_zone_left_out_has_no_bucket() -> None:
    apia = ZoneInfo("Pacific/Apia")  # 2011-12-30 was not
    hours = [datetime(2011, 12, 29, tzinfo=UTC) + timedelta(hours=number) for number in range(72)]
    found = summed_up([(at, {"weight": 70.0}) for at in hours], Width.DAY, apia)
    days = [one.start.astimezone(apia).date().isoformat() for one in found]
    assert days == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]
    assert [one.fields["weight"].count for one in found] == [10, 24, 24, 14]


def test_the_numbers_of_a_body_are_those_of_the_reading() -> None:
    values = {
        "systolic": value(300, "mm[Hg]", ">"),
        "diastolic": value(None, "mm[Hg]", "<"),
        "pulse": value(71, "/min"),
    }
    body = pressure(values=values).model_dump_json().encode()
    assert numbers_in(body) == numbers_of(Reading.model_validate_json(body)) == {"pulse": 71}
    lax = body.replace(b'"value":71.0', b'"value":"71"')
    assert numbers_in(lax) == numbers_of(Reading.model_validate_json(lax)) == {"pulse": 71}
