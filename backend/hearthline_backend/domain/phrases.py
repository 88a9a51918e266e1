"""Sentences that are put together here and said in the reader's language elsewhere: message ids with values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce

from hearthline_protocol.kinds import KINDS, UNIT_TEXT

NBSP = "\u00a0"
_MINUS = "\u2212"


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its UCUM unit, said with at most ``places`` decimals."""

    number: float
    unit: str
    places: int

    @property
    def decimals(self) -> int:
        """So many are needed: 2 kg and not 2.0 kg."""
        return next((one for one in range(self.places) if _whole(self.number * 10**one)), self.places)

    @property
    def rounded(self) -> Decimal:
        """The number as it is said: half up, by its decimal digits."""
        return Decimal(str(self.number)).quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Phrase:
    """``msgid`` goes through gettext, then its places are filled; a phrase among the values is said the same way, and a
    tuple of them is a list with commas."""

    msgid: str
    values: Mapping[str, "Said"] = field(default_factory=dict)


Said = str | int | timedelta | Amount | Phrase | tuple[Phrase, ...]


def said(**values: Said) -> dict[str, Said]:
    """Values for the places of a phrase."""
    return values


def amount(kind: str, name: str, number: float, *, finer: int = 0) -> Amount:
    """A number of a kind's field, with the decimals that meters print, or so many more."""
    known = KINDS[kind].fields[name]
    places = next((one for one in range(4) if _whole(known.step * 10**one)), 3)
    return Amount(number, known.unit, places + finer)


def apart(kind: str, field: str, number: float, other: float) -> Amount:
    """With so many decimals that it does not read as the ``other`` number where it is not: 159.6 mmHg, and not 160 mmHg
    that are within the limit of 160 mmHg."""
    told = amount(kind, field, number, finer=1)
    for finer in (2, 3):
        if number == other or told.rounded != amount(kind, field, other, finer=finer).rounded:
            return told
        told = amount(kind, field, number, finer=finer)
    return told


def sentences(parts: Iterable[Phrase]) -> Phrase:
    """One after the other. There is one."""
    return reduce(lambda first, then: Phrase("{first} {then}", {"first": first, "then": then}), parts)


def english(phrase: Phrase) -> str:
    """The phrase in English."""
    return phrase.msgid.format(**{name: _in_english(value) for name, value in phrase.values.items()})


def span_parts(span: timedelta) -> tuple[tuple[int, str], ...]:
    """A time in the largest units that tell it: ``((3, "d"), (12, "h"))``; at most two."""
    minutes = round(span / timedelta(minutes=1))
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    found = [(number, unit) for number, unit in ((days, "d"), (hours, "h"), (left, "min")) if number]
    return tuple(found[:2]) or ((0, "min"),)


def _in_english(value: Said) -> str:
    if isinstance(value, Phrase):
        return english(value)
    if isinstance(value, Amount):
        number = str(value.rounded).replace("-", _MINUS)
        unit = UNIT_TEXT.get(value.unit, value.unit)
        return f"{number}{NBSP}{unit}"
    if isinstance(value, timedelta):
        return _span_in_english(value)
    if isinstance(value, tuple):
        return ", ".join(english(one) for one in value)
    return str(value)


def _span_in_english(span: timedelta) -> str:
    parts = span_parts(span)
    if len(parts) == 1 and parts[0][1] == "d":
        return "1 day" if parts[0][0] == 1 else f"{parts[0][0]} days"
    return " ".join(f"{number}{NBSP}{unit}" for number, unit in parts)


def _whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-6
