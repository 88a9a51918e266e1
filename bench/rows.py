"""What every benchmark prints: rows of a name, a value with its unit, and the aim it is held against."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_DIGITS: Final = 4
_THOUSAND: Final = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. The ``aim`` is an upper bound in the same unit, a lower one where ``more_is_better``; None where
    there is none."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    more_is_better: bool = False

    @property
    def ok(self) -> bool | None:
        """Whether the aim is met; None where there is none."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.more_is_better else self.value < self.aim

    def as_json(self) -> dict[str, Any]:
        """The row as every benchmark's ``--json`` writes it, the value to four significant digits."""
        value = float(f"{self.value:.{_DIGITS}g}")
        return {"name": self.name, "value": value, "unit": self.unit, "aim": self.aim, "ok": self.ok}


def as_json(rows: Sequence[Row]) -> str:
    """One JSON object: ``{"rows": [{"name", "value", "unit", "aim", "ok"}]}``."""
    return json.dumps({"rows": [row.as_json() for row in rows]})


def as_table(rows: Sequence[Row]) -> str:
    """One line a row, for a person."""
    width = max((len(row.name) for row in rows), default=0)
    return "\n".join(
        f"{row.name:<{width}}  {as_number(row.value):>8} {row.unit:<3} {_verdict(row)}".rstrip() for row in rows
    )


def as_number(value: float) -> str:
    """Four significant digits; from a thousand on whole, with commas."""
    return f"{value:,.0f}" if abs(value) >= _THOUSAND else f"{value:.{_DIGITS}g}"


def missed(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Those whose aim is not met."""
    return tuple(row for row in rows if row.ok is False)


def _verdict(row: Row) -> str:
    if row.aim is None:
        return ""
    return f"aim {'>=' if row.more_is_better else '<'} {as_number(row.aim)}: {'met' if row.ok else 'MISSED'}"
