"""Who is called after whom: nobody on call is passed over, whatever handovers come in between."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.domain.escalation_steps import (
    EveryoneWithTitle,
    OnePerson,
    PlaceOnCall,
    Step,
    in_order,
    step_to_take,
)

WAIT = timedelta(minutes=15)
PEOPLE = [UUID(int=number) for number in range(1, 7)]
orders = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True)


def a_round(steps: tuple[Step, ...], order_at: list[list[UUID]]) -> tuple[list[UUID], list[UUID]]:
    """Who is called in one round while the order changes, and the order when it is over."""
    called: list[UUID] = []
    line, number = 0, 0
    while True:
        order = order_at[min(number, len(order_at) - 1)]
        step = step_to_take(steps, order, called, line)
        if step is None:
            return called, order
        who = steps[step].who
        assert isinstance(who, PlaceOnCall)
        called += order[who.place : who.place + 1]
        line, number = max(line, step + 1), number + 1
        assert number < 50


@given(orders)
def test_without_a_handover_everybody_is_called_once_in_order(order: list[UUID]) -> None:
    assert a_round(in_order(len(order), WAIT), [order])[0] == order


@given(st.lists(orders, min_size=1, max_size=6), st.integers(1, 4))
def test_whoever_is_on_call_in_a_place_of_the_steps_when_a_round_ends_was_called_in_it(
    order_at: list[list[UUID]], places: int
) -> None:
    called, order = a_round(in_order(places, WAIT), order_at)
    assert set(order[:places]) <= set(called)


def test_who_came_on_call_since_is_called_before_the_next_in_line() -> None:
    a, b, c = PEOPLE[:3]
    steps = in_order(2, WAIT)
    assert step_to_take(steps, [a, b], [], 0) == 0
    assert step_to_take(steps, [a, b], [a], 1) == 1
    assert step_to_take(steps, [c, b], [a], 1) == 0
    assert step_to_take(steps, [c, b], [a, c], 1) == 1
    assert step_to_take(steps, [c, b], [a, c, b], 2) is None


def test_people_and_titles_are_called_in_their_turn_whoever_is_on_call() -> None:
    steps = (Step(OnePerson(PEOPLE[5]), WAIT), Step(EveryoneWithTitle("Doctor"), WAIT, "apprise"))
    assert [step_to_take(steps, [], [], planned) for planned in (0, 1, 2)] == [0, 1, None]
