"""The wire to InfluxDB: the official async client, a time limit on every call, and every failure in words."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.rest import ApiException
from influxdb_client.service.delete_service import DeleteService
from influxdb_client.service.query_service import QueryService
from influxdb_client.service.write_service import WriteService

from hearthline_backend.storage.influxdb import flux
from hearthline_backend.storage.influxdb.address import InfluxAddress
from hearthline_backend.storage.influxdb.flux import Value
from hearthline_backend.storage.influxdb.retry_after import RetryAfter
from hearthline_backend.storage.ports import StoreUnavailableError

CONNECT_WITHIN_S: Final = 5.0
WRITE_WITHIN_S: Final = 15.0
QUERY_WITHIN_S: Final = 30.0
DELETE_WITHIN_S: Final = 60.0
_CONNECTIONS: Final = 20
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
    "timeout": "it did not get done within its own time limit; look at its disk and its load",
    "no space left on device": "its disk is full; make room",
    "field type conflict": "a field of the measurement reading has another type; use a bucket of Hearthline's own",
    "retention policy": "the bucket forgets what is old; set its retention to forever",
    "max-series": "it refuses more series; raise its limits",
}
"""Parts of what the server says. Its own sentences are never repeated: they may hold what was measured."""


class RefusedError(StoreUnavailableError):
    """The server answered, and did not do it. ``status`` is HTTP's; ``wait_s`` is how long it wants to be left alone,
    where it was not even asked for that."""

    def __init__(self, status: int, base: str, said: str, *, wait_s: float = 0.0) -> None:
        lower = said.lower()
        known = next((why for part, why in _COMPLAINTS.items() if part in lower), None)
        text = f"InfluxDB at {base} answered {status}: {known or _REFUSED.get(status, 'look at its log')}"
        super().__init__(f"{text}; it is asked again in {wait_s:.0f} s" if wait_s else text)
        self.status = status


class InfluxConnection:
    """Speaks for one bucket. Every method raises :class:`StoreUnavailableError`."""

    def __init__(self, address: InfluxAddress, client: InfluxDBClientAsync) -> None:
        self.address = address
        self._client = client
        self._api: Any = client.api_client
        self._queries: Any = QueryService(self._api)
        self._writes: Any = WriteService(self._api)
        self._deletes: Any = DeleteService(self._api)
        self._waits = RetryAfter()
        self._bucket = {"org": address.organisation, "bucket": address.bucket}

    @classmethod
    def open(cls, address: InfluxAddress, token: str, *, ca_file: Path | None = None) -> Self:
        """Connects when it is first used. Call it in the event loop that uses it."""
        client: Any = InfluxDBClientAsync  # its own types leave out what it takes
        return cls(
            address,
            client(
                address.base,
                token=token,
                org=address.organisation,
                timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_WITHIN_S),
                ssl_context=ssl.create_default_context(cafile=ca_file),
                connection_pool_maxsize=_CONNECTIONS,
            ),
        )

    async def write(self, lines: bytes) -> None:
        """Points in line protocol; they are on the server's disk when it returns."""
        text = "text/plain; charset=utf-8"
        await self._ask(
            "write",
            WRITE_WITHIN_S,
            lambda: self._writes.post_write_async(**self._bucket, body=lines, precision="ns", content_type=text),
        )

    async def query(self, text: str, values: Mapping[str, Value]) -> str:
        """Ask in Flux, see :mod:`.flux`; the answer as CSV."""
        body = flux.request(text, {"bucket": self.address.bucket, **values})
        return await self._ask(
            "query",
            QUERY_WITHIN_S,
            lambda: self._queries.post_query_async(
                org=self.address.organisation, query=body, _preload_content=False, _return_http_data_only=True
            ),
        )

    async def delete(self, predicate: str, start: str, stop: str) -> None:
        """Delete what has these tags from ``start`` to ``stop``, both included."""
        body = {"start": start, "stop": stop, "predicate": predicate}
        await self._ask(
            "delete",
            DELETE_WITHIN_S,
            lambda: self._deletes.post_delete_async(delete_predicate_request=body, **self._bucket),
        )

    async def get(self, path: str, params: Mapping[str, str]) -> str:
        """Ask the server about itself."""
        return await self._plain("GET", path, list(params.items()), None)

    async def post(self, path: str, body: Any) -> str:
        """Have the server make something."""
        return await self._plain("POST", path, [], body)

    async def patch(self, path: str, body: Any) -> str:
        """Have the server change something."""
        return await self._plain("PATCH", path, [], body)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def _plain(self, method: str, path: str, params: list[tuple[str, str]], body: Any) -> str:
        return await self._ask(
            "administration",
            QUERY_WITHIN_S,
            lambda: self._api.call_api(
                path,
                method,
                query_params=params,
                header_params={"Accept": "application/json", "Content-Type": "application/json"},
                body=body,
                _preload_content=False,
                _return_http_data_only=True,
            ),
        )

    async def _ask(self, what: str, within_s: float, call: Callable[[], Awaitable[Any]]) -> str:
        wait_s, status = self._waits.left_s(what)
        if wait_s:
            raise RefusedError(status, self.address.base, "", wait_s=wait_s)
        try:
            async with asyncio.timeout(within_s):
                try:
                    return await self._answer(what, await call())
                except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                    # A connection kept since before a restart. Everything we ask may be asked twice.
                    return await self._answer(what, await call())
        except TimeoutError:
            why = f"did not answer within {within_s:g} s; look at its load and its disk"
            raise StoreUnavailableError(f"InfluxDB at {self.address.base} {why}") from None
        except ApiException as error:
            self._waits.heard(what, error.status or 0, error.retry_after)
            said = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else str(error.body)
            raise RefusedError(error.status or 0, self.address.base, said[:_MOST_OF_A_COMPLAINT]) from None
        except aiohttp.ClientSSLError:
            why = "is not who it should be by its certificate; name who signed it in influxdb_ca_file"
            raise StoreUnavailableError(f"InfluxDB at {self.address.base} {why}") from None
        except (aiohttp.ClientError, OSError) as error:
            why = f"cannot be reached ({type(error).__name__}); is it running, and is readings_url right?"
            raise StoreUnavailableError(f"InfluxDB at {self.address.base} {why}") from None

    async def _answer(self, what: str, answer: Any) -> str:
        """The text of an answer that was not read yet; nothing where the client has done with it."""
        if not isinstance(answer, aiohttp.ClientResponse):
            return ""
        async with answer:
            if answer.status < 300:
                return await answer.text()
            self._waits.heard(what, answer.status, answer.headers.get("Retry-After"))
            said = (await answer.content.read(_MOST_OF_A_COMPLAINT)).decode("utf-8", "replace")
            raise RefusedError(answer.status, self.address.base, said)
