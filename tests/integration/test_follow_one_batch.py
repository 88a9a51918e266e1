"""One batch, followed by its id from the gateway that sent it to the receipt that answers it, in two real logs."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hearthline_simulator.private_bus import private_bus
from tests.fixtures.backend_process import backend_process
from tests.fixtures.broker import running_broker
from tests.fixtures.real_parts import require_program
from tests.fixtures.records import CUFF, Household, seed, temporary_records
from tests.fixtures.whole_service import until

HOUSEHOLD = Household()
ANSWERED_WITHIN_S = 60


def gateway_command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from hearthline_gateway.cli import main; main()", *words]


@asynccontextmanager
async def running_gateway(config: Path, bus: str) -> AsyncIterator[None]:
    """The gateway, whose log is ``gateway.log``."""
    with (config.parent / "gateway.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *gateway_command("run", "--json", "--log-level", "debug", "--config", str(config)),
            stderr=log,
            env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": bus},
        )
    try:
        await until(lambda: "uplink_connected" in (config.parent / "gateway.log").read_text())
        yield
    finally:
        process.terminate()
        await process.wait()


async def proof_of_the_chain(config: Path) -> None:
    """A marked reading goes through the gateway to the backend, and its receipt comes back."""
    process = await asyncio.create_subprocess_exec(
        *gateway_command("simulate", "--config", str(config), "--within", str(ANSWERED_WITHIN_S)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 2 * ANSWERED_WITHIN_S)
    assert process.returncode == 0, said.decode()


def following(lines: Iterable[dict[str, Any]], batch: str) -> list[dict[str, Any]]:
    """What an operator's search for the batch's id finds."""
    return [line for line in lines if batch in json.dumps(line)]


async def test_the_batchs_id_stands_in_both_logs_at_every_hop(tmp_path: Path) -> None:
    require_program("dbus-daemon")
    async with temporary_records(tmp_path / "backend") as records, records.begin() as unit:
        await seed(unit, HOUSEHOLD)
    config = tmp_path / "gateway.toml"
    async with (
        private_bus() as bus,
        running_broker(tmp_path / "broker") as broker,
        backend_process(tmp_path / "backend", broker, LOG_LEVEL="debug") as backend,
    ):
        config.write_text(
            f'[gateway]\nname = "{HOUSEHOLD.gateway}"\ntime_zone = "UTC"\ndata_dir = "data"\ntrust_clock = true\n'
            f'[mqtt]\nurl = "{broker.url}"\n[[meters]]\naddress = "{CUFF}"\nmodel = "generic-blood-pressure"\n'
        )
        async with running_gateway(config, bus):
            await proof_of_the_chain(config)
        assert await backend.stopped() == 0
    at_home = [json.loads(line) for line in (tmp_path / "gateway.log").read_text().splitlines()]
    batch = next(line["batch"] for line in at_home if line["event"] == "batch_sent")
    assert [line["event"] for line in following(at_home, batch)] == ["batch_sent", "receipt"]
    found = following(backend.lines, batch)
    events = [line["event"] for line in found]
    assert [event for event in events if event != "settled"] == [
        "batch_received",
        "batch_acknowledged",
        "receipt_handed_over",
    ]
    (group,) = {line["group"] for line in found}
    assert "settled" in [line["event"] for line in backend.lines if line.get("group") == group]
    assert {line["gateway"] for line in found if "gateway" in line} == {HOUSEHOLD.gateway}
    for word in (str(HOUSEHOLD.patient), CUFF, "Ana"):
        assert not following(backend.lines, word)
