"""The cuffs of the benchmark: all in reach of one gateway, their connections held open, two people on each.

A second red of the same patient joins the alert that is open already and calls nobody. So every round of measurements
belongs to another user slot of the same cuffs, and to another patient.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from hearthline_simulator.demo.home_link import Event, HomeLink
from hearthline_simulator.ward.meters import CUFF, HomeMeter
from hearthline_simulator.ward.profiles import TIME_ZONE

SLOTS: Final = (1, 2)
RED: Final = {"systolic": 186.0, "diastolic": 112.0, "pulse": 88.0}
"""mmHg and beats a minute."""
_SPACE: Final = UUID("4a7a2c55-8d3e-5b0c-9b64-2f5f1c0d7e31")


@dataclass(frozen=True, slots=True)
class BenchCuff:
    """One cuff, by its name in the simulated home and its address."""

    name: str
    address: str

    @property
    def meter(self) -> HomeMeter:
        """As the gateway's configuration lists it."""
        return HomeMeter(CUFF, self.address)

    def patient(self, slot: int) -> UUID:
        """Whose measurements a user slot's are."""
        return uuid5(_SPACE, f"{self.address}/{slot}")

    def assignment(self, slot: int) -> UUID:
        """The assignment that says so."""
        return uuid5(_SPACE, f"{self.address}/{slot}/assignment")


def bench_cuffs(count: int) -> tuple[BenchCuff, ...]:
    """So many cuffs, with static random addresses."""
    return tuple(
        BenchCuff(f"cuff-{one}", f"C2:48:4C:B0:{one >> 8:02X}:{one & 0xFF:02X}") for one in range(1, count + 1)
    )


class HeldOpenHome(HomeLink):
    """The process that plays the cuffs, and what is heard of it. ``at`` is this machine's clock, in UTC."""

    def __init__(self, folder: Path, bus: str, cuffs: Sequence[BenchCuff]) -> None:
        super().__init__(folder, bus, ())
        options = {"bus": bus, "home_zone": TIME_ZONE, "meters": [_option(cuff) for cuff in cuffs]}
        (folder / "simulated-home.json").write_text(json.dumps(options))
        self.subscribed: dict[str, datetime] = {}
        self.indicated: dict[str, datetime] = {}
        """By the cuff's name, since :meth:`next_round`."""
        self.left: set[str] = set()
        """Cuffs whose connection ended."""
        self.told = self._hear

    def next_round(self) -> None:
        """Forget the indications so far."""
        self.indicated = {}

    async def measure_red(self, cuff: BenchCuff, slot: int) -> None:
        """Somebody measures 186/112 mmHg; the cuff indicates it at once, over the connection it has."""
        await self.measure(cuff.name, {**RED, "user": slot})

    def _hear(self, event: Event) -> None:
        match event["event"]:
            case "subscribed":
                self.subscribed.setdefault(event["meter"], _at(event))
            case "indicated":
                self.indicated.setdefault(event["meter"], _at(event))
            case "disconnected":
                self.left.add(event["meter"])
            case _:
                pass


def _at(event: Event) -> datetime:
    return datetime.fromisoformat(event["at"])


def _option(cuff: BenchCuff) -> dict[str, Any]:
    return {"name": cuff.name, "profile": "blood_pressure", "address": cuff.address, "held_open": True}
