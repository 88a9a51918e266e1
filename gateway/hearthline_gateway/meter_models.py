"""What is known of a meter model, read from one TOML file per model.

The files are data (``firmware-config/meters``), shipped inside the installed package as well.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from hearthline_gateway.errors import GatewayError

_PLACES = (
    Path(__file__).parent / "meters",
    Path(__file__).parents[2] / "firmware-config" / "meters",
)


STEPS: Final = ("information", "clock", "subscribe", "consent", "records", "battery")
"""What a connection does after pairing; a model may want another order, or leave some out."""


class UnknownModelError(GatewayError):
    """No file describes the model."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name, self.known = name, known
        super().__init__(f"no meter model is called {name!r}; known models: {', '.join(known)}")


class ModelFileError(GatewayError):
    """A model's file is not what it must be."""


@dataclass(frozen=True, slots=True)
class MeterModel:
    """One model. Characteristics and services are 16-bit UUIDs in upper-case hex.

    ``clock`` is the characteristic that holds the meter's clock (None: it has none), ``set_clock`` whether to set it
    after reading it; ``reconnect_after_s`` how long to leave the meter alone after it hung up; ``big_endian`` names the
    measurement fields that this model sends in the wrong byte order, ``unflagged`` those it sends without setting their
    flag; ``hangs_up`` whether it ends the connection itself.

    ``names`` are the beginnings of the name it advertises, ``pairing_names`` those it advertises only in pairing mode;
    ``digits`` where the pairing digits are: ``shown`` on its display, ``printed`` on it, or None where there are none;
    ``mend_bond`` whether it takes a new bond without anybody touching it, once it lost the old one.
    ``stored_records`` says that it holds numbered records and is asked for them (record access control point),
    ``consent`` that a person's slot has to be opened with a code (user control point), ``users`` how many slots it has
    (0: it does not tell people apart), ``deletes_on_confirmation`` that it forgets what we confirmed, ``advertises``
    the format of a meter that is never connected (``xiaomi``). ``order`` are the steps of a connection, of
    :data:`STEPS`; ``disconnect_after_s`` how long after its last value we hang up, None for the usual time.
    """

    name: str
    title: str
    device: str
    services: tuple[str, ...]
    measurements: tuple[str, ...]
    pair: bool
    steps: tuple[str, ...]
    sources: tuple[str, ...]
    clock: str | None = None
    set_clock: bool = False
    reconnect_after_s: float = 10.0
    hangs_up: bool = False
    big_endian: tuple[str, ...] = ()
    unflagged: tuple[str, ...] = ()
    settle_s: float = 0.0
    names: tuple[str, ...] = ()
    pairing_names: tuple[str, ...] = ()
    digits: Literal["shown", "printed"] | None = None
    mend_bond: bool = False
    stored_records: bool = False
    consent: bool = False
    users: int = 0
    deletes_on_confirmation: bool = False
    advertises: Literal["xiaomi"] | None = None
    order: tuple[str, ...] = ("information", "clock", "subscribe", "consent", "records", "battery")
    disconnect_after_s: float | None = None


def _load(path: Path) -> MeterModel:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    content: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return MeterModel(name=path.stem, **content)
    except TypeError as error:
        raise ModelFileError(f"{path.name}: {error}") from error


@cache
def models() -> dict[str, MeterModel]:
    """Every model by its name, the file's stem."""
    folder = next((place for place in _PLACES if place.is_dir()), None)
    if folder is None:
        raise ModelFileError("the meter models are missing from this installation: install hearthline again")
    return {path.stem: _load(path) for path in sorted(folder.glob("*.toml"))}


def model(name: str) -> MeterModel:
    """The model of that name; :class:`UnknownModelError` lists the known ones."""
    found = models().get(name)
    if found is None:
        raise UnknownModelError(name, tuple(models()))
    return found
