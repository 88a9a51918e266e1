"""What was heard without the time: its date in the same boot, and the bounds of an earlier one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hearthline_gateway.clock import BOOT
from hearthline_gateway.dating import BootBounds, dated, has_date, stand_in
from hearthline_gateway.frame import BootMoment, Frame, MeterClock
from tests.fixtures.cuff_frames import cuff_frame

BEGAN = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def _counted(frame: Frame, seconds: float, ahead: timedelta) -> Frame:
    """Heard so long after the boot by a machine without time, from a meter that is ``ahead`` of UTC."""
    shown = BOOT + timedelta(seconds=seconds)
    true = BEGAN + timedelta(seconds=seconds)
    clock = MeterClock(true + ahead - shown, shown, set_ahead_of_utc=true - shown, set_at=shown)
    return replace(frame, received_time=shown, clock=clock, since_boot=BootMoment("a", seconds))


@given(seconds=st.floats(0, 1e7), ahead=st.timedeltas(timedelta(days=-4000), timedelta(days=4000)))
def test_in_the_same_boot_nothing_is_lost(seconds: float, ahead: timedelta) -> None:
    frame = _counted(cuff_frame(), seconds, ahead)
    found = dated(frame, BEGAN)
    true = BEGAN + timedelta(seconds=seconds)
    assert not has_date(frame)
    assert has_date(found)
    assert (found.received_time, found.since_boot) == (true, None)
    assert found.clock == MeterClock(ahead, true, set_ahead_of_utc=timedelta(), set_at=true)


def test_a_clock_read_just_before_the_time_was_learned_fits_a_frame_heard_just_after() -> None:
    frame = replace(_counted(cuff_frame(), 100, timedelta(hours=2)), received_time=BEGAN + timedelta(seconds=101))
    found = dated(replace(frame, since_boot=None), BEGAN)
    assert found.received_time == BEGAN + timedelta(seconds=101)
    assert found.clock is not None
    assert found.clock.ahead_of_utc == timedelta(hours=2)


def test_what_has_a_date_keeps_it() -> None:
    assert dated(cuff_frame(), BEGAN) == cuff_frame()


_boots = st.lists(
    st.tuples(st.floats(0, 1e6), st.lists(st.floats(0, 1), min_size=1, max_size=4), st.floats(0, 1e6)),
    min_size=1,
    max_size=4,
)


@given(boots=_boots, known=st.booleans())
def test_bounds_hold_whatever_the_boots(boots: list[tuple[float, list[float], float]], known: bool) -> None:
    """Each boot ran for so long, heard frames at these parts of that, and was off for so long before."""
    earliest = now = BEGAN
    heard: list[tuple[BootMoment, datetime]] = []
    for number, (ran, parts, off) in enumerate(boots):
        now += timedelta(seconds=off)
        for part in sorted(parts):
            moment = BootMoment(str(number), ran * part)
            heard.append((moment, now + timedelta(seconds=moment.seconds)))
        now += timedelta(seconds=ran)
    began = now
    bounds = BootBounds(
        [moment for moment, _ in heard],
        earliest=earliest,
        current=BootMoment("now", 60),
        current_began=began if known else None,
    )
    slack = timedelta(milliseconds=1)
    for moment, true in heard:
        found = bounds.of(moment)
        assert found.earliest <= true + slack
        assert (found.latest is not None) is known
        if found.latest is not None:
            assert true <= found.latest + slack
    stands = [stand_in(bounds.of(moment)) for moment, _ in heard]
    assert stands == sorted(stands), "the order of what was heard stays"


def test_two_equal_measurements_of_one_boot_stand_as_far_apart_as_they_were() -> None:
    moments = [BootMoment("a", 100), BootMoment("a", 160)]
    bounds = BootBounds(moments, earliest=BEGAN, current=BootMoment("b", 5), current_began=BEGAN + timedelta(days=1))
    first, second = (bounds.of(moment) for moment in moments)
    assert first.latest is not None
    assert second.latest is not None
    assert second.latest - first.latest == second.earliest - first.earliest == timedelta(seconds=60)
    assert second.latest == BEGAN + timedelta(days=1)


def test_a_bound_that_cannot_be_right_gives_way() -> None:
    bounds = BootBounds(
        [BootMoment("a", 100)],
        earliest=BEGAN + timedelta(days=9),
        current=BootMoment("b", 5),
        current_began=BEGAN,
    )
    found = bounds.of(BootMoment("a", 100))
    assert found.earliest == found.latest
