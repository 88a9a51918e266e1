"""docker-compose.yml, without Docker: the same broker configuration, commands and environment, started natively, with
real certificates, a real InfluxDB and a real PostgreSQL."""

import asyncio
import json
import os
import re
import socket
import ssl
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile, which
from typing import Any, Final
from uuid import UUID

import aiohttp
import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_protocol import topics
from hearthline_protocol.readings import Reading
from tests.fixtures.broker import free_port
from tests.fixtures.influxd import INFLUXD_PATIENCE, TOKEN, running_influxd
from tests.fixtures.ingesting import batch
from tests.fixtures.postgresql import PostgresServer, running_postgresql
from tests.fixtures.readings import pressure
from tests.fixtures.real_parts import require_program
from tests.fixtures.records import Household, seed

pytestmark = INFLUXD_PATIENCE

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final[Mapping[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: Final[Mapping[str, Any]] = COMPOSE["services"]
OURS: Final = ("backend", "worker", "watch")
WITHIN_S: Final = 60.0
PLAIN_CONNECT: Final = bytes.fromhex("100d00044d5154540502003c000000")
"""MQTT 5, clean start, keep alive 60 s, no client id."""
HOUSEHOLD: Final = Household(gateway="home-0417")


def resolved(text: str) -> str:
    """``${NAME:-default}`` as compose resolves it where nothing is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def compose_secrets(
    folder: Path, *arguments: str, check: bool = True, **more: str
) -> "subprocess.CompletedProcess[str]":
    """Runs scripts/compose-secrets for a folder of the test's own."""
    return subprocess.run(
        [ROOT / "scripts" / "compose-secrets", *arguments],
        env={**os.environ, "HEARTHLINE_SECRETS": str(folder), **more},
        check=check,
        capture_output=True,
        text=True,
    )


def secrets(folder: Path, *gateways: str) -> dict[str, str]:
    """Everything that the file mounts; the passwords of these gateways."""
    compose_secrets(folder)
    passwords = {gateway: compose_secrets(folder, gateway).stdout.strip() for gateway in gateways}
    (folder / "influxdb_token").write_text(TOKEN)
    for name, mounted in COMPOSE["secrets"].items():
        source = folder / Path(mounted["file"]).name
        assert source.stat().st_size > 0
        if source.name != name:
            copyfile(source, folder / name)  # by the name it has below /run/secrets
    return passwords


@asynccontextmanager
async def process(*command: str, env: Mapping[str, str] | None = None, log: Path) -> AsyncIterator[Process]:
    with log.open("wb") as out:
        child = await asyncio.create_subprocess_exec(*command, env=env, stdout=out, stderr=out)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await asyncio.wait_for(child.wait(), WITHIN_S)


@asynccontextmanager
async def compose_broker(folder: Path) -> AsyncIterator[int]:
    port = free_port()
    passwords = folder / "passwords"
    copyfile(folder / "secrets" / "broker_users", passwords)
    passwords.chmod(0o600)
    subprocess.run([require_program("mosquitto_passwd", install="mosquitto"), "-U", passwords], check=True)
    access = ROOT / "firmware-config" / "broker" / "access.acl"
    config = (
        (ROOT / "firmware-config" / "broker" / "mosquitto.conf")
        .read_text(encoding="utf-8")
        .replace("listener 8883", f"listener {port} 127.0.0.1")
        .replace("/run/broker/passwords", str(passwords))
        .replace("/run/secrets", str(folder / "secrets"))
        .replace("/mosquitto/config/access.acl", str(access))
    )
    (folder / "mosquitto.conf").write_text(config + ("user root\n" if os.geteuid() == 0 else ""), encoding="utf-8")
    log = folder / "broker.log"
    async with process(require_program("mosquitto"), "-c", str(folder / "mosquitto.conf"), log=log):
        async with asyncio.timeout(WITHIN_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield port


@contextmanager
def compose_postgresql(folder: Path) -> Iterator[PostgresServer]:
    """A server that asks for the password of compose's secret, as the container's does."""
    with running_postgresql(durable=False) as server:

        async def demand_password() -> None:
            password = (folder / "secrets" / "records_password").read_text().strip()
            connection = await server.connect()
            await connection.execute(f"ALTER ROLE hearthline PASSWORD '{password}'")
            await connection.execute("CREATE DATABASE hearthline")
            (server.directory / "data" / "pg_hba.conf").write_text("local all all scram-sha-256\n")
            await connection.execute("SELECT pg_reload_conf()")
            await connection.close()

        asyncio.run(demand_password())
        yield server


def environment_of(service: str, folder: Path, http_port: int, addresses: Mapping[str, str]) -> dict[str, str]:
    """The service's environment, with the folders and addresses of this machine in place of the containers'."""
    given = {name: resolved(str(value)) for name, value in SERVICES[service]["environment"].items()}
    moved = {
        "/var/lib/hearthline": str(folder / "data"),
        "/run/secrets": str(folder / "secrets"),
        **addresses,
    }
    for inside, outside in moved.items():
        assert any(inside in value for value in given.values()), f"{inside} is not in the environment of {service}"
        given = {name: value.replace(inside, outside) for name, value in given.items()}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("HEARTHLINE_")},
        **given,
        "HEARTHLINE_HTTP_HOST": "127.0.0.1",
        "HEARTHLINE_HTTP_PORT": str(http_port),
        **({"HEARTHLINE_OPERATIONS_PORT": "0"} if "HEARTHLINE_OPERATIONS_PORT" in given else {}),
    }


async def until_connected(url: str, child: Process, log: Path) -> None:
    async with aiohttp.ClientSession() as session:
        try:
            async with asyncio.timeout(WITHIN_S):
                while child.returncode is None:
                    try:
                        async with session.get(f"{url}/healthz") as answer:
                            if answer.status == 200 and (await answer.json())["broker"] == "connected":
                                return
                    except aiohttp.ClientConnectionError:
                        pass
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
    pytest.fail(f"it did not become ready:\n{log.read_text()}")


class Home:
    """A gateway's side of the broker, over TLS with the authority that compose-secrets made."""

    def __init__(self, port: int, authority: Path, user: str, password: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._acknowledged: asyncio.Queue[ReasonCode] = asyncio.Queue()
        self._receipts: asyncio.Queue[bytes] = asyncio.Queue()
        self._user = user
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.username_pw_set(user, password)
        self._client.tls_set(str(authority), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.connect("localhost", port)
        self._client.loop_start()

    async def connected(self) -> ReasonCode:
        """What the broker said to the connection."""
        return await asyncio.wait_for(self._connected, WITHIN_S)

    async def publish(self, topic: str, payload: bytes) -> ReasonCode:
        """The reason code of the PUBACK."""
        self._client.publish(topic, payload, qos=1)
        return await asyncio.wait_for(self._acknowledged.get(), WITHIN_S)

    async def stored(self, *readings: Reading) -> None:
        """Send a batch and wait for the receipt that says so of each."""
        code = await self.publish(topics.readings(self._user), batch(*readings))
        assert not code.is_failure, code
        waiting = {str(one.id) for one in readings}
        while waiting:
            said = json.loads(await asyncio.wait_for(self._receipts.get(), WITHIN_S))
            assert all(one["status"] == "stored" for one in said["readings"]), said
            waiting -= {one["id"] for one in said["readings"]}

    async def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _on_connect(self, client: mqtt.Client, _d: Any, _f: Any, code: ReasonCode, _p: Properties | None) -> None:
        client.subscribe(topics.receipts(self._user), qos=1)
        self._loop.call_soon_threadsafe(self._connected.set_result, code)

    def _on_publish(self, _c: mqtt.Client, _d: Any, _mid: int, code: ReasonCode, _p: Properties | None) -> None:
        self._loop.call_soon_threadsafe(self._acknowledged.put_nowait, code)

    def _on_message(self, _c: mqtt.Client, _d: Any, message: mqtt.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._receipts.put_nowait, bytes(message.payload))


def program_of(service: str) -> list[str]:
    """The command of a service, in this environment."""
    name, *arguments = SERVICES[service]["command"]
    found = which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert found is not None
    return [found, *arguments]


async def enrol(url: str) -> None:
    records = SqlRecords.open(url)
    async with records.begin() as unit:
        await seed(unit, HOUSEHOLD)
    await records.close()


async def judged(url: str, ids: set[UUID]) -> frozenset[UUID]:
    records = SqlRecords.open(url)
    async with records.read() as unit:
        found = await unit.judgements.known(ids)
    await records.close()
    return found


def test_the_services_of_the_compose_file_take_readings_from_homes_that_speak_only_for_themselves(
    tmp_path: Path,
) -> None:
    passwords = secrets(tmp_path / "secrets", "home-0417", "home-0051")
    (tmp_path / "data").mkdir()
    with running_influxd() as influxdb, compose_postgresql(tmp_path) as postgresql:
        influxdb.ask("POST", "/api/v2/buckets", {"orgID": influxdb.organisation_id, "name": "readings"})
        addresses = {
            "influxdb://influxdb:8086/": f"influxdb://127.0.0.1:{influxdb.port}/",
            "@postgresql:5432/hearthline": f"@/hearthline?host={postgresql.directory}",
        }
        asyncio.run(_whole_service(tmp_path, passwords, addresses))


async def _whole_service(folder: Path, passwords: Mapping[str, str], addresses: Mapping[str, str]) -> None:
    password = (folder / "secrets" / "records_password").read_text().strip()
    host = addresses["@postgresql:5432/hearthline"]
    records_url = f"postgresql+asyncpg://hearthline:{password}{host}"
    async with compose_broker(folder) as port:
        here = {**addresses, "mqtts://broker:8883": f"mqtts://localhost:{port}"}
        # One site and two workers, as the file has it.
        starts = [("backend", free_port(), "backend"), *(("worker", free_port(), f"worker-{n}") for n in (1, 2))]
        assert SERVICES["worker"]["deploy"]["replicas"] == 2
        async with _started(folder, here, starts):
            await enrol(records_url)
            authority = folder / "secrets" / "broker_authority"
            home = Home(port, authority, "home-0417", passwords["home-0417"])
            assert not (await home.connected()).is_failure
            now = datetime.now(UTC)
            sent = [
                pressure(125, received_time=now, effective_time=now - timedelta(seconds=number)) for number in range(40)
            ]
            for start in range(0, len(sent), 4):
                await home.stored(*sent[start : start + 4])
            ids = {one.id for one in sent}
            assert await judged(records_url, ids) == ids
            foreign = await home.publish(topics.readings("home-0051"), b"{}")
            assert foreign.getName() == "Not authorized"
            await home.close()
            await _watched(folder, {"mqtts://broker:8883": here["mqtts://broker:8883"]}, [at for _, at, _ in starts])
    shared = (folder / "worker-1.log").read_text() + (folder / "worker-2.log").read_text()
    assert "Traceback" not in shared


@asynccontextmanager
async def _started(folder: Path, here: Mapping[str, str], starts: list[tuple[str, int, str]]) -> AsyncIterator[None]:
    if not starts:
        yield
        return
    (service, http_port, name), *others = starts
    log = folder / f"{name}.log"
    async with process(*program_of(service), env=environment_of(service, folder, http_port, here), log=log) as child:
        await until_connected(f"http://127.0.0.1:{http_port}", child, log)
        async with _started(folder, here, others):
            yield


async def _watched(folder: Path, here: Mapping[str, str], ports: list[int]) -> None:
    """The service `watch`: every hop proved, from a reading of its own to the live event on the site."""
    site, *workers = ports
    ready = json.dumps([f"http://127.0.0.1:{port}/readyz" for port in workers])
    inside = "HEARTHLINE_WATCH_SITE_URL", "HEARTHLINE_WATCH_READY_URLS"
    given = {name: resolved(str(value)) for name, value in SERVICES["watch"]["environment"].items()}
    assert given[inside[0]] == "http://backend:8080"
    assert json.loads(given[inside[1]]) == ["http://backend:8081/readyz", "http://worker:8080/readyz"]
    for name, outside in {"/run/secrets": str(folder / "secrets"), **here}.items():
        given = {key: value.replace(name, outside) for key, value in given.items()}
    own = {name: value for name, value in os.environ.items() if not name.startswith("HEARTHLINE_")}
    given |= {
        "HEARTHLINE_WATCH_SITE_URL": f"http://127.0.0.1:{site}",
        "HEARTHLINE_WATCH_READY_URLS": ready,
        "HEARTHLINE_WATCH_HTTP_HOST": "127.0.0.1",
        "HEARTHLINE_WATCH_HTTP_PORT": str(free_port()),
        "HEARTHLINE_WATCH_EVERY_S": "4",
    }
    log = folder / "watch.log"
    url = f"http://127.0.0.1:{given['HEARTHLINE_WATCH_HTTP_PORT']}/healthz"
    async with process(*program_of("watch"), env=own | given, log=log), aiohttp.ClientSession() as session:
        found: dict[str, Any] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN_S):
                while not found.get("good"):
                    with suppress(aiohttp.ClientConnectionError):
                        async with session.get(url) as answer:
                            found = await answer.json()
                    await asyncio.sleep(0.05)
        assert found.get("good"), f"{found}\n{log.read_text()}"
        assert set(found["hops"]) == {"broker", "receipt", "alert", "calls", "site", "ready", "live"}
    assert "operator_call" not in log.read_text()


def shake_hands(port: int, context: ssl.SSLContext) -> None:
    with socket.create_connection(("localhost", port)) as raw, context.wrap_socket(raw, server_hostname="localhost"):
        pass


async def test_the_broker_takes_nobody_without_a_name_or_without_tls(tmp_path: Path) -> None:
    secrets(tmp_path / "secrets", "home-0417")
    authority = tmp_path / "secrets" / "broker_authority"
    async with compose_broker(tmp_path) as port:
        home = Home(port, authority, "home-0417", "wrong")
        assert (await home.connected()).getName() == "Not authorized"
        await home.close()
        compose_secrets(tmp_path / "elsewhere")
        stranger = ssl.create_default_context(cafile=str(tmp_path / "elsewhere" / "broker_authority.pem"))
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.to_thread(shake_hands, port, stranger)
        reader, writer = await asyncio.open_connection("localhost", port)
        writer.write(PLAIN_CONNECT)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), WITHIN_S) == b"", "it talks without TLS"
        writer.close()


# --- what the file itself says -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_kept_small(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    dockerfile = (ROOT / "backend" / "Dockerfile").read_text(encoding="utf-8")
    if name in OURS:
        assert "\nUSER hearthline\n" in dockerfile
        assert "\nHEALTHCHECK " in dockerfile
    else:
        assert int(service["user"].split(":")[0]) > 0
        assert service["healthcheck"]["test"]


def test_only_the_broker_and_the_site_have_a_port() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"broker": ["8883:8883"], "backend": ["127.0.0.1:8080:8080"]}
    assert COMPOSE["networks"]["stores"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if list(service["networks"]) == ["stores"]} == {
        "influxdb",
        "postgresql",
    }


def test_no_secret_stands_in_an_environment() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET|KEY", key):
                assert key.endswith("_FILE"), f"{name}: {key}"
                assert Path(value).name in service["secrets"], f"{name} does not mount {value}"
    mounted = {secret for service in SERVICES.values() for secret in service["secrets"]}
    assert mounted == set(COMPOSE["secrets"])


def test_secrets_are_made_once_and_only_their_owner_may_enter(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = compose_secrets(folder, HEARTHLINE_BROKER_NAME="mqtt.example.org")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "authority_key.pem").stat().st_mode & 0o777 == 0o600
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for secret in before.values():
        assert secret.decode().strip() not in made.stdout + made.stderr
    compose_secrets(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert "DNS:mqtt.example.org" in _certificate(folder)
    compose_secrets(folder, "--renew", HEARTHLINE_BROKER_NAME="other.example.org")
    assert "DNS:other.example.org" in _certificate(folder)
    changed = {name for name, content in before.items() if (folder / name).read_bytes() != content}
    assert changed == {"broker_key.pem", "broker_certificate.pem"}
    again = compose_secrets(folder, "home-0417")
    assert len(again.stdout.strip()) == 32
    assert compose_secrets(folder, "home-0417", check=False).returncode == 2


def _certificate(folder: Path) -> str:
    command = ["openssl", "x509", "-in", str(folder / "broker_certificate.pem"), "-noout", "-text"]
    return str(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_given_certificate_is_looked_at_before_it_is_taken(tmp_path: Path) -> None:
    compose_secrets(tmp_path / "theirs", HEARTHLINE_BROKER_NAME="mqtt.example.org")
    compose_secrets(tmp_path / "others")
    theirs, others, ours = tmp_path / "theirs", tmp_path / "others", tmp_path / "ours"

    def take(certificate: Path, key: Path, authority: Path, name: str = "mqtt.example.org") -> str:
        words = ("--certificate", certificate, "--key", key, "--authority", authority)
        done = compose_secrets(ours, *map(str, words), check=False, HEARTHLINE_BROKER_NAME=name)
        return "" if done.returncode == 0 else done.stderr

    certificate, key, authority = (theirs / f"broker_{one}.pem" for one in ("certificate", "key", "authority"))
    assert "is not the key of" in take(certificate, others / "broker_key.pem", authority)
    assert "is not signed by" in take(certificate, key, others / "broker_authority.pem")
    assert "is not for mqtt.example.net" in take(certificate, key, authority, "mqtt.example.net")
    assert not (ours / "broker_key.pem").exists()
    assert take(certificate, key, authority) == ""
    assert (ours / "broker_certificate.pem").read_bytes() == certificate.read_bytes()
    assert "came from elsewhere" in compose_secrets(ours, "--renew", check=False).stderr


def test_docker_compose_accepts_the_file() -> None:
    docker = which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose does not answer here; the file is checked natively by the tests above")
    subprocess.run([docker, "compose", "-f", ROOT / "docker-compose.yml", "config", "--quiet"], check=True)
