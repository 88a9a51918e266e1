"""What is known of a meter model, read from one TOML file per model.

The files are data (``firmware-config/meters``), shipped inside the installed package as well.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from hearthline_gateway.errors import GatewayError
from hearthline_gateway.meter_model_file import STEPS, read_model_file

_PLACES = (
    Path(__file__).parent / "meters",
    Path(__file__).parents[2] / "firmware-config" / "meters",
)


class UnknownModelError(GatewayError):
    """No file describes the model."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name, self.known = name, known
        super().__init__(f"no meter model is called {name!r}; known models: {', '.join(known)}")


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
    the format of a meter that is never connected (``xiaomi``). ``order`` are the steps of a connection, of ``STEPS``;
    ``disconnect_after_s`` how long after its last value we hang up, None for the usual time.
    ``ketone_meal`` is the meal by which a glucose meter marks a record as ketone bodies, in tenths of mmol/L.
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
    order: tuple[str, ...] = STEPS
    disconnect_after_s: float | None = None
    ketone_meal: int | None = None

    @property
    def generic(self) -> bool:
        """Whether it stands for any meter of the standard profile, not for one maker's."""
        return self.name.startswith("generic-")


@cache
def models() -> dict[str, MeterModel]:
    """Every model by its name, the file's stem."""
    folder = next((place for place in _PLACES if place.is_dir()), None)
    if folder is None:
        raise GatewayError("the meter models are missing from this installation: install hearthline again")
    return models_in(folder)


def models_in(folder: Path) -> dict[str, MeterModel]:
    """Every model that a folder's files describe; raises ``ModelFileError`` for the first that does not."""
    return {
        path.stem: MeterModel(name=path.stem, **read_model_file(path, MeterModel))
        for path in sorted(folder.glob("*.toml"))
    }


def model(name: str) -> MeterModel:
    """The model of that name; :class:`UnknownModelError` lists the known ones."""
    found = models().get(name)
    if found is None:
        raise UnknownModelError(name, tuple(models()))
    return found
