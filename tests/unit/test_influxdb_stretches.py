"""What a bucket is asked for: every place is in it, patients stand together, and little else is asked for."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.storage.influxdb.contents import Contents
from hearthline_backend.storage.influxdb.spot import spot_of
from hearthline_backend.storage.influxdb.stretches import PATIENTS_TOGETHER, stretches_of
from tests.fixtures.readings import of_patient, pressure
from tests.fixtures.records import NOW

_DAY_NS = 86_400 * 1_000_000_000
_moments = st.lists(st.tuples(st.integers(1, 9).map(lambda n: UUID(int=n)), st.integers(0, 400 * _DAY_NS)), max_size=60)


@given(_moments)
def test_every_moment_is_in_a_stretch_of_its_patient(moments: list[tuple[UUID, int]]) -> None:
    found = stretches_of(moments)
    for patient, moment in moments:
        assert any(patient in one.patients and one.start <= moment < one.stop for one in found)
    for one in found:
        assert len(set(one.patients)) == len(one.patients)


@given(_moments)
def test_nobody_is_asked_for_much_more_than_what_is_wanted(moments: list[tuple[UUID, int]]) -> None:
    for one in stretches_of(moments):
        for patient in one.patients:
            inside = [moment for who, moment in moments if who == patient and one.start <= moment < one.stop]
            assert one.stop - one.start <= 2 * (max(inside) - min(inside) + 1) + _DAY_NS


def test_a_ward_that_measures_at_one_time_is_one_question() -> None:
    hour = _DAY_NS // 24
    ward = [(UUID(int=patient), day * _DAY_NS + patient * hour // 10) for patient in range(1, 81) for day in range(5)]
    (one,) = stretches_of(ward)
    assert len(one.patients) == 80
    years_apart = [(UUID(int=1), 0), (UUID(int=1), 1000 * _DAY_NS)]
    assert len(stretches_of(years_apart)) == 2
    assert len(stretches_of(years_apart, 2000 * _DAY_NS)) == 1
    crowd = [(UUID(int=patient), 0) for patient in range(1, PATIENTS_TOGETHER + 2)]
    assert sorted(len(one.patients) for one in stretches_of(crowd)) == [1, PATIENTS_TOGETHER]


def test_contents_are_remembered_up_to_so_many_bytes_and_stand_where_they_are_said_to() -> None:
    rows = [of_patient(pressure(effective_time=NOW + timedelta(hours=hour))) for hour in range(20)]
    size = len(rows[0].body)
    contents = Contents(most_bytes=6 * (size + 400))
    contents.remember(rows)
    contents.remember(rows[-2:])
    there = [contents.at(one.id, spot_of(one)) for one in rows]
    assert there[-5:] == rows[-5:]
    assert there[:14] == [None] * 14
    moved = spot_of(rows[-1])._replace(patient_id=UUID(int=5), time_us=1)
    found = contents.at(rows[-1].id, moved)
    assert found is not None
    assert spot_of(found) == moved
    assert found.body == rows[-1].body
    contents.forget()
    assert [contents.at(one.id, spot_of(one)) for one in rows] == [None] * 20
