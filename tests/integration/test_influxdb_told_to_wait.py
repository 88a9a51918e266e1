"""A server that answers 429 or 503 and says for how long is left alone for that time, and believed no longer."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from hearthline_backend.storage.influxdb import flux, retry_after
from hearthline_backend.storage.influxdb.address import InfluxAddress
from hearthline_backend.storage.influxdb.connection import InfluxConnection, RefusedError
from hearthline_backend.storage.influxdb.retry_after import LONGEST_S, RetryAfter


class BusyServer:
    """Answers as it is told to, and counts what it was asked."""

    def __init__(self) -> None:
        self.answers: Iterator[tuple[int, dict[str, str]]] = iter(())
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        """One request, the next answer; 204 where there is none."""
        self.asked.append(request.path)
        status, headers = next(self.answers, (204, {}))
        return web.Response(status=status, headers=headers, body=b"{}" if status != 204 else None)


@asynccontextmanager
async def busy() -> AsyncIterator[tuple[BusyServer, InfluxConnection]]:
    """A server of this kind on a port of its own, and a connection to it."""
    server = BusyServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    connection = InfluxConnection.open(InfluxAddress.parse(f"influxdb://127.0.0.1:{port}/org/bucket"), "token")
    try:
        yield server, connection
    finally:
        await connection.close()
        await runner.cleanup()


@pytest.mark.parametrize("status", [429, 503])
async def test_what_was_told_to_wait_is_not_asked_before_its_time(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async with busy() as (server, connection):
        server.answers = iter([(status, {"Retry-After": "7"})])
        with pytest.raises(RefusedError, match=str(status)):
            await connection.write(b"line")
        for _ in range(3):
            with pytest.raises(RefusedError, match=f"{status}.* asked again in [67] s") as told:
                await connection.write(b"line")
            assert told.value.status == status
        assert server.asked == ["/api/v2/write"]
        await connection.query(flux.WINDOW, {"patient": "p", "kind": "k", "start": 0, "stop": 1})
        assert server.asked == ["/api/v2/write", "/api/v2/query"]
        later = time.monotonic() + 7.1
        monkeypatch.setattr(retry_after, "monotonic", lambda: later)
        await connection.write(b"line")
        assert server.asked[2:] == ["/api/v2/write"]


async def test_a_query_that_is_refused_for_a_while_is_heard_too() -> None:
    async with busy() as (server, connection):
        server.answers = iter([(503, {"Retry-After": "30"})])
        for _ in range(2):
            with pytest.raises(RefusedError, match="503"):
                await connection.query(flux.WINDOW, {"patient": "p", "kind": "k", "start": 0, "stop": 1})
        assert server.asked == ["/api/v2/query"]


async def test_an_answer_without_a_time_and_another_status_hold_nobody_up() -> None:
    async with busy() as (server, connection):
        server.answers = iter([(503, {}), (500, {"Retry-After": "30"}), (429, {"Retry-After": "soon"})])
        for status in (503, 500, 429):
            with pytest.raises(RefusedError, match=str(status)):
                await connection.write(b"line")
        await connection.write(b"line")
        assert len(server.asked) == 4


IN_2099 = "Wed, 23 Sep 2099 07:30:00 GMT"


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("3", 2.5, 3.0),
        (" 12 ", 11.5, 12.0),
        ("86400", LONGEST_S - 0.5, LONGEST_S),
        (IN_2099, LONGEST_S - 0.5, LONGEST_S),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0, 0.0),
        ("-5", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_the_header_is_read_as_http_writes_it(header: str, least: float, most: float) -> None:
    waits = RetryAfter()
    waits.heard("write", 503, header)
    left, _ = waits.left_s("write")
    assert least <= left <= most
    assert waits.left_s("query") == (0.0, 0)
