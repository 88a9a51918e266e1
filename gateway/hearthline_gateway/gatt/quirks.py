"""Where a meter model departs from its profile. What departs is data, in the model's file; how is here."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Quirks:
    """``big_endian`` names the fields sent in the wrong byte order (of ``type_sample_location``: its nibbles),
    ``unflagged`` those sent without their flag set. ``ketone_meal`` is the meal by which a context says that the record
    is no glucose but ketone bodies, in tenths of mmol/L."""

    big_endian: frozenset[str] = frozenset()
    unflagged: frozenset[str] = frozenset()
    ketone_meal: int | None = None


NO_QUIRKS: Final = Quirks()
