"""`hearthline demo`: everything on this machine until Ctrl-C, with the first reading's way told as it happens."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from hearthline_simulator.demo.broker import given_broker
from hearthline_simulator.demo.chain import FIRST, HOPS, Hop
from hearthline_simulator.demo.home_link import SPARE
from hearthline_simulator.demo.interrupt import until_interrupted
from hearthline_simulator.demo.narrate import Narrator
from hearthline_simulator.demo.plugs import PlugError, Plugs, typed_lines, understood
from hearthline_simulator.demo.ports import NoFreePortError, first_free_port
from hearthline_simulator.demo.processes import ChildError
from hearthline_simulator.demo.stack import Stack
from hearthline_simulator.demo.subscriber import Subscriber
from hearthline_simulator.demo.trail import HopError, Trail
from hearthline_simulator.demo.ward_pulse import WardPulse
from hearthline_simulator.ward.live_home import SOON, USUAL, kept_in_cuff, much_later
from hearthline_simulator.ward.profiles import ASTRID, WARD
from hearthline_simulator.ward.staff import Reach, Staff
from hearthline_simulator.ward.writing import Ward, pasts, write_ward

_HOP_WITHIN_S: Final = 60.0
_LOOK_FOR_PERSON_EVERY_S: Final = 0.25
_USED_AFTER_S: Final = 5.0


class DemoError(Exception):
    """The demo cannot start or go on; the message says why and what to do."""


async def run_demo(*, data_dir: Path | None, port: int) -> int:
    """Run until interrupted; returns the exit code."""
    narrator = Narrator()
    demo = Demo(narrator, port)
    try:
        async with _folder(data_dir) as folder:
            await until_interrupted(demo.run(folder), at_once=demo.kill_now, first=narrator.ending)
    except (DemoError, ChildError, NoFreePortError) as error:
        narrator.failed(str(error))
        return 1
    narrator.ended(None if data_dir is None else str(data_dir))
    return 0


@asynccontextmanager
async def _folder(data_dir: Path | None) -> AsyncIterator[Path]:
    if data_dir is None:
        with tempfile.TemporaryDirectory(prefix="hearthline-demo-") as name:
            yield Path(name)
        return
    data_dir = await asyncio.to_thread(data_dir.resolve)
    await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    if await asyncio.to_thread(lambda: any(data_dir.iterdir())):
        raise DemoError(f"{data_dir} is not empty: name an empty folder, since each start makes its own patients")
    yield data_dir


class Demo:
    """One demo."""

    def __init__(self, narrator: Narrator, port: int) -> None:
        self._narrator, self._port = narrator, port
        self._stack: Stack | None = None

    async def run(self, folder: Path) -> None:
        """Until cancelled; raises :class:`ChildError` when a process ends by itself."""
        self._narrator.starting()
        now = datetime.now(UTC)
        memory = kept_in_cuff(now)
        past = await asyncio.to_thread(pasts, (ASTRID, *WARD), now, min(kept.at for kept in memory))
        ward = Ward((ASTRID, *WARD), now, past)

        async def write(data_dir: Path, reach: Reach) -> Staff:
            return await write_ward(data_dir, ward, reach)

        choose = partial(first_free_port, self._port)
        given = given_broker(folder)
        async with Stack(folder, write, choose, given, spare=True, pluggable=True) as self._stack:
            stack = self._stack
            await stack.start()
            if stack.broken:
                raise DemoError("\n".join(map(stack.why_broken, stack.broken)))
            subscriber = await stack.listen()
            others = {profile: known for profile, known in past.items() if profile is not ASTRID}
            pulse = WardPulse(subscriber.client, others, now)
            await self._together(
                stack,
                self._tell(stack, subscriber, now),
                self._go_on(stack),
                self._lend_a_meter(stack),
                self._obey(Plugs(stack)),
                pulse.run(),
            )

    def kill_now(self) -> None:
        """End every process at once."""
        if self._stack is not None:
            self._stack.kill_now()

    async def _together(self, stack: Stack, *works: Coroutine[Any, Any, None]) -> None:
        """Do all of it for as long as every process lives."""
        tasks = [asyncio.create_task(work) for work in works]
        watch = asyncio.create_task(stack.casualty())
        try:
            waiting: set[asyncio.Task[Any]] = {watch, *tasks}
            while True:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                if watch in done:
                    raise watch.result()
        finally:
            for task in (watch, *tasks):
                task.cancel()
            await asyncio.gather(watch, *tasks, return_exceptions=True)

    async def _tell(self, stack: Stack, subscriber: Subscriber, now: datetime) -> None:
        """The first reading's way, then whatever else is sent to somebody."""
        if stack.home is None or stack.backend is None or stack.staff is None:
            raise DemoError("a part of the demo is missing")
        narrator = self._narrator
        narrator.doors(stack.backend.url, self._port, stack.staff.passwords)
        narrator.measuring()
        stored = [kept.record(now) for kept in kept_in_cuff(now)]
        await stack.home.measure("cuff", FIRST, stored=stored)
        trail = Trail(stack, subscriber)
        for hop in HOPS[: HOPS.index(Hop.VISIBLE)]:
            try:
                evidence = await trail.wait(hop, _HOP_WITHIN_S)
            except HopError as error:
                narrator.broken(hop, str(error))
                return
            narrator.hop(hop, stack.elapsed_s, datetime.now(UTC), evidence)
        narrator.waiting(stack.backend.url)
        stack.deliveries.told = narrator.call
        await trail.seen(Hop.ACKNOWLEDGED, _LOOK_FOR_PERSON_EVERY_S)
        taken = await trail.look(Hop.ACKNOWLEDGED)
        narrator.hop(Hop.ACKNOWLEDGED, stack.elapsed_s, datetime.now(UTC), taken or "")

    async def _go_on(self, stack: Stack) -> None:
        """More measurements now and then, so that the screen lives."""
        begun = asyncio.get_running_loop().time()
        number = 0
        while stack.home is not None:
            later = SOON[number] if number < len(SOON) else much_later(number - len(SOON))
            number += 1
            await asyncio.sleep(begun + later.after.total_seconds() - asyncio.get_running_loop().time())
            await stack.home.measure(later.device, later.values)
            self._narrator.measured(later.device, datetime.now(UTC))

    async def _lend_a_meter(self, stack: Stack) -> None:
        """A new cuff lies beside the gateway in its pairing mode; once somebody has paired it, it is used."""
        if stack.home is None:
            return
        name, before = str(SPARE["name"]), len(stack.home.events)
        await stack.home.order({"pairing_mode": name})
        await stack.home.happens("paired", name, after=before)
        await stack.home.happens("disconnected", name, after=before)
        await asyncio.sleep(_USED_AFTER_S)
        await stack.home.measure(name, USUAL)
        self._narrator.measured(name, datetime.now(UTC))

    async def _obey(self, plugs: Plugs) -> None:
        """Unplug and plug in what the person at the terminal says, until nobody says anything more."""
        try:
            async for line in typed_lines():
                try:
                    mend, plug = understood(line)
                    await (plugs.plug_in(plug) if mend else plugs.unplug(plug))
                except PlugError as error:
                    self._narrator.not_done(str(error))
                    continue
                self._narrator.plugged(plug, mended=mend)
                self._narrator.doctor(await plugs.doctor(plug, mended=mend))
        finally:
            plugs.let_go()
