"""When an adapter is taken for hung, as a time line; and who takes a meter that several adapters hear."""

from dataclasses import dataclass

import pytest

from hearthline_gateway.ble.adapter_health import AdapterHealth, Patience
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.ble.sharing import COMPARE_S, FRESH_S, Sharing
from tests.fixtures.ble_home import CUFF, THERMOMETER

PATIENCE = Patience()
FIRST, SECOND = "F0:F1:00:00:18:10", "F0:F1:00:00:18:09"


def health() -> AdapterHealth:
    return AdapterHealth(PATIENCE, quiet_since=0.0)


def silent_day(adapter: AdapterHealth, hours: float, hears_at: float | None = None) -> list[float]:
    """The hours at which the adapter is reset in a home where nothing, or only one thing, is heard."""
    resets, now = [], 0.0
    while now < hours * 3600:
        if adapter.reset_for(now):
            adapter.was_reset(now)
            resets.append(round(now / 3600, 1))
        if not adapter.probe_in(now):
            began, now = now, now + PATIENCE.probe_s
            if hears_at is not None and began >= hears_at * 3600:
                adapter.heard(now)
            adapter.probed(began, now)
        now += 10
    return resets


def test_a_lonely_farmhouse_is_reset_three_times_and_then_left_alone() -> None:
    adapter = health()
    assert silent_day(adapter, 24) == [0.2, 0.7, 2.7]
    assert adapter.given_up
    assert adapter.reason is not None


def test_what_is_heard_again_starts_afresh() -> None:
    adapter = health()
    assert silent_day(adapter, 24, hears_at=1.0) == [0.2, 0.7]
    assert (adapter.given_up, adapter.complaint, adapter.reason, adapter.tries) == (False, None, None, 0)
    assert adapter.resets == 2, "what the status tells goes on counting"


def test_in_a_town_a_silent_meter_proves_nothing() -> None:
    assert silent_day(health(), 24, hears_at=0.0) == []


def test_one_meter_out_of_reach_is_not_the_adapters_fault_and_two_are() -> None:
    adapter = health()
    for _ in range(6):
        adapter.link_failed(FIRST)
    assert adapter.reset_for(100) is None
    adapter.link_failed(SECOND)
    assert adapter.reset_for(100) == "fails to connect"
    adapter.linked(101)
    assert adapter.complaint is None


def test_calls_that_fail_in_a_row_are_a_reason_and_one_answer_ends_it() -> None:
    adapter = health()
    for _ in range(3):
        assert adapter.complaint is None
        adapter.call_failed()
    assert adapter.reset_for(1) == "does not answer"
    before = adapter.escalate
    adapter.was_reset(1)
    assert (before, adapter.escalate) == (False, True)
    adapter.answered()
    assert (adapter.complaint, adapter.reason, adapter.escalate) == (None, None, False)


@dataclass
class Adapter:
    working: bool = True
    free: bool = True


def heard_by(*bonds: str, pair: bool = True, **signals: int) -> MeterState:
    state = MeterState(ConfiguredMeter(FIRST, CUFF if pair else THERMOMETER), bonds=set(bonds))
    for name, signal in signals.items():
        state.seen(name, 10.0, signal, FRESH_S)
    return state


def takers(
    state: MeterState, adapters: dict[str, Adapter], now: float = 10.0 + COMPARE_S, *, anew: bool = True
) -> set[str]:
    sharing = Sharing(adapters, lambda _: anew)
    return {name for name in adapters if sharing.takes(name, state, now)}


def test_the_stronger_signal_takes_it() -> None:
    both = {"hci0": Adapter(), "hci1": Adapter()}
    assert takers(heard_by(hci0=-70, hci1=-50), both) == {"hci1"}
    assert takers(heard_by(hci0=-50, hci1=-70), both) == {"hci0"}
    assert takers(heard_by(hci0=-50, hci1=-50), both) == {"hci1"}, "one of two equals"
    assert takers(heard_by(hci0=-70, hci1=-50), both, 10.1) == set(), "the other may hear it better yet"


def test_the_free_one_takes_it_at_once() -> None:
    assert "hci0" in takers(heard_by(hci0=-70, hci1=-50), {"hci0": Adapter(), "hci1": Adapter(free=False)}, 10.0)
    assert "hci0" in takers(heard_by(hci0=-70, hci1=-50), {"hci0": Adapter(), "hci1": Adapter(working=False)}, 10.0)


def test_an_old_sighting_keeps_nobody_waiting() -> None:
    state = heard_by(hci1=-50)
    state.seen("hci0", 20.0, -70, FRESH_S)
    assert "hci0" in takers(state, {"hci0": Adapter(), "hci1": Adapter()}, 20.0 + COMPARE_S)


@pytest.mark.parametrize("anew", [True, False])
def test_a_bond_decides_while_its_adapter_works(anew: bool) -> None:
    state = heard_by("hci0", hci0=-90, hci1=-50)
    assert takers(state, {"hci0": Adapter(), "hci1": Adapter()}, anew=anew) == {"hci0"}
    stranded = {"hci0": Adapter(working=False, free=False), "hci1": Adapter()}
    assert ("hci1" in takers(state, stranded, anew=anew)) is anew
    assert Sharing(stranded, lambda _: anew).stranded(state) == (frozenset() if anew else {"hci0"})
    assert Sharing(stranded, lambda _: anew).stranded(heard_by(pair=False)) == frozenset()
