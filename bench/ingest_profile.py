"""``python -m bench.ingest_profile FILE serve``: the backend, and every millisecond of processor time a look at what it
is doing. Writes processor seconds by step to FILE as JSON when it is asked to.

Coarse on purpose: the innermost line of ours in the main thread decides the step, and what that thread has spent since
the last look counts for it; other threads are counted whole, by their name, from the kernel's figures.
"""

import json
import signal
import sys
import threading
import time
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
    ("storage.record_rows", "records"),
    ("storage.utc_date_time", "records"),
    ("storage.patient_reading", "decode"),
    ("storage.schema", "records"),
    ("storage.", "store"),
    ("alerting.", "judge"),
    ("domain.", "judge"),
    ("ingest.", "settle and receipt"),
)
_LIBRARIES: Final = {"sqlalchemy": "records", "aiosqlite": "records", "asyncpg": "records"}
"""Where a greenlet hides who called."""
OTHER: Final = "loop and everything else"
_THREADS: Final = (("readings-writer", "store, its writer thread"), ("readings-reader", "store, its reader threads"))
RECORDS_THREADS: Final = "records, their threads"
_PREFIX: Final = "hearthline_backend."


def step_of(module: str) -> str:
    """The step a module of the backend belongs to."""
    name = module.removeprefix(_PREFIX)
    return next((step for prefix, step in _STEPS if name.startswith(prefix)), OTHER)


class Looks:
    """Processor seconds of the main thread by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.thread_time()

    def forget(self) -> None:
        """Begin again."""
        self.seconds.clear()
        self._last = time.thread_time()

    def __call__(self, _number: int, frame: FrameType | None) -> None:
        """One look."""
        found = OTHER
        while frame is not None:
            module = frame.f_globals.get("__name__", "")
            if module.startswith(_PREFIX):
                found = step_of(module)
                break
            found = _LIBRARIES.get(module.partition(".")[0], found)
            frame = frame.f_back
        now = time.thread_time()
        self.seconds[found] = self.seconds.get(found, 0.0) + now - self._last
        self._last = now


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
    threads_before: dict[str, float] = {}

    def forget(*_: object) -> None:
        looks.forget()
        threads_before.clear()
        threads_before.update(_threads())

    def write(*_: object) -> None:
        threads = {step: spent - threads_before.get(step, 0.0) for step, spent in _threads().items()}
        half = target.with_suffix(".half")
        half.write_text(json.dumps(looks.seconds | threads))
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
