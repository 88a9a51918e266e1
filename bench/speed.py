"""How often a second something can be done."""

import gc
import time
from collections.abc import Callable
from typing import Final

_BATCH_S: Final = 0.002


def times_a_second(work: Callable[[], object], seconds: float) -> float:
    """The best of several batches within ``seconds`` of processor time of this thread: what the code costs, without the
    neighbours. Garbage collection is held off meanwhile."""
    batch = _batch(work)
    best, spent = float("inf"), 0.0
    gc.collect()
    gc.disable()
    try:
        while spent < seconds:
            began = time.thread_time()
            for _ in range(batch):
                work()
            took = time.thread_time() - began
            best, spent = min(best, took), spent + took
    finally:
        gc.enable()
    return batch / best


def _batch(work: Callable[[], object]) -> int:
    """So many that the clock's own step no longer matters."""
    count = 1
    while True:
        began = time.thread_time()
        for _ in range(count):
            work()
        if time.thread_time() - began >= _BATCH_S:
            return count
        count *= 2
