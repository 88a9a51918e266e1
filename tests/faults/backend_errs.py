"""A backend that answers twice, late, partly, never, for batches nobody sent, or with what is no receipt."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID, uuid4

from hearthline_gateway.uplink.schedule import Timing
from hearthline_protocol.messages import Receipt
from tests.faults.home import NAME, running_home
from tests.faults.ledger import Ledger
from tests.faults.measurements import SENSORS, ends_connection, measurement
from tests.faults.outcome import Outcome, counted
from tests.fixtures.broker import running_broker
from tests.fixtures.receipt_backend import HeardBatch, ReceiptBackend, entries

_IMPATIENT = Timing(resend_first=0.05, resend_max=0.4, knock_first=0.02, knock_max=0.2)
"""Sends again before a late answer has come, so that both meet."""
_AT_A_TIME = 7
"""Small batches, so that there are many answers."""


class Erring:
    """Errs at random. What it answers with ``stored`` is stored; some of what it stores it never answers."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self._ledger = ledger
        self._chance = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self.send: Callable[[Receipt | bytes], None] = lambda _: None
        self.erred: Counter[str] = Counter()
        self.strangers = 0

    def __call__(self, batch: HeardBatch) -> Sequence[Receipt]:
        way = self._chance.choice(("twice", "late", "partly", "never", "deaf", "for nobody", "garbage", "well"))
        self.erred[way] += 1
        if way == "deaf":  # the batch is gone before it was stored
            return ()
        self._ledger.store(batch)
        whole = entries(batch.batch, batch.ids)
        if way == "late":
            self._loop.call_later(self._chance.uniform(0.05, 0.6), self.send, whole)
            return ()
        if way == "for nobody":
            self.strangers += 3
            strange = entries(str(uuid4()), [str(UUID(int=self._chance.getrandbits(128))) for _ in range(3)])
            return (strange, entries(str(uuid4()), batch.ids))
        if way == "garbage":
            self.send(self._chance.randbytes(40))
        some = [reading_id for reading_id in batch.ids if self._chance.random() < 0.5]
        answers = {"twice": (whole, whole), "partly": (entries(batch.batch, some),), "well": (whole,)}
        return answers.get(way, ())


async def errs(folder: Path, *, readings: int, seed: int = 20261122) -> Outcome:
    """Every reading must end stored, whatever the answers are."""
    ledger = Ledger()
    answer = Erring(ledger, seed)
    per_sensor = readings // len(SENSORS)
    async with (
        running_broker(folder / "broker") as broker,
        ReceiptBackend(broker.port, answer=answer) as backend,
        running_home(folder, broker.port, timing=_IMPATIENT, batch_readings=_AT_A_TIME) as home,
    ):
        answer.send = lambda receipt: backend.send(NAME, receipt)
        for number in range(per_sensor):
            for sensor in SENSORS:
                await home.pipeline.heard(measurement(sensor, number))
                if ends_connection(number):
                    await home.pipeline.connection_ended(sensor)
        for sensor in SENSORS:
            await home.pipeline.connection_ended(sensor)
        await home.settled()
        kept = await home.all_ids()
        strangers = home.uplink.counts.unknown_ids
    words = ", ".join(f"{count:,} {way}" for way, count in sorted(answer.erred.items()))
    return counted(
        "backend that errs",
        f"answers: {words}; {sum(ledger.received.values()) - len(kept):,} readings came again",
        promised=kept,
        kept=kept,
        stored=ledger.ids,
        twice=ledger.twice,
        failures=[] if strangers <= answer.strangers else [f"{strangers} ids of {answer.strangers} were strange"],
    )
