"""One round: every cuff measures one red, and every call is awaited."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Final

from bench.evidence import at_backend, at_home
from bench.installation import Installation
from bench.journey import Journey
from hearthline_simulator.demo.sinks import Delivery

_POLL_S: Final = 0.05
_DELIVERED_WITHIN_S: Final = 60.0
_RECEIPTED_WITHIN_S: Final = 30.0


class BenchError(Exception):
    """The chain did not do what is measured; the message says how far it came."""


class Round:
    """A round of one user slot; it counts what arrives from the moment it is made."""

    def __init__(self, chain: Installation, slot: int) -> None:
        self._chain, self._slot = chain, slot
        self._first = len(chain.deliveries.all)
        chain.home.next_round()

    async def run(self, rate: float | None) -> list[Journey]:
        """Every cuff once, ``rate`` a second, or all at once where it is None. Returns when every webhook has arrived
        and every reading has its receipt. Raises :class:`BenchError`, ``ChildError``."""
        await self._measure(rate)
        count = len(self._chain.cuffs)
        if not await wait_until(self._chain, lambda: len(self._calls()) >= count, _DELIVERED_WITHIN_S):
            raise BenchError(f"not every webhook arrived within {_DELIVERED_WITHIN_S:.0f} s. {self._how_far()}")
        if not await wait_until(self._chain, lambda: self._receipted() >= count, _RECEIPTED_WITHIN_S):
            raise BenchError(f"not every receipt came within {_RECEIPTED_WITHIN_S:.0f} s. {self._how_far()}")
        return self._journeys()

    async def _measure(self, rate: float | None) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, cuff in enumerate(self._chain.cuffs):
            if rate is not None:
                await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
            await self._chain.home.measure_red(cuff, self._slot)

    def _calls(self) -> dict[int, Delivery]:
        """The first genuine webhook of each red alert, by the alert's number."""
        calls: dict[int, Delivery] = {}
        for one in self._chain.deliveries.all[self._first :]:
            if one.channel == "webhook" and one.genuine and one.title == "red":
                calls.setdefault(_alert_of(one.text), one)
        return calls

    def _receipted(self) -> int:
        return sum(row.stored for row in at_home(self._chain.outbox_file, self._slot).values())

    def _journeys(self) -> list[Journey]:
        home, backend = at_home(self._chain.outbox_file, self._slot), at_backend(self._chain.records_file)
        calls, indicated = self._calls(), self._chain.home.indicated
        journeys: list[Journey] = []
        for cuff in self._chain.cuffs:
            kept = home.get(cuff.address)
            known = None if kept is None else backend.get(kept.reading)
            call = None if known is None else calls.get(known.alert)
            if not (kept and kept.sent and known and known.call_begun and call and cuff.name in indicated):
                raise BenchError(f"the webhooks are not those of the reds: {cuff.name} has none. {self._how_far()}")
            began = indicated[cuff.name]
            journeys.append(Journey(began, kept.received, kept.sent, known.judged, known.call_begun, call.at))
        return journeys

    def _how_far(self) -> str:
        """The counts of each hop, so that the one that lost something can be seen."""
        home, backend = at_home(self._chain.outbox_file, self._slot), at_backend(self._chain.records_file)
        alerts = [backend[row.reading] for row in home.values() if row.reading in backend]
        counts = {
            "indicated": len(self._chain.home.indicated),
            "in the outbox": len(home),
            "sent": sum(row.sent is not None for row in home.values()),
            "with a receipt": sum(row.stored for row in home.values()),
            "red alerts": len(alerts),
            "calls begun": sum(row.call_begun is not None for row in alerts),
            "webhooks": len(self._calls()),
            "connections lost": len(self._chain.home.left),
        }
        return f"Of {len(self._chain.cuffs)} reds: " + ", ".join(f"{name} {count}" for name, count in counts.items())


def _alert_of(link: str) -> int:
    """The number in front of a link's signature."""
    return int.from_bytes(urlsafe_b64decode(link.rpartition("/")[2])[:8], "big")


async def wait_until(chain: Installation, done: Callable[[], bool], within_s: float) -> bool:
    """Whether it came true in time. Raises ``ChildError`` as soon as a process has ended that nobody ended."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not done():
        chain.check()
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True
