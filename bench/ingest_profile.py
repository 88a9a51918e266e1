"""``python -m bench.ingest_profile FILE serve``: the backend, and every millisecond of processor time a look at what it
is doing. Writes processor seconds by step to FILE as JSON when it is asked to.

Coarse on purpose: the innermost line of ours in the main thread decides the step; other threads are counted whole, by
their name, from the kernel's figures.
"""

import json
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

from hearthline_backend.cli import main

LOOK_EVERY_S: Final = 0.001
_STEPS: Final = (
    ("uplink.", "receive, acknowledge, send"),
    ("ingest.quick_batch", "decode"),
    ("ingest.batch", "decode"),
    ("ingest.parcel", "decode"),
    ("ingest.arrival", "decode"),
    ("ingest.plausibility", "decode"),
    ("quick_reading", "decode"),
    ("ingest.ownership", "whose"),
    ("ingest.homes_memory", "whose"),
    ("ingest.whose", "whose"),
    ("ingest.usual_weights", "whose"),
    ("storage.records", "records"),
    ("storage.schema", "records"),
    ("storage.", "store"),
    ("alerting.", "judge"),
    ("domain.", "judge"),
    ("ingest.", "settle and receipt"),
)
OTHER: Final = "loop and everything else"
_THREADS: Final = (("readings-writer", "store, its writer thread"), ("readings-reader", "store, its reader threads"))
RECORDS_THREADS: Final = "records, their threads"
_PREFIX: Final = "hearthline_backend."


def step_of(module: str) -> str:
    """The step a module of the backend belongs to."""
    name = module.removeprefix(_PREFIX)
    return next((step for prefix, step in _STEPS if name.startswith(prefix)), OTHER)


class Looks:
    """Where the main thread was found, how often."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, _number: int, frame: FrameType | None) -> None:
        """One look."""
        while frame is not None:
            module = frame.f_globals.get("__name__", "")
            if module.startswith(_PREFIX):
                self.counts[step_of(module)] += 1
                return
            frame = frame.f_back
        self.counts[OTHER] += 1


def _threads() -> dict[str, float]:
    """Processor seconds of every other thread that lives, by what it is for."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    found: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        number = int(task.name)
        if number == threading.main_thread().native_id:
            continue
        name = names.get(number, "")
        step = next((step for prefix, step in _THREADS if name.startswith(prefix)), RECORDS_THREADS)
        found[step] = found.get(step, 0.0) + int((task / "schedstat").read_text().split()[0]) / 1e9
    return found


def profile(target: Path) -> None:
    """Run the command in ``sys.argv``; its steps go to ``target``. SIGUSR1 forgets what was seen so far: it is sent
    when the start is over. SIGUSR2 writes."""
    looks = Looks()
    began = [0.0]
    threads_before: dict[str, float] = {}

    def forget(*_: object) -> None:
        looks.counts.clear()
        began[0] = time.thread_time()
        threads_before.clear()
        threads_before.update(_threads())

    def write(*_: object) -> None:
        main_s, total = time.thread_time() - began[0], sum(looks.counts.values()) or 1
        steps = {step: main_s * count / total for step, count in looks.counts.items()}
        steps |= {step: cpu - threads_before.get(step, 0.0) for step, cpu in _threads().items()}
        half = target.with_suffix(".half")
        half.write_text(json.dumps(steps))
        half.rename(target)

    signal.signal(signal.SIGPROF, looks)
    signal.signal(signal.SIGUSR1, forget)
    signal.signal(signal.SIGUSR2, write)
    signal.setitimer(signal.ITIMER_PROF, LOOK_EVERY_S, LOOK_EVERY_S)
    main()


if __name__ == "__main__":
    out = Path(sys.argv[1])
    sys.argv = ["hearthline", *sys.argv[2:]]
    profile(out)
