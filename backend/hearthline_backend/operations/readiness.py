"""``/readyz``: whether this process can do its work now, and if not, which part, since when and what to do next.

Every check is bounded in time, asked at most once a second, and never a second time while an earlier try still hangs:
a probe must not pile up on a store that is dead.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

log = structlog.get_logger(__name__)

CHECK_WITHIN_S: Final = 1.5
KEPT_FOR_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a check does not pass. ``next_step`` is for the operator and holds no secret and no value; ``since`` is when
    it began, None where only its being noticed is known."""

    next_step: str
    since: datetime | None = None


Probe = Callable[[], Awaitable[Trouble | None]]
"""Asks one part; None: all is well. It raises nothing that it can foresee."""


class Check:
    """One part that the work needs."""

    def __init__(self, name: str, probe: Probe, clock: Callable[[], datetime], within_s: float) -> None:
        self.name = name
        self._probe = probe
        self._clock = clock
        self._within_s = within_s
        self._since: datetime | None = None
        self._asking: asyncio.Task[Trouble | None] | None = None

    async def look(self) -> dict[str, Any]:
        """The check as it stands in the answer."""
        trouble = await self._trouble()
        if trouble is None:
            self._since = None
            return {"check": self.name, "ok": True}
        self._since = trouble.since or self._since or self._clock()
        return {
            "check": self.name,
            "ok": False,
            "since": self._since.isoformat(),
            "next_step": trouble.next_step,
        }

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _trouble(self) -> Trouble | None:
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name=f"check-{self.name}")
        asking = self._asking
        await asyncio.wait({asking}, timeout=self._within_s)
        if not asking.done():
            return Trouble(f"{self.name} did not answer within {self._within_s:g} s: see whether it hangs")
        self._asking = None
        return asking.result()

    async def _ask(self) -> Trouble | None:
        try:
            return await self._probe()
        except Exception as error:  # a check that fails is an answer, and the log says more
            log.exception("check_failed", check=self.name)
            return Trouble(f"{self.name} failed with {type(error).__name__}: the log of this process says where")


class Readiness:
    """All checks of a process. They are asked side by side, and one answer serves everybody for a second."""

    def __init__(self, clock: Callable[[], datetime], within_s: float = CHECK_WITHIN_S) -> None:
        self._clock = clock
        self._within_s = within_s
        self._checks: list[Check] = []
        self._lock = asyncio.Lock()
        self._answer: Sequence[dict[str, Any]] = ()
        self._until = 0.0

    def add(self, name: str, probe: Probe) -> None:
        """Ask this part too."""
        self._checks.append(Check(name, probe, self._clock, self._within_s))

    async def answer(self) -> tuple[bool, Sequence[dict[str, Any]]]:
        """Whether all is well, and every check."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() >= self._until:
                self._answer = await asyncio.gather(*(check.look() for check in self._checks))
                self._until = loop.time() + KEPT_FOR_S
        return all(check["ok"] for check in self._answer), self._answer

    async def close(self) -> None:
        """Ask no more."""
        await asyncio.gather(*(check.close() for check in self._checks))
