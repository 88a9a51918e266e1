"""kill -9 of the gateway, at random instants of feeding, committing, sending, and starting."""

import asyncio
import random
from pathlib import Path

from tests.faults.feeder import promised, start_feeder
from tests.faults.home import running_home
from tests.faults.ledger import Ledger
from tests.faults.outcome import Outcome, counted
from tests.fixtures.broker import running_broker
from tests.fixtures.receipt_backend import ReceiptBackend

_PER_LIFE = 4000
"""More measurements of a cuff than one process lives to feed."""
_IN_ITS_START = 0.2
"""The share of kills that hit before the first reading was fed."""
_LONGEST_S = 0.3


async def killed(folder: Path, *, kills: int, seed: int = 20261122) -> Outcome:
    """Feed, kill, start again; at the end let everything through and count."""
    chance = random.Random(seed)
    ledger = Ledger()
    home_folder = folder / "home"
    home_folder.mkdir()
    async with running_broker(folder / "broker") as broker, ReceiptBackend(broker.port, answer=ledger):
        for life in range(kills):
            await _one_life(home_folder, broker.port, life, chance)
        async with running_home(home_folder, broker.port) as home:
            await home.settled()
            kept = await home.all_ids()
    damaged = [path.name for path in home_folder.glob("*.damaged-*")]
    return counted(
        "kill -9 of the gateway",
        f"{kills} kills",
        promised=promised(home_folder),
        kept=kept,
        stored=ledger.ids,
        twice=ledger.twice,
        failures=[f"{name} was set aside" for name in damaged],
    )


async def _one_life(folder: Path, port: int, life: int, chance: random.Random) -> None:
    before = len(promised(folder))
    process = await asyncio.to_thread(
        start_feeder, folder, port, begin=life * _PER_LIFE, seed=chance.randrange(1 << 30)
    )
    try:
        if chance.random() < _IN_ITS_START:
            await asyncio.sleep(chance.random() * _LONGEST_S)
        else:
            async with asyncio.timeout(30):
                while len(promised(folder)) <= before:  # noqa: ASYNC110 - a file that another process writes
                    await asyncio.sleep(0.005)
            await asyncio.sleep(chance.random() * _LONGEST_S)
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
