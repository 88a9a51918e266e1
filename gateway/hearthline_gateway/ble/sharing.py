"""Several adapters, one meter: who takes it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.meter_models import MeterModel

FRESH_S: Final = 5.0
"""How long an advertisement is good for: longer, and the meter may sleep again or bluetoothd have forgotten it."""
COMPARE_S: Final = 0.5
"""How long a free adapter waits for the others to hear the meter as well. Meters advertise many times a second."""


class Rival(Protocol):
    """What has to be known of an adapter."""

    @property
    def working(self) -> bool:
        """Whether it can be used at all."""

    @property
    def free(self) -> bool:
        """Whether it could connect a meter now."""


class Sharing:
    """One adapter takes each meter. The one that holds its bond, for a meter keeps one; else, of those that are free,
    the one that hears it best. ``may_pair_anew`` tells of a model whether it can do without a bond whose adapter is
    gone."""

    def __init__(self, adapters: Mapping[str, Rival], may_pair_anew: Callable[[MeterModel], bool]) -> None:
        self._adapters = adapters
        self._may_pair_anew = may_pair_anew

    def takes(self, adapter: str, state: MeterState, now: float) -> bool:
        """Whether that adapter is to connect the meter now. ``now`` is the event loop's clock."""
        if state.meter.model.pair and state.bonds:
            holders = {name for name in state.bonds if self._works(name)}
            if holders:
                return adapter in holders and self._best(adapter, state, holders, now)
            if adapter not in state.bonds and not self._may_pair_anew(state.meter.model):
                return False
        return self._best(adapter, state, self._adapters, now)

    def stranded(self, state: MeterState) -> frozenset[str]:
        """The adapters that alone hold the meter's bond and do not work; empty when it can be read."""
        bonds = frozenset(state.bonds)
        if not state.meter.model.pair or not bonds or any(self._works(name) for name in bonds):
            return frozenset()
        return frozenset() if self._may_pair_anew(state.meter.model) else bonds

    def _best(self, adapter: str, state: MeterState, among: Iterable[str], now: float) -> bool:
        rivals = [name for name in among if name != adapter and self._works(name) and self._adapters[name].free]
        own = state.sightings.get(adapter)
        if not rivals or own is None:
            return True
        if now - own.since < COMPARE_S:
            return False
        heard = {name: state.sightings[name] for name in rivals if name in state.sightings}
        own_rank = own.signal_dbm, adapter
        return not any(
            now - other.last <= FRESH_S and (other.signal_dbm, name) > own_rank for name, other in heard.items()
        )

    def _works(self, name: str) -> bool:
        return name in self._adapters and self._adapters[name].working
