"""Takes a port for the web site, and says clearly when it cannot."""

import errno
import socket
from typing import Final

from hearthline_backend.errors import HearthlineError

SEARCHED: Final = 50
"""How many ports above the wanted one are tried."""
INSTEAD: Final = "another port with --port N (0: any free one), or let the next free one be found with --port-search"


class PortTakenError(HearthlineError):
    """Somebody else listens there."""

    def __init__(self, host: str, port: int, instead: str) -> None:
        super().__init__(f"port {port} on {host} is taken by another program. End that one, or choose {instead}.")
        self.host = host
        self.port = port


class AddressNotOursError(HearthlineError):
    """The host is not an address of this machine, or the port needs more rights."""


def listen(host: str, port: int, *, search: bool = False, instead: str = INSTEAD) -> socket.socket:
    """A listening socket on ``port``, or with ``search`` on the first free one from there on. ``instead`` is what to
    choose where the port is taken.

    Raises :class:`PortTakenError`, :class:`AddressNotOursError`.
    """
    last = port + SEARCHED if search and port else port
    for candidate in range(port, min(last, 65535) + 1):
        try:
            return _bind(host, candidate, instead)
        except PortTakenError:
            continue
    raise PortTakenError(host, port, instead)


def _bind(host: str, port: int, instead: str) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressNotOursError(f"cannot listen on {host}: {error.strerror}. Check http_host.") from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(128)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(host, port, instead) from None
        raise AddressNotOursError(f"cannot listen on {host} port {port}: {error.strerror}.") from None
    return sock
