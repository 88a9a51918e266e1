"""Runs of readings: what goes in comes out, whatever there is of it, in rows no longer than a page likes."""

from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.storage.readings_tables import SHOWN, Entry
from hearthline_backend.storage.series_runs import ENTRY_BYTES, entries_in, entries_of, newest_shown, runs_of

_PATIENT = bytes(range(16))
_KINDS = ["blood_pressure", "heart_rate", "weight", "glucose", "Œuf"]
_whole = st.integers(-(1 << 63), (1 << 63) - 1)
_entries = st.lists(
    st.tuples(_whole, st.binary(min_size=16, max_size=16), _whole, st.integers(0, SHOWN), st.sampled_from(_KINDS)),
    max_size=120,
).map(sorted)


@given(_entries)
def test_what_went_into_runs_comes_out(entries: list[Entry]) -> None:
    runs = list(runs_of(_PATIENT, entries))
    assert [one for *_, kinds, readings in runs for one in entries_in(kinds, readings)] == entries
    for kind in _KINDS:
        found = [one for *_, kinds, readings in runs for one in entries_of(kind, kinds, readings)]
        assert found == [one for one in entries if one[4] == kind]


@given(_entries)
def test_a_run_says_whose_it_is_and_between_which_times(entries: list[Entry]) -> None:
    for patient, last_us, number, first_us, kinds, readings in runs_of(_PATIENT, entries):
        inside = entries_in(kinds, readings)
        assert patient == _PATIENT
        assert (first_us, last_us, number) == (inside[0][0], inside[-1][0], inside[-1][2])
        assert len(readings) == len(inside) * ENTRY_BYTES <= 24 * ENTRY_BYTES
        assert set(kinds.split(",")) == {one[4] for one in inside}


@given(_entries)
def test_the_newest_that_may_be_shown_is_the_last_of_its_kind(entries: list[Entry]) -> None:
    shown = [one for one in entries if one[3] == SHOWN]
    assert newest_shown(entries) == {kind: max(one for one in shown if one[4] == kind) for *_, kind in shown}
