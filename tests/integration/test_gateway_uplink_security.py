"""The uplink at brokers that want to know who it is: TLS both ways, passwords, and plain words when they say no."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_gateway.uplink.broker_errors import LinkError
from hearthline_gateway.uplink.link import Link, Received
from tests.fixtures.broker import Broker, free_port, running_broker
from tests.fixtures.real_parts import require_program


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def _authority(folder: Path) -> Path:
    """A certificate authority, and certificates signed by it for ``localhost`` and for ``home-1``."""
    openssl = require_program("openssl")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    await _run(openssl, "req", "-x509", *curve, "-subj", "/CN=test-ca", "-keyout", str(ca_key), "-out", str(ca))
    for name in ("localhost", "home-1"):
        files = ("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem"))
        signed_by = ("-CA", str(ca), "-CAkey", str(ca_key), "-addext", f"subjectAltName=DNS:{name}")
        await _run(openssl, "req", "-x509", *curve, "-subj", f"/CN={name}", *signed_by, *files)
    return ca


@asynccontextmanager
async def linked(address: BrokerAddress) -> AsyncIterator[Link]:
    link = await Link.open(address, client_id="home-1", will_topic="will", will=b"")
    try:
        yield link
    finally:
        await link.close()


async def refusal(address: BrokerAddress) -> str:
    with pytest.raises(LinkError) as caught:
        async with linked(address):
            pass
    return str(caught.value)


async def _echoes(link: Link) -> None:
    """More messages than one read takes, each larger than a TLS record: none may get stuck in a buffer."""
    await link.subscribe("echo")
    sent = [bytes([number]) * 20_000 for number in range(20)]
    for payload in sent:
        link.publish("echo", payload)
    heard: list[bytes] = []
    async with asyncio.timeout(20):
        while len(heard) < len(sent):
            event = await link.next_event()
            if isinstance(event, Received):
                heard.append(event.payload)
    assert heard == sent


async def test_tls_with_our_own_certificate(tmp_path: Path) -> None:
    ca = await _authority(tmp_path)
    listener = (
        f"cafile {ca}",
        f"certfile {tmp_path}/localhost.pem",
        f"keyfile {tmp_path}/localhost.key",
        "require_certificate true",
        "use_identity_as_username true",
    )
    async with running_broker(tmp_path / "broker", options=("allow_anonymous false",), listener=listener) as broker:
        good = BrokerAddress(
            "localhost",
            broker.port,
            tls=True,
            ca_file=ca,
            cert_file=tmp_path / "home-1.pem",
            key_file=tmp_path / "home-1.key",
        )
        async with linked(good) as link:
            await _echoes(link)
        assert "certificate is not trusted" in await refusal(replace(good, ca_file=None))
        assert "mqtt.ca_file" in await refusal(replace(good, host="127.0.0.1")), "the certificate is for localhost"
        nobody = await refusal(replace(good, cert_file=None, key_file=None))
        assert "ended" in nobody or "mqtt.cert_file" in nobody, "the broker hangs up before or after our first word"


async def test_a_wrong_password_is_named_and_the_right_one_is_read_afresh(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts"
    await _run(require_program("mosquitto_passwd", install="mosquitto"), "-b", "-c", str(accounts), "home-1", "right")
    options = ("allow_anonymous false", f"password_file {accounts}")
    password = tmp_path / "password"
    password.write_text("wrong\n")
    async with running_broker(tmp_path / "broker", options=options) as broker:
        address = BrokerAddress("127.0.0.1", broker.port, username="home-1", password_file=password)
        assert "mqtt.password_file" in await refusal(address) or "not authorised" in await refusal(address)
        password.write_text("right\n")
        async with linked(address) as link:
            await _echoes(link)


async def test_nothing_listens() -> None:
    message = await refusal(BrokerAddress("127.0.0.1", free_port()))
    assert "nothing listens there" in message


async def test_an_unknown_name() -> None:
    message = await refusal(BrokerAddress("broker.invalid", 1883))
    assert "cannot be reached" in message


async def test_something_that_is_no_broker() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        message = await refusal(BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1]))
    assert "ended" in message or "at once" in message


async def test_a_held_broker_answers_when_it_goes_on(tmp_path: Path) -> None:
    async with running_broker(tmp_path / "broker") as broker:
        broker.pause()
        opening = asyncio.create_task(_open(broker))
        done, _ = await asyncio.wait([opening], timeout=0.3)
        assert not done
        broker.resume()
        async with asyncio.timeout(10):
            await (await opening).close()


async def _open(broker: Broker) -> Link:
    return await Link.open(
        BrokerAddress("127.0.0.1", broker.port), client_id="home-1", will_topic="will", will=b"offline"
    )


async def test_a_flood_is_held_back_and_loses_nothing(tmp_path: Path) -> None:
    """Nobody takes events for a while: reading the socket pauses instead of dropping."""
    async with running_broker(tmp_path / "broker") as broker:
        address = BrokerAddress("127.0.0.1", broker.port)
        async with linked(address) as slow:
            await slow.subscribe("flood")
            sender = await Link.open(address, client_id="sender", will_topic="will", will=b"")
            for number in range(1000):
                sender.publish("flood", str(number).encode())
                if number % 20 == 19:
                    for _ in range(20):
                        await sender.next_event()
            await sender.close()
            heard: list[int] = []
            async with asyncio.timeout(20):
                while len(heard) < 1000:
                    event = await slow.next_event()
                    assert isinstance(event, Received)
                    heard.append(int(event.payload))
            assert heard == list(range(1000))
