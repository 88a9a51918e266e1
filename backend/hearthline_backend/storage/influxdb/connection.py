"""The wire to InfluxDB: one keep-alive session, a time limit on every call, and every failure in words."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

from hearthline_backend.storage.influxdb import flux
from hearthline_backend.storage.influxdb.address import InfluxAddress
from hearthline_backend.storage.influxdb.flux import Value
from hearthline_backend.storage.ports import StoreUnavailableError

CONNECT_WITHIN_S: Final = 5.0
WRITE_WITHIN_S: Final = 15.0
QUERY_WITHIN_S: Final = 30.0
DELETE_WITHIN_S: Final = 60.0
_CONNECTIONS: Final = 20
_PIECE_BYTES: Final = 256 * 1024
_MOST_OF_A_COMPLAINT: Final = 4096

_REFUSED: Final[Mapping[int, str]] = {
    401: "it does not know the token; put one that may read and write the bucket into influxdb_token_file",
    403: "the token may not do this; give it read and write access to the bucket",
    404: "it has no such organisation or bucket; compare readings_url with its buckets",
    413: "the batch is larger than it takes; raise http-max-body-size or what stands in between",
    429: "it takes no more just now; give it more processor, memory or disk",
    503: "it is starting, or takes no more just now; look at its log",
}
_COMPLAINTS: Final[Mapping[str, str]] = {
    "no space left on device": "its disk is full; make room",
    "field type conflict": "a field of the measurement reading has another type; use a bucket of Hearthline's own",
    "retention policy": "the bucket forgets what is old; set its retention to forever",
    "max-series": "it refuses more series; raise its limits",
}
"""Parts of what the server says. Its own sentences are never repeated: they may hold what was measured."""


class RefusedError(StoreUnavailableError):
    """The server answered, and did not do it. ``status`` is HTTP's."""

    def __init__(self, status: int, base: str, said: str) -> None:
        lower = said.lower()
        known = next((why for part, why in _COMPLAINTS.items() if part in lower), None)
        super().__init__(f"InfluxDB at {base} answered {status}: {known or _REFUSED.get(status, 'look at its log')}")
        self.status = status


class InfluxConnection:
    """Speaks for one bucket. Every method raises :class:`StoreUnavailableError`."""

    def __init__(self, address: InfluxAddress, token: str, session: aiohttp.ClientSession) -> None:
        self.address = address
        self._session = session
        self._headers = {"Authorization": f"Token {token}", "Accept-Encoding": "identity"}
        self._write_to = {"org": address.organisation, "bucket": address.bucket, "precision": "ns"}

    @classmethod
    def open(cls, address: InfluxAddress, token: str, *, ca_file: Path | None = None) -> "InfluxConnection":
        """Connects when it is first used. Call it in the event loop that uses it."""
        tls = True if ca_file is None else _trusting(ca_file)
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=tls)
        return cls(address, token, aiohttp.ClientSession(connector=connector))

    async def write(self, lines: bytes) -> None:
        """Points in line protocol; they are on the server's disk when it returns."""
        await self._ask("POST", "/api/v2/write", WRITE_WITHIN_S, self._write_to, lines)

    async def query(self, text: str, values: Mapping[str, Value]) -> str:
        """Ask in Flux, see :mod:`.flux`; the answer as CSV."""
        body = flux.request(text, {"bucket": self.address.bucket, **values})
        where = {"org": self.address.organisation}
        return await self._ask("POST", "/api/v2/query", QUERY_WITHIN_S, where, json.dumps(body).encode())

    async def delete(self, predicate: str, start: str, stop: str) -> None:
        """Delete what has these tags from ``start`` to ``stop``, both included."""
        where = {"org": self.address.organisation, "bucket": self.address.bucket}
        body = {"start": start, "stop": stop, "predicate": predicate}
        await self._ask("POST", "/api/v2/delete", DELETE_WITHIN_S, where, json.dumps(body).encode())

    async def get(self, path: str, params: Mapping[str, str]) -> str:
        """Ask the server about itself."""
        return await self._ask("GET", path, QUERY_WITHIN_S, params)

    async def post(self, path: str, body: Any) -> str:
        """Have the server make something."""
        return await self._ask("POST", path, QUERY_WITHIN_S, {}, json.dumps(body).encode())

    async def patch(self, path: str, body: Any) -> str:
        """Have the server change something."""
        return await self._ask("PATCH", path, QUERY_WITHIN_S, {}, json.dumps(body).encode())

    async def close(self) -> None:
        """Give the connections back."""
        await self._session.close()

    async def _ask(
        self, method: str, path: str, within_s: float, params: Mapping[str, str], body: bytes | None = None
    ) -> str:
        try:
            try:
                return await self._send(method, path, within_s, params, body)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                # A connection kept since before a restart. Everything we ask may be asked twice.
                return await self._send(method, path, within_s, params, body)
        except TimeoutError:
            why = f"did not answer within {within_s:g} s; look at its load and its disk"
            raise StoreUnavailableError(f"InfluxDB at {self.address.base} {why}") from None
        except aiohttp.ClientSSLError:
            why = "is not who it should be by its certificate; name who signed it in influxdb_ca_file"
            raise StoreUnavailableError(f"InfluxDB at {self.address.base} {why}") from None
        except (aiohttp.ClientError, OSError) as error:
            why = f"cannot be reached ({type(error).__name__}); is it running, and is readings_url right?"
            raise StoreUnavailableError(f"InfluxDB at {self.address.base} {why}") from None

    async def _send(
        self, method: str, path: str, within_s: float, params: Mapping[str, str], body: bytes | None
    ) -> str:
        headers, data = self._headers, None
        if body is not None:
            headers, data = {**headers, "Content-Length": str(len(body))}, _in_pieces(body)
        limit = aiohttp.ClientTimeout(total=within_s, sock_connect=CONNECT_WITHIN_S)
        url = self.address.base + path
        async with self._session.request(
            method, url, headers=headers, timeout=limit, params=params, data=data
        ) as answer:
            if answer.status < 300:
                return await answer.text()
            said = (await answer.content.read(_MOST_OF_A_COMPLAINT)).decode("utf-8", "replace")
            raise RefusedError(answer.status, self.address.base, said)


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """So that a large one gives way to others between its pieces."""
    for start in range(0, len(body), _PIECE_BYTES):
        yield body[start : start + _PIECE_BYTES]


def _trusting(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
