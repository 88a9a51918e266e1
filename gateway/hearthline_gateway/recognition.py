"""Which model a meter is, told from what it advertises: its name and its services.

A name says which model; services say only what kind of meter it is. Meters that advertise the same services are many,
so a model is recognised by the name alone, and services narrow down what a technician chooses from.
"""

from collections.abc import Iterable
from typing import Final

from hearthline_gateway.meter_models import MeterModel, models

LIMITED_DISCOVERABLE: Final = 0x01
"""Bit 0 of the advertised Flags: LE Limited Discoverable Mode, which a meter enters for a short while, to be found by a
new host. Source: Bluetooth Core Specification Supplement, part A, 1.3, and Core, volume 3, part C, 9.2.3."""

_BASE: Final = "-0000-1000-8000-00805F9B34FB"


def candidates(name: str | None, services: Iterable[str]) -> tuple[MeterModel, ...]:
    """The models that a meter can be, best first; empty for what is no health meter.

    ``name`` is what it advertises, None where it does not; ``services`` are UUIDs of 16 or 128 bits. First come models
    whose advertised name begins like this one (the longest such beginning first), then those of the right services
    whose advertised name is not known, last the generic models. A model with other names is left out where there is a
    name, and so is one whose name fits but whose services are those of another kind of meter.
    """
    offered = {_short(service) for service in services}
    known = models().values()
    health = offered & {service for model in known for service in model.services}
    ranked = [(_rank(model, name, health), model) for model in known]
    fitting = sorted(((rank, model) for rank, model in ranked if rank is not None), key=lambda pair: pair[0])
    return tuple(model for _, model in fitting)


def recognise(name: str | None, services: Iterable[str]) -> MeterModel | None:
    """The one model whose name this is; None where the name fits none, or several equally well."""
    if name is None:
        return None
    named = [(_likeness(model, name), model) for model in candidates(name, services)]
    best = max((likeness for likeness, _ in named), default=0)
    found = [model for likeness, model in named if likeness == best]
    return found[0] if best and len(found) == 1 else None


def offers_pairing(model: MeterModel, name: str | None, advertising_flags: int | None = None) -> bool | None:
    """Whether the meter is in its pairing mode; None where it does not say.

    ``advertising_flags`` is the advertised Flags byte, None where it was not heard. A model that is not paired never
    says. Where the model has a name of its own for pairing mode, the name decides.
    """
    if not model.pair:
        return None
    if model.pairing_names and name is not None:
        return _begins(name, model.pairing_names) > 0
    if advertising_flags is not None and advertising_flags & LIMITED_DISCOVERABLE:
        return True
    return None


def _rank(model: MeterModel, name: str | None, health: set[str]) -> tuple[int, int, str] | None:
    """What sorts the candidates, smallest first; None for no candidate."""
    right_kind = bool(health & set(model.services))
    likeness = 0 if name is None else _likeness(model, name)
    if likeness and (right_kind or not health):
        return (0, -likeness, model.name)
    if not right_kind:
        return None
    if model.generic:
        return (2, -len(health & set(model.services)), model.name)
    if name is not None and (model.names or model.pairing_names):
        return None
    return (1, 0, model.name)


def _likeness(model: MeterModel, name: str) -> int:
    return _begins(name, (*model.names, *model.pairing_names))


def _begins(name: str, beginnings: tuple[str, ...]) -> int:
    """The length of the longest of ``beginnings`` that ``name`` begins with, in any case of letters; 0 for none."""
    folded = name.casefold()
    return max((len(start) for start in beginnings if folded.startswith(start.casefold())), default=0)


def _short(service: str) -> str:
    upper = service.upper()
    return upper[4:8] if len(upper) == 36 and upper.endswith(_BASE) and upper.startswith("0000") else upper
