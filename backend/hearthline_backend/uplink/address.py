"""Where the broker is and how to sign in to it."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class BrokerAddressError(ValueError):
    """A broker's URL that cannot be used; says what was expected. Never repeats the URL, which may hold a password."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """One broker. ``username`` None means anonymous."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None

    @classmethod
    def parse(
        cls, url: str, *, username: str | None = None, password: str | None = None, ca_file: Path | None = None
    ) -> Self:
        """Read ``mqtt://host[:1883]`` or ``mqtts://host[:8883]``. Secrets come from their own settings, not the URL."""
        expected = "a broker is given as mqtt://host:1883, or mqtts://host:8883 with TLS"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise BrokerAddressError(expected) from None
        if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/"):
            raise BrokerAddressError(expected)
        if parts.username or parts.password:
            raise BrokerAddressError("the broker's user and password are settings of their own, not part of its URL")
        return cls(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "mqtts", username, password, ca_file)

    def tls_context(self) -> ssl.SSLContext | None:
        """The broker's certificate is always checked."""
        return ssl.create_default_context(cafile=self.ca_file) if self.tls else None
