"""``python -m bench.chain --quick --json``: it runs over the whole chain, has every row, and leaves nothing behind."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
LIMIT_S = 150
UNITS = {
    "indication_to_webhook_p50_s": "s",
    "indication_to_webhook_p99_s": "s",
    "gateway_memory_mb": "MB",
    "backend_memory_mb": "MB",
    "gateway_cpu_ms_per_reading": "ms",
    "backend_cpu_ms_per_reading": "ms",
    "help_gateway_s": "s",
    "help_hearthline_s": "s",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short name: the bus has a socket in it, whose path may have 107 bytes."""
    with TemporaryDirectory(prefix="chain-", dir="/tmp") as name:
        yield Path(name)


@pytest.mark.timeout(LIMIT_S + 30)
async def test_prints_every_row_as_json_and_nothing_else(folder: Path) -> None:
    code, out, said = await _bench(folder, "--quick", "--json")
    assert code == 0, said
    content = json.loads(out)
    assert list(content) == ["rows"]
    assert {row["name"]: row["unit"] for row in content["rows"]} == UNITS
    for row in content["rows"]:
        _check(row)
    rows = {row["name"]: row for row in content["rows"]}
    assert rows["indication_to_webhook_p50_s"]["value"] <= rows["indication_to_webhook_p99_s"]["value"]
    assert rows["indication_to_webhook_p99_s"]["aim"] == 1.0
    assert list(folder.iterdir()) == []
    assert _left_over(folder) == []


def _check(row: dict[str, Any]) -> None:
    assert list(row) == ["name", "value", "unit", "aim", "ok"]
    assert row["value"] > 0
    assert row["ok"] is (None if row["aim"] is None else row["value"] < row["aim"])


async def _bench(temporary: Path, *arguments: str) -> tuple[int | None, bytes, str]:
    """Its exit code, standard output and standard error; every file of it goes below ``temporary``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.chain",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            out, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return process.returncode, out, said.decode(errors="replace")


def _left_over(temporary: Path) -> list[str]:
    """Processes that still run in, or name, the bench's own folder."""
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if any(str(temporary) in argument for argument in process.info["cmdline"] or ())
    ]
