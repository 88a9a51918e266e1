"""How long to wait before the next try: quickly at first, then patiently, never in step with others."""

import random
from collections.abc import Iterator
from typing import Final

FIRST_S: Final = 0.1
EAGER_CAP_S: Final = 1.0
"""While a broker may just be restarting; it is found within about a second."""
EAGER_TRIES: Final = 60
PATIENT_CAP_S: Final = 10.0
_JITTER: Final = random.Random()  # noqa: S311  # not a secret


def delays(rng: random.Random = _JITTER) -> Iterator[float]:
    """Endless waiting times in seconds, each between half of its step and the whole, as ``rng`` has it."""
    tries = 0
    while True:
        cap = EAGER_CAP_S if tries < EAGER_TRIES else PATIENT_CAP_S
        step = min(FIRST_S * 2 ** min(tries, 10), cap)
        yield step * rng.uniform(0.5, 1.0)
        tries += 1
