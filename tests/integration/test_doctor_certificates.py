"""Certificates as the doctor sees them: whose they are, whether they are trusted, and when they end."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hearthline_gateway.doctor.broker_hop import own_certificate, tls
from hearthline_gateway.doctor.certificate import valid_until
from hearthline_gateway.doctor.finding import State
from hearthline_gateway.uplink.address import BrokerAddress
from tests.fixtures.broker import running_broker
from tests.fixtures.real_parts import require_program

NOW = datetime.now(UTC)
"""When the tests were collected: good for what ends in days, not in minutes."""


async def certificate(folder: Path, name: str, days: int, *kind: str) -> Path:
    """A certificate for itself, good for so many days."""
    process = await asyncio.create_subprocess_exec(
        require_program("openssl"),
        *("req", "-x509", "-nodes", "-subj", f"/CN={name}", "-days", str(days)),
        *(kind or ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")),
        *("-addext", f"subjectAltName=DNS:{name}"),
        *("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return folder / f"{name}.pem"


@pytest.mark.parametrize("days", [1, 10_000, 20_000])
@pytest.mark.parametrize("kind", [(), ("-newkey", "rsa:2048")])
async def test_the_end_of_a_certificate_is_read(tmp_path: Path, days: int, kind: tuple[str, ...]) -> None:
    made = datetime.now(UTC)
    until = valid_until(await certificate(tmp_path, "home-1", days, *kind))
    assert abs(until - made - timedelta(days=days)) < timedelta(minutes=1)


async def test_the_key_may_stand_before_it(tmp_path: Path) -> None:
    file = await certificate(tmp_path, "home-1", 3)
    both = tmp_path / "both.pem"
    both.write_text((tmp_path / "home-1.key").read_text() + file.read_text())
    assert valid_until(both) == valid_until(file)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nMIIBkTCB\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_certificate(tmp_path: Path, content: str) -> None:
    file = tmp_path / "bad.pem"
    file.write_text(content)
    with pytest.raises(ValueError, match=r".+"):
        valid_until(file)
    (found,) = own_certificate(BrokerAddress("localhost", 1, tls=True, cert_file=file), NOW)
    assert found.state is State.BROKEN


async def test_our_own_ends_soon_and_has_ended(tmp_path: Path) -> None:
    address = BrokerAddress("localhost", 1, tls=True, cert_file=await certificate(tmp_path, "home-1", 90))
    assert [found.state for found in own_certificate(address, NOW)] == [State.OK]
    assert [found.state for found in own_certificate(address, NOW + timedelta(days=70))] == [State.SOON]
    (ended,) = own_certificate(address, NOW + timedelta(days=100))
    assert ended.state is State.BROKEN
    assert "Renew this gateway's certificate" in (ended.next_step or "")


async def test_the_brokers(tmp_path: Path) -> None:
    file = await certificate(tmp_path, "localhost", 90)
    other = await certificate(tmp_path, "other", 90)
    listener = (f"certfile {file}", f"keyfile {tmp_path}/localhost.key")
    async with running_broker(tmp_path / "broker", listener=listener) as broker:
        address = BrokerAddress("localhost", broker.port, tls=True, ca_file=file)
        assert (await tls(address, NOW)).state is State.OK
        assert (await tls(address, NOW + timedelta(days=70))).state is State.SOON
        stranger = await tls(replace(address, ca_file=other), NOW)
        assert stranger.state is State.BROKEN
        assert "not trusted" in stranger.words
        assert "mqtt.ca_file" in (stranger.next_step or "")
