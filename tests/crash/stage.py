"""A whole crash: stores, broker, mailbox, homes, and one backend after the other that dies where it is told to."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.schema import notifications
from tests.crash.account import Account, account
from tests.crash.engines import Addresses, Pair, open_readings, stores
from tests.crash.ward import Ward, admit, make_ward, spread, twisted
from tests.crash.worker import Wiring, start_worker
from tests.fixtures.broker import running_broker
from tests.fixtures.insistent_homes import InsistentHomes, insistent_homes
from tests.fixtures.sinks import MailSink, mail_sink

DEAD_WITHIN_S: Final = 40.0
DRAINED_WITHIN_S: Final = 60.0
_REPEATED: Final = 0.2
"""The share of readings that come again with other times and values."""


@dataclass(slots=True)
class Stage:
    """``kill_at`` and ``kill_after`` each run one backend to its death; ``finish`` lets everything drain and counts."""

    ward: Ward
    wiring: Wiring
    addresses: Addresses
    records: Records
    homes: InsistentHomes
    mail: MailSink

    def measure(self, part: int) -> None:
        """Give the homes one more part of the script to send."""
        for gateway, readings in spread([self.ward.parts[part]]).items():
            self.homes.measure(gateway, readings)

    async def kill_at(self, step: str, passing: int) -> None:
        """Run a backend until it has come to ``step`` so often. Fails where it never does."""
        worker = start_worker(replace(self.wiring, step=step, passing=passing))
        try:
            await asyncio.to_thread(worker.join, DEAD_WITHIN_S)
            assert worker.exitcode == -signal.SIGKILL, f"{step} was not passed {passing} times: {worker.exitcode}"
        finally:
            await _end(worker)

    async def kill_after(self, seconds: float) -> None:
        """Run a backend for so long."""
        worker = start_worker(self.wiring)
        await asyncio.sleep(seconds)
        await _end(worker)

    async def finish(self, seed_number: int) -> Account:
        """Let everything through, send some again in a twisted form, and count."""
        worker = start_worker(self.wiring)
        try:
            await self.homes.settled(DRAINED_WITHIN_S)
            chance = random.Random(seed_number)
            sent = [one for part in self.ward.parts for one in part if chance.random() < _REPEATED]
            for gateway, readings in spread([sent]).items():
                self.homes.measure(gateway, [twisted(one, chance) for one in readings])
            await self.homes.settled(DRAINED_WITHIN_S)
            async with asyncio.timeout(DRAINED_WITHIN_S):
                while await self._calls_due():  # noqa: ASYNC110 - a row that another process writes
                    await asyncio.sleep(0.05)
        finally:
            await _end(worker)
        async with open_readings(self.addresses.readings, self.records) as store:
            found = await account(self.ward, store, self.records, self.mail.mails)
        statuses = self.homes.statuses
        found.expect(set(statuses) == {"stored"}, f"receipts were {dict(statuses)}")
        found.expect(statuses.total() == len(self.ward.readings), f"{statuses.total()} readings have a receipt")
        return found

    async def _calls_due(self) -> int:
        query = select(func.count()).where(notifications.c.state == "due")
        async with self.records.read() as unit:
            return int(await unit.connection.scalar(query) or 0)


async def _end(worker: ForkServerProcess) -> None:
    worker.kill()
    await asyncio.to_thread(worker.join)


@asynccontextmanager
async def stage(folder: Path, pair: Pair, *, parts: int, seed_number: int) -> AsyncIterator[Stage]:
    """Everything but the backend, started."""
    async with AsyncExitStack() as stack:
        addresses = await stack.enter_async_context(stores(pair, folder))
        broker = await stack.enter_async_context(running_broker(folder / "broker"))
        mail = await stack.enter_async_context(mail_sink())
        # One batch at a time: then even a slow machine settles a part of the script in several groups.
        homes = await stack.enter_async_context(insistent_homes(broker, under_way=1))
        records = SqlRecords.open(addresses.records)
        stack.push_async_callback(records.close)
        ward = make_ward(parts, seed_number)
        await admit(records, ward)
        wiring = Wiring(broker.url, addresses.readings, addresses.records, mail.port)
        yield Stage(ward, wiring, addresses, records, homes, mail)


async def killed_and_counted(folder: Path, pair: Pair, step: str, passings: Sequence[int], seed_number: int) -> Account:
    """One backend after the other dies at ``step``, then everything drains and is counted."""
    async with stage(folder, pair, parts=len(passings), seed_number=seed_number) as made:
        for part, passing in enumerate(passings):
            made.measure(part)
            await made.kill_at(step, passing)
        return await made.finish(seed_number)
