"""Whether the kernel believes this machine's clock. Asked of the kernel, never guessed from the year."""

import ctypes
from typing import Final

_TIME_ERROR: Final = 5
"""``adjtimex`` answers this while the clock is not synchronised (adjtimex(2))."""
_TIMEX_BYTES: Final = 512
"""More than ``struct timex`` takes on any machine (208 on 64 bit); zeroed, its ``modes`` of 0 only reads."""


def clock_synchronised() -> bool | None:
    """True once the kernel says that the time is synchronised; None where it cannot be asked."""
    adjtimex = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    if adjtimex is None:
        return None
    state: int = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR
