"""Which meters are in force, whatever the order in which file, backend and technician spoke."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hearthline_gateway.meter_list import MeterList, Word
from hearthline_protocol.configuration import DesiredConfiguration, MeterWanted

ADDRESSES = [f"A4:C1:38:00:00:{number:02X}" for number in range(5)]
MODELS = ["generic-blood-pressure", "generic-oximeter"]


def wanted(revision: int, *numbers: int, model: str = MODELS[0]) -> DesiredConfiguration:
    return DesiredConfiguration(
        revision=revision, meters=tuple(MeterWanted(address=ADDRESSES[number], model=model) for number in numbers)
    )


def origins(meters: MeterList, *file: int) -> dict[int, str]:
    listed = [MeterWanted(address=ADDRESSES[number], model=MODELS[0]) for number in file]
    return {ADDRESSES.index(meter.address): meter.origin for meter in meters.in_force(listed)}


def test_the_file_comes_first_then_the_backend_then_what_was_paired() -> None:
    meters = MeterList().configured(wanted(1, 0, 1)).paired(ADDRESSES[2], MODELS[1])
    assert origins(meters, 0) == {0: "file", 1: "backend", 2: "paired"}


def test_a_revision_that_is_not_newer_changes_nothing_in_force() -> None:
    meters = MeterList().configured(wanted(5, 0))
    assert origins(meters.configured(wanted(4, 1))) == {0: "backend"}
    assert origins(meters.configured(wanted(5, 1))) == {0: "backend"}


def test_what_was_paired_stays_until_the_backend_took_it_up_and_dropped_it() -> None:
    meters = MeterList().configured(wanted(5)).paired(ADDRESSES[0], MODELS[0])
    assert origins(meters.configured(wanted(6, 1))) == {0: "paired", 1: "backend"}
    taken_up = meters.configured(wanted(7, 0))
    assert origins(taken_up) == {0: "backend"}
    assert origins(taken_up.configured(wanted(8))) == {}


def test_paired_again_is_still_the_backends_to_drop() -> None:
    meters = MeterList().configured(wanted(5, 0)).paired(ADDRESSES[0], MODELS[0])
    assert origins(meters) == {0: "backend"}
    assert origins(meters.configured(wanted(6))) == {}


def test_unpaired_holds_until_the_next_revision_decides() -> None:
    meters = MeterList().configured(wanted(5, 0)).unpaired(ADDRESSES[0])
    assert origins(meters) == {}
    assert origins(meters.configured(wanted(6, 0))) == {0: "backend"}
    assert origins(meters.configured(wanted(6))) == {}
    assert origins(meters.paired(ADDRESSES[0], MODELS[0])) == {0: "backend"}


def test_paired_then_unpaired_is_gone_and_the_file_holds() -> None:
    meters = MeterList().paired(ADDRESSES[0], MODELS[0]).unpaired(ADDRESSES[0])
    assert origins(meters) == {}
    assert origins(meters, 0) == {0: "file"}


configurations = st.lists(
    st.tuples(st.integers(1, 6), st.sets(st.integers(0, 4))), max_size=5, unique_by=lambda entry: entry[0]
).map(lambda entries: [wanted(revision, *sorted(numbers)) for revision, numbers in entries])
words = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([*MODELS, None]), st.integers(0, 6)), max_size=5).map(
    lambda entries: [
        (ADDRESSES[number], Word(model=model, number=place, since=since))
        for place, (number, model, since) in enumerate(entries, start=1)
    ]
)


@given(configurations, words, st.data())
def test_any_order_and_any_repeat_converges(
    configured: list[DesiredConfiguration], said: list[tuple[str, Word]], data: Any
) -> None:
    heard: list[Any] = [*configured, *said]
    again = data.draw(st.permutations([*heard, *heard[: data.draw(st.integers(0, len(heard)))]]))
    file = [MeterWanted(address=ADDRESSES[0], model=MODELS[0])]
    assert _after(heard).in_force(file) == _after(again).in_force(file)


@given(configurations, words)
def test_kept_and_read_again_it_is_the_same(
    configured: list[DesiredConfiguration], said: list[tuple[str, Word]]
) -> None:
    meters = _after([*configured, *said])
    assert MeterList.model_validate_json(meters.model_dump_json()) == meters


@given(configurations, words)
def test_everything_in_the_file_and_nothing_twice(
    configured: list[DesiredConfiguration], said: list[tuple[str, Word]]
) -> None:
    file = [MeterWanted(address=address, model=MODELS[0]) for address in ADDRESSES[:2]]
    found = [meter.address for meter in _after([*configured, *said]).in_force(file)]
    assert set(ADDRESSES[:2]) <= set(found)
    assert len(found) == len(set(found))


def _after(heard: list[Any]) -> MeterList:
    meters = MeterList()
    for one in heard:
        meters = meters.configured(one) if isinstance(one, DesiredConfiguration) else meters.said(*one)
    return meters
