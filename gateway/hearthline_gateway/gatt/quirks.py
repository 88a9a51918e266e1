"""Where a meter model departs from its profile. What departs is data, in the model's file; how is here."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Quirks:
    """``big_endian`` names the fields sent in the wrong byte order, ``unflagged`` those sent without their flag set."""

    big_endian: frozenset[str] = frozenset()
    unflagged: frozenset[str] = frozenset()


NO_QUIRKS: Final = Quirks()
