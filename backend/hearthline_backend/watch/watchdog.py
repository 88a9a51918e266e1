"""The watchdog itself: sends, listens, asks, and looks at every tick whether a proof is late."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import uuid4

import aiohttp
import structlog

from hearthline_backend.uplink.port import Message
from hearthline_backend.watch.calling import Call
from hearthline_backend.watch.hops import Hop, Proofs, Rhythm, first_broken
from hearthline_backend.watch.incident import Incidents, Occasion
from hearthline_backend.watch.metrics import WatchMetrics
from hearthline_backend.watch.rounds import Rounds
from hearthline_backend.watch.site import SiteProbe
from hearthline_backend.watch.words import NEXT_STEPS, Finding, Told

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 50
_OWN_SLEEP_TICKS: Final = 5
"""A tick that comes so many ticks late says that we ourselves stood still."""
_LEAST_SLEEP_S: Final = 2.0


class Line(Protocol):
    """What the watchdog needs of its connection to the broker."""

    @property
    def connected(self) -> bool:
        """Whether messages can come at this moment."""

    @property
    def away_reason(self) -> str | None:
        """Why the broker is not reached, where that is known."""

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool = False) -> bool:
        """False when it cannot be sent now."""

    async def messages(self, most: int, linger_s: float) -> Sequence[Message]:
        """Wait for answers."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """They are taken."""


class Watchdog:
    """Runs until it is cancelled. ``call`` is given each call; ``heartbeat_url`` is fetched while all is good."""

    def __init__(
        self,
        line: Line,
        site: SiteProbe,
        rhythm: Rhythm,
        hops: frozenset[Hop],
        *,
        gateway: str,
        call: Callable[[Call], None],
        metrics: WatchMetrics,
        heartbeat_url: str | None = None,
    ) -> None:
        self._line = line
        self._site = site
        self._rhythm = rhythm
        self._hops = hops
        self._call = call
        self._metrics = metrics
        self._heartbeat_url = heartbeat_url
        self._loop = asyncio.get_running_loop()
        self._proofs = Proofs(hops, rhythm, self._loop.time())
        self._incidents = Incidents(rhythm)
        self._rounds = Rounds(gateway, lambda topic, payload: line.publish(topic, payload, None), self)
        self._began: datetime | None = None
        self._said: dict[Hop, str] = {}
        self._site_evidence: tuple[str, ...] = ()
        self._event: str | None = None
        self._asked_site = False
        metrics.watch_hops(
            lambda hop: hop in self._proofs.late(self._loop.time()),
            lambda hop: self._proofs.age(hop, self._loop.time()),
        )

    @property
    def good(self) -> bool:
        """Whether every hop was proved and no proof is late."""
        return self._proofs.complete and not self._proofs.late(self._loop.time()) and not self._incidents.under_way

    @property
    def state(self) -> dict[str, dict[str, object]]:
        """Every hop: whether it is all right, and how old its last proof is."""
        now = self._loop.time()
        late = self._proofs.late(now)
        unproved = self._proofs.unproved
        return {
            hop.value: {
                "ok": hop not in late and hop not in unproved,
                "proved_before_s": None if hop in unproved else round(self._proofs.age(hop, now), 1),
            }
            for hop in self._proofs.hops
        }

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is broken now, first causes only."""
        return self._findings(self._proofs.late(self._loop.time()))

    @property
    def unproved(self) -> list[Hop]:
        """Hops that were never proved since the start."""
        return self._proofs.unproved

    def words_of(self, hop: Hop) -> str:
        """What is known about a hop beside its proofs."""
        return self._known(hop)

    async def run(self) -> None:
        """Everything, for ever. What fails here ends the process, aloud: its supervisor starts it again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="answers")
            group.create_task(self._tick(), name="proofs")
            group.create_task(self._every(self._rhythm.every_s, self._round), name="rounds")
            group.create_task(self._every(self._rhythm.probe_s, self._ask), name="site")
            if self._heartbeat_url is not None:
                group.create_task(self._every(self._rhythm.every_s, self._beat), name="heartbeat")

    # --- what proves something ---------------------------------------------------------------------------------------

    def stored(self, sent: float) -> None:
        """A reading that was sent then is stored."""
        self._proofs.prove(Hop.RECEIPT, sent)
        self._metrics.stored(self._loop.time() - sent)

    def alerted(self, sent: float, calls_waiting_s: float) -> None:
        """It has its alert."""
        self._proofs.prove(Hop.ALERT, sent)
        self._metrics.alerted(self._loop.time() - sent)
        if calls_waiting_s <= self._rhythm.waiting_s:
            self._proofs.prove(Hop.CALLS, self._loop.time())
        else:
            self._said[Hop.CALLS] = f"The oldest waits for {calls_waiting_s:.0f} s."

    async def _listen(self) -> None:
        while True:
            for message in (found := await self._line.messages(_AT_ONCE, 0.0)):
                self._rounds.hear(message)
            self._line.acknowledge(found)

    async def _round(self) -> None:
        self._metrics.begun()
        self._rounds.begin(self._loop.time())

    async def _ask(self) -> None:
        await asyncio.gather(self._ask_site(), self._ask_processes())

    async def _ask_site(self) -> None:
        if Hop.SITE not in self._hops:
            return
        look = await self._site.site()
        self._site_evidence = look.evidence
        if look.problem is not None:
            self._said[Hop.SITE] = f"{look.problem}."
            return
        self._proofs.prove(Hop.SITE, self._loop.time())
        if look.synthetic_event != self._event and self._asked_site:
            self._proofs.prove(Hop.LIVE, self._loop.time())
        self._event, self._asked_site = look.synthetic_event, True

    async def _ask_processes(self) -> None:
        if Hop.READY not in self._hops:
            return
        problem = await self._site.ready()
        if problem is None:
            self._said.pop(Hop.READY, None)
            self._proofs.prove(Hop.READY, self._loop.time())
        else:
            self._said[Hop.READY] = f"{problem}."

    # --- what follows from it ----------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        last = self._loop.time()
        while True:
            await asyncio.sleep(self._rhythm.tick_s)
            now = self._loop.time()
            self._forgive(now - last)
            last = now
            if self._line.connected:
                self._proofs.prove(Hop.BROKER, now)
                self._rounds.send_again(now, self._rhythm.resend_s)
            late = self._proofs.late(now)
            occasion = self._incidents.look(late, now) if late or self._incidents.under_way else None
            if occasion is not None:
                self._tell(occasion, late, now)

    def _forgive(self, gap_s: float) -> None:
        if gap_s > max(_LEAST_SLEEP_S, _OWN_SLEEP_TICKS * self._rhythm.tick_s):
            self._proofs.slept(gap_s)
            log.warning("stood_still", seconds=round(gap_s, 1), next_step="give this process its share of the machine")

    def _tell(self, occasion: Occasion, late: dict[Hop, float], now: float) -> None:
        findings = () if occasion is Occasion.GOOD_AGAIN else self._findings(late)
        if occasion is Occasion.BROKEN or self._began is None:
            self._began = self._at(self._incidents.began or now)
        told = Told(occasion, self._began, datetime.now(UTC), findings)
        hops = [one.hop.value for one in findings]
        (log.info if occasion is Occasion.GOOD_AGAIN else log.error)(
            "operator_call", occasion=occasion.value, hops=hops
        )
        self._call(Call(uuid4(), told))

    def _findings(self, late: dict[Hop, float]) -> tuple[Finding, ...]:
        broken = dict(late)
        if broken and not self._line.connected:  # known before it counts as late: it explains what is late already
            broken.setdefault(Hop.BROKER, self._loop.time() - self._proofs.age(Hop.BROKER, self._loop.time()))
        return tuple(
            Finding(hop, self._at(broken[hop]), self._known(hop), NEXT_STEPS[hop]) for hop in first_broken(broken)
        )

    def _known(self, hop: Hop) -> str:
        parts: list[str] = []
        if hop is Hop.BROKER and not self._line.connected:
            reason = self._line.away_reason
            parts = [f"{reason[0].upper()}{reason[1:]}."] if reason else []
        elif hop in (Hop.RECEIPT, Hop.ALERT):
            if hop is Hop.RECEIPT and self._rounds.refusal is not None:
                parts.append(f"The backend answers {self._rounds.refusal}.")
            parts += [f"{one[0].upper()}{one[1:]}." for one in self._site_evidence]
            parts += [self._said[one] for one in (Hop.READY, Hop.SITE) if one in self._said and self._is_late(one)]
        elif hop in self._said:
            parts = [self._said[hop]]
        return " ".join(parts)

    def _is_late(self, hop: Hop) -> bool:
        return self._proofs.age(hop, self._loop.time()) > self._rhythm.probe_s * 2

    def _at(self, moment: float) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=self._loop.time() - moment)

    async def _beat(self) -> None:
        if self._heartbeat_url is None or not self.good:
            return
        try:
            status = await self._site.fetch(self._heartbeat_url)
        except (aiohttp.ClientError, OSError) as error:
            log.warning("heartbeat_not_sent", reason=type(error).__name__)
            self._metrics.heartbeat(sent=False)
            return
        if status >= 400:  # HTTP's errors begin here
            log.warning("heartbeat_not_sent", status=status)
        self._metrics.heartbeat(sent=status < 400)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        due = self._loop.time()
        while True:
            await work()
            due = max(due + seconds, self._loop.time())
            await asyncio.sleep(due - self._loop.time())
