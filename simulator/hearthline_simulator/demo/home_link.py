"""The simulated home as a child process: commands down its standard input, events up its standard output."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hearthline_simulator.demo.processes import POLL_S, Child, ChildError
from hearthline_simulator.ward.meters import HomeMeter
from hearthline_simulator.ward.profiles import TIME_ZONE

Event = Mapping[str, Any]
READY_WITHIN_S: Final = 20.0


_PROFILES: Final = {
    "cuff": "blood_pressure",
    "oximeter": "pulse_oximeter",
    "scale": "weight_scale",
    "thermometer": "thermometer",
}
_CLOCK_OFFSET_S: Final = {"cuff": 127.0, "oximeter": -4.0}
"""How far a meter's clock is ahead of the home's; every other one is right."""
SPARE: Final = {
    "name": "new cuff",
    "profile": "blood_pressure",
    "address": "C2:48:4C:04:17:63",
    "battery_percent": 96,
    "advertised_name": "A&D_UA-651BLE_0417",
}
"""A meter that lies in the home and that the gateway does not read until somebody pairs it."""
_BATTERY_PERCENT: Final = {"cuff": 78, "oximeter": 64, "scale": 91, "thermometer": 55}


class HomeLink:
    """The home's process. ``told`` hears each event as it comes."""

    def __init__(self, folder: Path, bus: str, meters: Sequence[HomeMeter], *, spare: bool = False) -> None:
        options = folder / "simulated-home.json"
        described = [_option(one) for one in meters] + ([SPARE] if spare else [])
        options.write_text(json.dumps({"bus": bus, "home_zone": TIME_ZONE, "meters": described}))
        self.child = Child(
            "simulated home",
            (sys.executable, "-m", "hearthline_simulator.home", str(options)),
            log=folder / "simulated-home.log",
            talks=True,
        )
        self.events: list[Event] = []
        self.told: Callable[[Event], None] | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when every meter is on the air."""
        await self.child.start()
        self._listening = asyncio.create_task(self._listen(), name="simulated home")
        await self.child.ready(self._is_ready, READY_WITHIN_S)

    async def stop(self) -> None:
        """End the process and the listening."""
        await self.child.stop()
        if self._listening is not None:
            await asyncio.gather(self._listening, return_exceptions=True)

    async def measure(self, meter: str, values: Mapping[str, Any], *, stored: Sequence[Event] = ()) -> None:
        """Somebody measures: the meter keeps ``stored`` (older) and then ``values``, and advertises."""
        command: dict[str, Any] = {"measure": meter, **values}
        if stored:
            command["stored"] = [dict(one) for one in stored]
        await self.order(command)

    async def order(self, command: Mapping[str, Any]) -> None:
        """Any command of the home's, such as ``{"vanish": "cuff"}``."""
        pipe = self.child.process.stdin
        if pipe is None:
            raise ChildError(self.child.name, "was started without its pipes", self.child.tail())
        pipe.write((json.dumps(command) + "\n").encode())
        await pipe.drain()

    async def happens(self, event: str, meter: str, *, after: int) -> Event:
        """Wait for an event at a meter, later than the first ``after`` events."""
        while True:
            for one in self.events[after:]:
                if (one["event"], one.get("meter")) == (event, meter):
                    return one
            await asyncio.sleep(POLL_S)

    async def left_alone(self, meter: str) -> None:
        """Wait until nobody is connected to a meter."""
        while (last := self._last_link(meter)) is not None and last["event"] == "connected":  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)

    def _last_link(self, meter: str) -> Event | None:
        links = (one for one in reversed(self.events) if one.get("meter") == meter)
        return next((one for one in links if one["event"] in ("connected", "disconnected")), None)

    def seen(self, event: str, meter: str) -> Event | None:
        """The newest event of that name at that meter."""
        return next((one for one in reversed(self.events) if (one["event"], one.get("meter")) == (event, meter)), None)

    def error(self) -> str | None:
        """What the home could not do, if anything."""
        return next((str(one.get("message")) for one in self.events if one["event"] == "error"), None)

    async def _is_ready(self) -> bool:
        return any(event["event"] == "ready" for event in self.events)

    async def _listen(self) -> None:
        pipe = self.child.process.stdout
        while pipe is not None and (line := await pipe.readline()):
            event = json.loads(line)
            self.events.append(event)
            if self.told is not None:
                self.told(event)


def _option(home_meter: HomeMeter) -> dict[str, Any]:
    device = home_meter.meter.device
    return {
        "name": device,
        "profile": _PROFILES[device],
        "address": home_meter.address,
        "clock_offset_s": _CLOCK_OFFSET_S.get(device, 0.0),
        "battery_percent": _BATTERY_PERCENT[device],
    }
