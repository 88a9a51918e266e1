"""What a process and its children hold and have used, as the kernel counts it."""

from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True, slots=True)
class Memory:
    """In MB (10^6 bytes): resident, and the proportional set, which counts a page that several processes share once
    for all of them."""

    resident_mb: float
    proportional_mb: float


def memory_of(pid: int) -> Memory:
    """Of one process, without its children. Raises ``psutil.NoSuchProcess``."""
    full = psutil.Process(pid).memory_full_info()
    return Memory(full.rss / _MEGABYTE, full.pss / _MEGABYTE)


def processor_s(pid: int) -> float:
    """Processor time of its living threads since they began, in seconds, to the nanosecond. Raises
    ``psutil.NoSuchProcess``."""
    try:
        spent = [int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()]
    except FileNotFoundError as error:
        raise psutil.NoSuchProcess(pid) from error
    return sum(spent) / 1e9


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
