"""What a process and its children hold and have used, as the kernel counts it."""

from dataclasses import dataclass
from typing import Final

import psutil

_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Resident memory now, in MB (10^6 bytes), and processor time since the start, user and system, in seconds."""

    resident_mb: float
    cpu_s: float

    def cpu_ms_since(self, before: "Usage") -> float:
        """Processor time between two looks, in milliseconds."""
        return (self.cpu_s - before.cpu_s) * 1000


def usage_of(pid: int) -> Usage:
    """The process and every child it has, those included that have ended. Raises ``psutil.NoSuchProcess``."""
    process = psutil.Process(pid)
    resident, cpu = _of_one(process)
    for child in process.children(recursive=True):
        try:
            more_resident, more_cpu = _of_one(child)
        except psutil.NoSuchProcess:  # ended between two lines; its parent's count has it from now on
            continue
        resident, cpu = resident + more_resident, cpu + more_cpu
    return Usage(resident / _MEGABYTE, cpu)


def _of_one(process: psutil.Process) -> tuple[int, float]:
    times = process.cpu_times()
    cpu = times.user + times.system + times.children_user + times.children_system
    return process.memory_info().rss, cpu
