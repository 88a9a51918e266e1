"""Where the broker is and how to prove who we are."""

import ssl
from dataclasses import dataclass
from pathlib import Path


class _HandshakeSocket(ssl.SSLSocket):
    """Closed when its handshake fails, which paho leaves to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker. Password and certificates are read from their files at every connect, so that they can be renewed."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def place(self) -> str:
        """Host and port for messages."""
        return f"{self.host}:{self.port}"

    def password(self) -> str | None:
        """The first line of the password file."""
        if self.password_file is None:
            return None
        lines = self.password_file.read_text(encoding="utf-8").splitlines()
        return lines[0] if lines else ""

    def context(self) -> ssl.SSLContext | None:
        """The TLS settings; the broker's certificate is always checked."""
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        context.sslsocket_class = _HandshakeSocket
        if self.cert_file is not None:
            context.load_cert_chain(str(self.cert_file), str(self.key_file) if self.key_file else None)
        return context
