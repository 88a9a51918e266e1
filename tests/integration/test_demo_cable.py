"""The demo's cable: carries what is sent, and unplugged it is as silent as a dead line."""

import asyncio

import pytest

from hearthline_simulator.demo.cable import cable_to
from hearthline_simulator.demo.ports import LOOPBACK


async def test_it_carries_both_ways_until_it_is_unplugged_and_again_afterwards() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data.upper())
        writer.close()

    async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"hello")
        async with asyncio.timeout(15):
            return await reader.read(100)

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    async with server, cable_to(server.sockets[0].getsockname()[1]) as cable:
        reader, writer = await asyncio.open_connection(LOOPBACK, cable.port)
        assert await asked(reader, writer) == b"HELLO"

        await cable.unplug()
        async with asyncio.timeout(15):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        writer.close()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.open_connection(LOOPBACK, cable.port)

        await cable.plug_in()
        reader, writer = await asyncio.open_connection(LOOPBACK, cable.port)
        assert await asked(reader, writer) == b"HELLO"
        writer.close()
        await writer.wait_closed()


async def test_with_nobody_at_the_far_end_a_call_ends() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    async with cable_to(port) as cable:
        reader, writer = await asyncio.open_connection(LOOPBACK, cable.port)
        async with asyncio.timeout(15):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        writer.close()
