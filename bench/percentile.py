"""Percentiles by nearest rank: always a value that was measured, never one in between."""

import math
from collections.abc import Iterable


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that at least ``percent`` (above 0, at most 100) of all values do not exceed.

    Of 200 values p99 is the 198th, of 20 it is the largest. Raises ``ValueError`` where there is no value.
    """
    if not 0 < percent <= 100:
        raise ValueError(f"a percentile lies above 0 and at most at 100, not at {percent}")
    ordered = sorted(values)
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    rank = max(1, math.ceil(len(ordered) * percent / 100))  # a tiny percentage may round to rank 0
    return ordered[rank - 1]
