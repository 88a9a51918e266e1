"""What time it is, and whether that can be believed. Asked of the kernel, never guessed from the year.

A Raspberry Pi has no clock that runs while it is off. From its start until the kernel says that the time is
synchronised, this module counts from :data:`BOOT`: a moment before :data:`COUNTED_UNTIL` is no date but so many seconds
since this boot (CLOCK_BOOTTIME), which no step of the machine's clock can disturb. Once the kernel was synchronised the
time stays known until the next boot: a home that is cut off from its time server goes on by what it learned.
"""

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from hearthline_gateway.frame import BootMoment

BOOT: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the moment of the boot while that moment is not known."""
COUNTED_UNTIL: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing runs for thirty years without a reboot."""
NEVER_BEFORE: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""No gateway of this software ran before: a clock that shows less is wrong, whatever anybody says of it."""

_TIME_ERROR: Final = 5
"""``adjtimex`` answers this while the clock is not synchronised (adjtimex(2))."""
_TIMEX_BYTES: Final = 512
"""More than ``struct timex`` takes on any machine (208 on 64 bit); zeroed, its ``modes`` of 0 only reads."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Kernel(Protocol):
    """What the kernel knows of time."""

    @property
    def boot_id(self) -> str:
        """Another one after every boot."""

    def shown(self) -> datetime:
        """What the machine's clock shows, right or wrong, in UTC."""

    def since_boot(self) -> float:
        """Seconds since the boot, those asleep included. Never steps."""

    def synchronised(self) -> bool | None:
        """True while the clock is disciplined by a time source; None where the kernel cannot be asked."""


class LinuxKernel:
    """The kernel that this process runs on."""

    @property
    def boot_id(self) -> str:
        """``/proc/sys/kernel/random/boot_id``."""
        return _boot_id()

    def shown(self) -> datetime:
        """CLOCK_REALTIME."""
        return datetime.now(UTC)

    def since_boot(self) -> float:
        """CLOCK_BOOTTIME."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def synchronised(self) -> bool | None:
        """``adjtimex``."""
        adjtimex = _adjtimex()
        if adjtimex is None:
            return None
        state = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return None if state < 0 else state != _TIME_ERROR


@cache
def _boot_id() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip()


@cache
def _adjtimex() -> Callable[[object], int] | None:
    found: Callable[[object], int] | None = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    return found


class Clock:
    """The time as every part of the gateway reads it.

    ``trust`` takes the machine's clock as right though the kernel does not say so. Waits go by the event loop's clock,
    which is monotonic, never by this one.
    """

    def __init__(self, kernel: Kernel | None = None, *, trust: bool = False) -> None:
        self._kernel: Kernel = kernel if kernel is not None else LinuxKernel()
        self._trust = trust
        self._began: datetime | None = None

    @property
    def boot_id(self) -> str:
        """Which boot this is."""
        return self._kernel.boot_id

    @property
    def boot_began(self) -> datetime | None:
        """When this boot was, as well as it is known now; None while the time is not known."""
        shown = self._kernel.shown()
        if shown >= NEVER_BEFORE and (self._trust or self._kernel.synchronised() is True):
            self._began = shown - timedelta(seconds=self._kernel.since_boot())
        return self._began

    @property
    def trusted(self) -> bool:
        """Whether the time is known."""
        return self.boot_began is not None

    def now(self) -> datetime:
        """The time in UTC, or, while it is not known, :data:`BOOT` and the seconds since the boot."""
        began = self.boot_began
        return (BOOT if began is None else began) + timedelta(seconds=self._kernel.since_boot())

    def moment(self) -> BootMoment:
        """Now, by the boot."""
        return BootMoment(self.boot_id, self._kernel.since_boot())

    def resume(self, boot_id: str, began: datetime) -> None:
        """An earlier process learned when the boot of that id was: if it is this boot, the time is known still."""
        if boot_id == self.boot_id and not self.trusted:
            self._began = began

    def since_boot(self, moment: datetime) -> BootMoment | None:
        """A moment that :meth:`now` gave in this boot, by the boot; None where it has a date."""
        return BootMoment(self.boot_id, seconds(moment)) if counted(moment) else None


def counted(moment: datetime) -> bool:
    """Whether a moment is not a date but so long after its boot."""
    return moment < COUNTED_UNTIL


def seconds(moment: datetime) -> float:
    """How long after its boot a counted moment was."""
    return (moment - BOOT).total_seconds()


def clock_synchronised() -> bool | None:
    """The kernel's own word, for one who only looks: see :meth:`Kernel.synchronised`."""
    return LinuxKernel().synchronised()
