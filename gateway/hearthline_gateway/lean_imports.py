"""Keeps libraries out of the process that other libraries would take along though nobody here uses them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def leave_out(*names: str) -> Iterator[None]:
    """Within, these optional modules count as not installed. One that is loaded already stays as it is."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is how Python notes "not there"
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
