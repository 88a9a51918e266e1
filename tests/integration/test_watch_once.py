"""`hearthline watch --once` as a process: every hop proved once, or the one that is not named, with what to do."""

import asyncio
import sys
from pathlib import Path

from tests.fixtures.backend_process import NOWHERE, backend_process, environment
from tests.fixtures.broker import running_broker

WITHIN_S = 60
QUICK = {
    "EVERY_S": "1",
    "BROKER_WITHIN_S": "5",
    "RECEIPT_WITHIN_S": "5",
    "ALERT_WITHIN_S": "5",
    "SITE_WITHIN_S": "5",
    "MAIL_TO": "operator@example.org",
    "SMTP_HOST": "localhost",
}


async def once(folder: Path, **settings: str) -> tuple[int, str]:
    """Its exit code and everything it printed."""
    given = {f"WATCH_{name}": text for name, text in (QUICK | settings).items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hearthline_backend.cli",
        "watch",
        "--once",
        env=environment(folder, None, given),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(WITHIN_S):
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_it_proves_every_hop_and_names_the_one_that_does_not_answer(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path / "broker") as broker,
        backend_process(tmp_path / "data", broker, command="serve", OPERATIONS_PORT="0") as backend,
    ):
        port = (await backend.said("answering_operations"))["port"]
        site = {"MQTT_URL": broker.url, "SITE_URL": backend.url}
        ready = {"READY_URLS": f'["http://127.0.0.1:{port}/readyz"]'}
        code, said = await once(tmp_path, **site, **ready)
        assert (code, said.split()) == (
            0,
            [
                word
                for hop in ("broker", "receipt", "alert", "calls", "site", "ready", "live")
                for word in (f"{hop}:", "ok")
            ],
        )
        code, said = await once(tmp_path, **(site | {"MQTT_URL": NOWHERE}))
        assert code == 1
        assert "broker: The broker is not reached." in said
        assert "site:" not in said, "it answers"
