"""Live events: everybody who keeps up gets all of them, who does not is told to ask again."""

import asyncio

from hearthline_backend.events import Event, EventBus, EventKind
from tests.fixtures.records import NOW


def _event(number: int) -> Event:
    return Event("alert", NOW, alert_id=number)


async def test_every_subscriber_gets_every_event_in_order() -> None:
    bus = EventBus()
    async with bus.subscribe() as one, bus.subscribe() as other:
        for number in range(3):
            bus.publish(_event(number))
        for events in (one, other):
            assert [await anext(events) for _ in range(3)] == [_event(number) for number in range(3)]


async def test_a_waiting_subscriber_wakes() -> None:
    bus = EventBus()
    async with bus.subscribe() as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        bus.publish(_event(1))
        assert await asyncio.wait_for(waiting, 5) == _event(1)


async def test_a_slow_subscriber_is_told_once_to_ask_again_and_then_goes_on() -> None:
    bus = EventBus(backlog=3)
    async with bus.subscribe() as events:
        for number in range(4):
            bus.publish(_event(number))
        bus.publish(_event(9))
        assert await anext(events) == Event("resync", NOW)
        assert await anext(events) == _event(9)


async def test_what_changed_again_before_it_was_taken_comes_once_and_takes_no_room() -> None:
    bus = EventBus(backlog=2)
    async with bus.subscribe() as events:
        for number in (1, 2, 1, 1, 2):
            bus.publish(_event(number))
        assert [await anext(events) for _ in range(2)] == [_event(1), _event(2)]
        bus.publish(_event(1))
        assert await anext(events) == _event(1)


async def test_what_a_subscriber_does_not_want_takes_no_room() -> None:
    bus = EventBus(backlog=1)
    async with bus.subscribe(lambda event: event.alert_id == 3) as events:
        for number in range(9):
            bus.publish(_event(number))
        assert await anext(events) == _event(3)


async def test_who_wants_one_kind_has_nobody_make_the_others() -> None:
    bus = EventBus(backlog=1)
    kinds: tuple[EventKind, ...] = ("synthetic",)
    async with bus.subscribe(kinds=kinds) as events:
        assert (bus.listened("synthetic"), bus.listened("reading")) == (True, False)
        for number in range(9):
            bus.publish(_event(number))
        wanted = Event("synthetic", NOW)
        bus.publish(wanted)
        assert await anext(events) == wanted
    assert not bus.listened("synthetic")


async def test_what_is_heard_of_others_is_not_relayed_again() -> None:
    bus = EventBus()
    told: list[Event] = []
    listened = [bus.listened("alert")]
    with bus.relayed(told.append):
        listened.append(bus.listened("alert"))
        bus.publish(_event(1))
        bus.hear(_event(2))
    bus.publish(_event(3))
    assert (told, listened) == ([_event(1)], [False, True])


async def test_after_the_block_nothing_is_kept() -> None:
    bus = EventBus()
    async with bus.subscribe() as events:
        pass
    bus.publish(_event(1))
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
