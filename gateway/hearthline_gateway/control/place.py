"""Where the control socket is. A path in the file system, however long: the kernel itself takes 107 bytes at most."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

FILE_NAME: Final = "control.sock"
LONGEST_LINE: Final = 1024 * 1024
"""Bytes of one request or answer."""
_LONGEST_PATH: Final = 100


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """The path in a form that the kernel takes as a socket's address. Raises ``OSError`` where its folder is not
    there."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
