"""How long a command takes to say what it can do: `--help`, the price that every call of it pays."""

import asyncio
import os
import statistics
import time
from typing import Final

from hearthline_simulator.demo.commands import command

_RUNS: Final = 7
_WITHIN_S: Final = 30.0


class StartUpError(Exception):
    """A command's ``--help`` failed or hung."""


async def help_time_s(name: str, runs: int = _RUNS) -> float:
    """The median of ``runs`` runs of ``name --help``, in seconds, after one that filled the caches."""
    await _run_once(name)
    return statistics.median([await _run_once(name) for _ in range(runs)])


async def _run_once(name: str) -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command(name, "--help"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if not key.startswith("HEARTHLINE_")},
    )
    try:
        async with asyncio.timeout(_WITHIN_S):
            _, said = await process.communicate()
    except TimeoutError as error:
        raise StartUpError(f"{name} --help did not end within {_WITHIN_S:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise StartUpError(f"{name} --help ended with {process.returncode}: {said.decode(errors='replace').strip()}")
    return time.perf_counter() - began
