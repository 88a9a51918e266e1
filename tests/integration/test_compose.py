"""docker-compose.yml, without Docker: the same broker configuration, command and environment, started natively."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import copyfile, which
from typing import Any

import aiohttp
import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from hearthline_protocol import topics
from tests.fixtures.broker import free_port
from tests.fixtures.real_parts import require_program

ROOT = Path(__file__).parents[2]
COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
WITHIN_S = 20.0


def resolved(text: str) -> str:
    """``${NAME:-default}`` as compose resolves it where nothing is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def secrets(folder: Path, *gateways: str) -> dict[str, str]:
    """Runs scripts/compose-secrets; the passwords it printed, by gateway."""
    made = {}
    for arguments in ([], *([gateway] for gateway in gateways)):
        run = subprocess.run(
            [ROOT / "scripts" / "compose-secrets", *arguments],
            env={**os.environ, "HEARTHLINE_SECRETS": str(folder)},
            check=True,
            capture_output=True,
            text=True,
        )
        if arguments:
            made[arguments[0]] = run.stdout.strip()
    return made


@asynccontextmanager
async def process(*command: str, env: Mapping[str, str] | None = None, log: Path) -> AsyncIterator[None]:
    with log.open("wb") as out:
        child = await asyncio.create_subprocess_exec(*command, env=env, stdout=out, stderr=out)
    try:
        yield
    finally:
        if child.returncode is None:
            child.terminate()
        await asyncio.wait_for(child.wait(), WITHIN_S)


@asynccontextmanager
async def compose_broker(folder: Path) -> AsyncIterator[int]:
    port = free_port()
    passwords = folder / "passwords"
    copyfile(folder / "secrets" / "broker_users", passwords)
    subprocess.run([require_program("mosquitto_passwd", install="mosquitto"), "-U", passwords], check=True)
    access = ROOT / "firmware-config" / "broker" / "access.acl"
    config = (
        (ROOT / "firmware-config" / "broker" / "mosquitto.conf")
        .read_text(encoding="utf-8")
        .replace("listener 1883", f"listener {port} 127.0.0.1")
        .replace("/run/broker/passwords", str(passwords))
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


def backend_environment(folder: Path, broker_port: int, http_port: int) -> dict[str, str]:
    given = {name: resolved(str(value)) for name, value in COMPOSE["services"]["backend"]["environment"].items()}
    moved = {
        "/var/lib/hearthline": str(folder / "data"),
        "/run/secrets": str(folder / "secrets"),
        "mqtt://broker:1883": f"mqtt://127.0.0.1:{broker_port}",
    }
    for inside, outside in moved.items():
        given = {name: value.replace(inside, outside) for name, value in given.items()}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("HEARTHLINE_")},
        **given,
        "HEARTHLINE_HTTP_HOST": "127.0.0.1",
        "HEARTHLINE_HTTP_PORT": str(http_port),
    }


async def until_connected(url: str, log: Path) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session:
        try:
            async with asyncio.timeout(WITHIN_S):
                while True:
                    try:
                        async with session.get(f"{url}/healthz") as answer:
                            health: dict[str, Any] = await answer.json()
                            if answer.status == 200 and health["broker"] == "connected":
                                return health
                    except aiohttp.ClientConnectionError:
                        pass
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"the backend did not become ready:\n{log.read_text()}")


async def answer_to_publish(port: int, user: str, password: str, topic: str) -> ReasonCode:
    """Signs in as a gateway, publishes at QoS 1 and gives the reason code of the PUBACK."""
    loop = asyncio.get_running_loop()
    acknowledged: asyncio.Future[ReasonCode] = loop.create_future()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(user, password)

    def on_connect(client: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, _more: Properties | None) -> None:
        assert not code.is_failure, code
        client.publish(topic, b"{}", qos=1)

    def on_publish(_client: mqtt.Client, _data: Any, _mid: int, code: ReasonCode, _more: Properties | None) -> None:
        loop.call_soon_threadsafe(acknowledged.set_result, code)

    client.on_connect, client.on_publish = on_connect, on_publish
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        return await asyncio.wait_for(acknowledged, WITHIN_S)
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


async def test_the_backend_of_the_compose_file_starts_and_gateways_speak_only_for_themselves(tmp_path: Path) -> None:
    passwords = secrets(tmp_path / "secrets", "home-0417", "home-0051")
    (tmp_path / "data").mkdir()
    http_port, log = free_port(), tmp_path / "backend.log"
    program, *arguments = COMPOSE["services"]["backend"]["command"]
    async with compose_broker(tmp_path) as broker_port:
        environment = backend_environment(tmp_path, broker_port, http_port)
        found = which(program, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert found is not None
        async with process(found, *arguments, env=environment, log=log):
            health = await until_connected(f"http://127.0.0.1:{http_port}", log)
            assert health["serving"] is True
            own = await answer_to_publish(
                broker_port, "home-0417", passwords["home-0417"], topics.readings("home-0417")
            )
            foreign = await answer_to_publish(
                broker_port, "home-0417", passwords["home-0417"], topics.readings("home-0051")
            )
    assert not own.is_failure, own
    assert foreign.getName() == "Not authorized"


def test_docker_compose_accepts_the_file() -> None:
    docker = which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose does not answer here; the file is checked natively by the test above")
    subprocess.run([docker, "compose", "-f", ROOT / "docker-compose.yml", "config", "--quiet"], check=True)
