"""`hearthline demo --check`: the whole chain without a person, in a folder of its own, leaving nothing behind."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from hearthline_simulator.demo.broker import given_broker
from hearthline_simulator.demo.chain import FIRST, HOPS, Hop, Victim
from hearthline_simulator.demo.counting import count_into
from hearthline_simulator.demo.interrupt import until_interrupted
from hearthline_simulator.demo.kill import SHOWN_AT, KillError, kill_at_worst
from hearthline_simulator.demo.nurse import SiteError, nurse_at
from hearthline_simulator.demo.ports import free_port
from hearthline_simulator.demo.processes import ChildError
from hearthline_simulator.demo.report import Report
from hearthline_simulator.demo.stack import Stack
from hearthline_simulator.demo.subscriber import Subscriber
from hearthline_simulator.demo.trail import HopError, Trail
from hearthline_simulator.ward.live_home import kept_in_cuff
from hearthline_simulator.ward.profiles import ASTRID
from hearthline_simulator.ward.staff import NURSE, Reach, Staff
from hearthline_simulator.ward.writing import Ward, write_ward

_WITHIN_S: Final = 80.0
_WITHIN_WITH_KILL_S: Final = 112.0
_ONLINE_WITHIN_S: Final = 30.0
_PATIENCE_S: Final = dict.fromkeys(HOPS, 15.0) | {Hop.DECODED: 40.0, Hop.PUBLISHED: 20.0, Hop.STORED: 20.0}
_PATIENCE_WITH_KILL_S: Final = 85.0
"""A call that was cut off half-way goes again only when its lease of a minute has ended."""
_AFTER_FAILURE_S: Final = 3.0
_OF_THE_ALERT: Final = (Hop.MAIL, Hop.WEBHOOK, Hop.VISIBLE, Hop.ACKNOWLEDGED)


async def run_check(*, as_json: bool, kill: Victim | None) -> int:
    """Run once, print the report; returns the exit code."""
    check = Check(kill)
    await until_interrupted(check.run(), at_once=check.kill_now)
    report = check.report
    if not report.complete:
        report.break_at("the check was interrupted")
    typer.echo(report.as_json() if as_json else report.as_table())
    return 0 if report.ok else 1


class Check:
    """One run. :attr:`report` is complete when :meth:`run` has returned."""

    def __init__(self, kill: Victim | None) -> None:
        self._kill = kill
        self._stack: Stack | None = None
        self._killing: asyncio.Task[str] | None = None
        self.report = Report()

    async def run(self) -> None:
        """Never raises for what is wrong with the chain: that stands in the report."""
        now = datetime.now(UTC)

        async def write(data_dir: Path, reach: Reach) -> Staff:
            return await write_ward(data_dir, Ward((ASTRID,), now, {}), reach)

        try:
            with tempfile.TemporaryDirectory(prefix="hearthline-check-") as name:
                folder = Path(name)
                # Somebody else's broker is not ours to hold or to kill.
                given = given_broker(folder) if self._kill in (None, Victim.BACKEND) else None
                async with Stack(folder, write, free_port, given) as self._stack:
                    await self._follow_in_time(self._stack, now)
        except Exception as error:  # noqa: BLE001  # whatever it is, the report has to say so
            self.report.break_at(f"{type(error).__name__}: {error}")

    def kill_now(self) -> None:
        """End every process at once."""
        if self._stack is not None:
            self._stack.kill_now()

    async def _follow_in_time(self, stack: Stack, now: datetime) -> None:
        limit = _WITHIN_S if self._kill is None else _WITHIN_WITH_KILL_S
        try:
            async with asyncio.timeout(limit):
                await self._follow(stack, now)
        except TimeoutError:
            self.report.break_at(f"no evidence when the check's {limit:.0f} s were over")
        finally:
            if self._killing is not None:
                self._killing.cancel()
                await asyncio.gather(self._killing, return_exceptions=True)

    async def _follow(self, stack: Stack, now: datetime) -> None:
        await stack.start()
        subscriber = await stack.listen()
        trail = Trail(stack, subscriber)
        await self._measure_and_kill(stack, subscriber, trail, now)
        async with AsyncExitStack() as sessions:
            for hop in HOPS:
                if hop is Hop.VISIBLE:
                    await self._end_killing()
                    await self._sign_in(stack, trail, sessions)
                await self._pass(stack, trail, hop)
            await self._end_killing()
            await count_into(self.report, trail)

    async def _measure_and_kill(self, stack: Stack, subscriber: Subscriber, trail: Trail, now: datetime) -> None:
        async def measure() -> None:
            if stack.home is not None and not {"simulated home", "gateway"} & stack.broken.keys():
                stored = [kept.record(now) for kept in kept_in_cuff(now)]
                await stack.home.measure("cuff", FIRST, stored=stored)

        if self._kill is None or stack.broken:
            await measure()
            return
        try:
            async with asyncio.timeout(_ONLINE_WITHIN_S):
                await subscriber.online(ASTRID.gateway)
        except TimeoutError:
            raise ChildError("gateway", "did not say on MQTT that it is online", _tail(stack)) from None
        self._killing = asyncio.create_task(kill_at_worst(self._kill, stack, trail, measure))
        trail.trouble = self._trouble

    def _trouble(self) -> str | None:
        killing = self._killing
        if killing is None or not killing.done() or killing.cancelled() or killing.exception() is None:
            return None
        return str(killing.exception())

    async def _end_killing(self) -> None:
        """The process that was killed is up again; what was done stands with the hop that had to survive it."""
        if self._killing is None or self._kill is None:
            return
        try:
            self.report.add(SHOWN_AT[self._kill], await self._killing)
        except (KillError, ChildError) as error:
            self.report.spoil(SHOWN_AT[self._kill], str(error))
        self._killing = None

    async def _sign_in(self, stack: Stack, trail: Trail, sessions: AsyncExitStack) -> None:
        if stack.backend is None or stack.staff is None or trail.alert is None:
            return
        try:
            nurse = nurse_at(stack.backend.url, NURSE, stack.staff.passwords[NURSE])
            trail.nurse = await sessions.enter_async_context(nurse)
        except (SiteError, OSError) as error:
            self.report.failed(Hop.VISIBLE, str(error))

    async def _pass(self, stack: Stack, trail: Trail, hop: Hop) -> None:
        if self.report.has(hop):
            return
        broken = self.report.first_failure
        if broken is not None and (trail.row is None or (hop in _OF_THE_ALERT and trail.alert is None)):
            self.report.failed(hop, f"not reached: {broken} failed")
            return
        patience = _PATIENCE_S[hop] if self._kill is None else _PATIENCE_WITH_KILL_S
        try:
            evidence = await trail.wait(hop, patience if broken is None else _AFTER_FAILURE_S)
        except HopError as error:
            self.report.failed(hop, str(error))
        else:
            self.report.passed(hop, stack.elapsed_s, evidence)


def _tail(stack: Stack) -> str:
    return "" if stack.gateway is None else stack.gateway.tail()
