"""Where InfluxDB is, as the setting ``readings_url`` says it: ``influxdb://host:8086/organisation/bucket``."""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote, urlsplit

EXAMPLE: Final = "influxdb://127.0.0.1:8086/organisation/bucket"
SCHEMES: Final = {"influxdb": "http", "influxdbs": "https"}
"""Of the setting, and what is spoken then."""
_PORT: Final = 8086


@dataclass(frozen=True, slots=True)
class InfluxAddress:
    """``base`` is the server's web address, such as ``http://127.0.0.1:8086``. No token: that has a file of its own."""

    base: str
    organisation: str
    bucket: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises ValueError that says what was expected and repeats nothing, for a password may stand in it."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORT
        except ValueError:
            raise ValueError(f"an address such as {EXAMPLE}") from None
        names = parts.path.strip("/").split("/")
        if parts.scheme not in SCHEMES or not parts.hostname or len(names) != 2 or not all(names):
            raise ValueError(f"an address such as {EXAMPLE}, or influxdbs:// with TLS")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("no user and no options in the address; the token stands in influxdb_token_file")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return cls(f"{SCHEMES[parts.scheme]}://{host}:{port}", unquote(names[0]), unquote(names[1]))
