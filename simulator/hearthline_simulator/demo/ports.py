"""Free loopback ports."""

import errno
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_TRIES: Final = 200


class NoFreePortError(Exception):
    """Every port that was tried is taken."""


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def first_free_port(wanted: int) -> int:
    """``wanted``, or the next port after it that can be bound on the loopback address."""
    for port in range(wanted, min(wanted + _TRIES, 65_536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
            else:
                return port
    raise NoFreePortError(f"ports {wanted} to {wanted + _TRIES - 1} are taken: name another one with --port")
