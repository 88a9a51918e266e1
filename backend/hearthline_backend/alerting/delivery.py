"""Sends what is due: at least once, every attempt on record before anything leaves.

A claim and its attempt are committed before the message goes out, so a process that dies between a server's yes and our
commit leaves an attempt without an outcome: the next one is sent again and says "repeat". Channels are sent side by
side and never wait for each other.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import SystemRandom
from typing import Any, Final

import structlog

from hearthline_backend.alerting.channels import About, Channel, DeliveryError, Message
from hearthline_backend.alerting.fallback import somebody_else
from hearthline_backend.alerting.report_calls import another_way
from hearthline_backend.domain.rules import Level
from hearthline_backend.events import Event, EventBus
from hearthline_backend.storage.ports import Records, StoreUnavailableError
from hearthline_backend.storage.records.alerts import Happened
from hearthline_backend.storage.records.calls import AttemptOutcome, Claim, DueTask, Task
from hearthline_backend.storage.records.notices import NoticeKind
from hearthline_backend.storage.records.reports import Report
from hearthline_backend.storage.records.unit import Unit

log = structlog.get_logger(__name__)
_RANDOM: Final = SystemRandom()


@dataclass(frozen=True, slots=True)
class Retry:
    """Back-off doubles from ``first`` to ``longest``, with jitter. After ``give_up_after`` tries somebody else is
    called instead; where there is nobody else, the tries go on at the longest back-off."""

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=5)
    give_up_after: int = 6
    lease: timedelta = timedelta(seconds=15)
    """How long a message is ours to send: a little over a channel's own time-out. After a crash it is the longest a
    call waits to go again."""
    at_once: int = 32
    """Messages under way in one channel."""
    unserved_after: timedelta = timedelta(seconds=60)
    """A message by a channel that no process has is given up then."""

    def wait(self, tries: int, jitter: float) -> timedelta:
        """How long to wait after so many tries; ``jitter`` from 0 to 1 takes off up to a quarter."""
        doubled: timedelta = self.first * 2 ** min(tries - 1, 20)
        return min(doubled, self.longest) * (1 - jitter / 4)


@dataclass(frozen=True, slots=True)
class _Result:
    claim: Claim
    ended_at: datetime
    error: DeliveryError | None


class Delivery:
    """Owns the messages under way. ``link`` turns an alert's number into its address, which names no patient, and
    ``view`` the path of a notice's view."""

    def __init__(
        self,
        records: Records,
        channels: Mapping[str, Channel],
        *,
        link: Callable[[int], str],
        view: Callable[[str], str] = lambda path: path,
        clock: Callable[[], datetime],
        events: EventBus,
        wake: Callable[[], None] = lambda: None,
        retry: Retry | None = None,
        jitter: Callable[[], float] = _RANDOM.random,
    ) -> None:
        self._records = records
        self._channels = channels
        self._link = link
        self._view = view
        self._clock = clock
        self._events = events
        self._wake = wake
        self._retry = retry or Retry()
        self._jitter = jitter
        self._under_way = dict.fromkeys(channels, 0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._results: list[_Result] = []
        self._turning = asyncio.Lock()
        self._finishing = False

    async def send_due(self) -> int:
        """Claim what is due and start sending it; returns how many were started, without waiting for them."""
        now = self._clock()
        async with self._records.read() as unit:
            first = await unit.calls.next_notification_at(now)
        if first is None or first > now:
            return 0
        started = await self._turn(claim=True)
        return started + (await self._give_up_unserved(now) if first <= now - self._retry.unserved_after else 0)

    async def _give_up_unserved(self, now: datetime) -> int:
        """A contact by a channel that this installation has not, such as mail without a mail server, is no way to reach
        anybody. It waits a moment, for another process may have the channel."""
        retry = self._retry
        async with self._records.begin() as unit:
            since = now - retry.unserved_after
            claims = await unit.calls.claim_unserved(self._channels, since, now, retry.lease, retry.at_once)
        for claim in claims:
            error = DeliveryError(f"the channel {claim.channel} is not set up", permanent=True)
            log.error("channel_not_set_up", channel=claim.channel)
            self._results.append(_Result(claim, now, error))
        await self._turn(claim=False)
        return len(claims)

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def finish(self) -> None:
        """Begin no other call, and wait for the outcome of those under way."""
        self._finishing = True
        await self.settle()

    async def close(self) -> None:
        """Stop. What is under way is cut off: its attempt has no outcome, and it goes again, marked as a repeat."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel in self._channels.values():
            await channel.close()

    def _address_of(self, claim: Claim) -> str:
        number = claim.notification.alert_id
        return self._view(claim.path) if number is None else self._link(number)

    def _start(self, claim: Claim, planned: DueTask | None, report: Report | None) -> None:
        message = compose(claim, planned, self._address_of, self._clock(), report)
        self._under_way[claim.channel] += 1
        task = asyncio.create_task(self._send(claim, message), name=f"deliver-{claim.channel}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, claim: Claim, message: Message) -> None:
        error = None
        try:
            await self._channels[claim.channel].send(message)
        except DeliveryError as caught:
            error = caught
            log.warning("call_not_delivered", channel=claim.channel, attempt=claim.attempt, detail=caught.detail)
        except Exception as caught:  # a channel's defect must not lose the call: it is tried again
            error = DeliveryError(f"unexpected {type(caught).__name__}", maybe_arrived=True)
            log.exception("channel_defect", channel=claim.channel, attempt=claim.attempt)
        self._results.append(_Result(claim, self._clock(), error))
        await self._turn(claim=False)

    async def _turn(self, *, claim: bool) -> int:
        """One transaction for everything that has ended meanwhile and for what can start in its place."""
        async with self._turning:
            results, self._results = self._results, []
            if not (results or claim):
                return 0
            was_full = {name for name, number in self._under_way.items() if number >= self._retry.at_once}
            for result in results:
                if result.claim.channel in self._under_way:
                    self._under_way[result.claim.channel] -= 1
            try:
                claims, planned, reports = await self._write_and_claim(
                    results, self._free(self._channels if claim else was_full)
                )
            except StoreUnavailableError:
                log.exception("calls_not_written", outcomes=len(results))  # without outcome they go again, marked
                return 0
            for one in claims:
                number = one.notification.alert_id or 0
                self._start(one, planned.get(number), reports.get(number))
        for result in results:
            self._publish(result)
        if any(result.error is not None for result in results):
            self._wake()  # somebody else may have to be called at once
        return len(claims)

    def _free(self, channels: Iterable[str]) -> dict[str, int]:
        """How many more may be under way. A channel that had room had nothing waiting: it need not be asked again."""
        if self._finishing:
            return {}
        return {name: self._retry.at_once - self._under_way[name] for name in channels}

    async def _write_and_claim(
        self, results: list[_Result], free: Mapping[str, int]
    ) -> tuple[list[Claim], Mapping[int, DueTask], Mapping[int, Report]]:
        now = self._clock()
        claims: list[Claim] = []
        async with self._records.begin() as unit:
            if len(results) > 1 or any(result.error is not None for result in results):
                await unit.alerts.lock(_alerts_of(one.claim for one in results))
                await unit.reports.lock_told(_notices_of(one.claim for one in results))
            for result in results:
                await self._write(unit, result)
            if free:
                claims = await unit.calls.claim(free, now, self._retry.lease)
            alerts = _alerts_of(claims)
            return claims, await unit.calls.next_tasks(alerts), await unit.reports.of_alerts(alerts)

    def _publish(self, result: _Result) -> None:
        claim = result.claim
        alert = claim.notification.alert_id
        self._events.publish(Event("alert", result.ended_at, claim.patient_id, claim.team_id, alert_id=alert))

    async def _write(self, unit: Unit, result: _Result) -> None:
        claim, error, now = result.claim, result.error, result.ended_at
        one = claim.notification.id
        if error is None:
            await unit.calls.end_attempt(one, claim.attempt, AttemptOutcome.SENT, now, None)
            await unit.calls.sent(one, now)
            return
        outcome = AttemptOutcome.UNKNOWN if error.maybe_arrived else AttemptOutcome.FAILED
        await unit.calls.end_attempt(one, claim.attempt, outcome, now, error.detail)
        if error.permanent or claim.attempt >= self._retry.give_up_after:
            await self._give_up(unit, claim, error, now)
        else:
            await unit.calls.retry(one, now + self._retry.wait(claim.attempt, self._jitter()))

    async def _give_up(self, unit: Unit, claim: Claim, error: DeliveryError, now: datetime) -> None:
        row = claim.notification
        if claim.notice is NoticeKind.REPORT:
            if await another_way(unit, claim, frozenset(self._channels), now):
                await unit.calls.failed(row.id)
            else:
                await unit.calls.retry(row.id, now + self._retry.longest)
            return
        if row.alert_id is None:  # a notice is for one person: it is tried on, or never can arrive
            log.error("notice_not_delivered", channel=claim.channel, attempts=claim.attempt, detail=error.detail)
            if error.permanent:
                await unit.calls.failed(row.id)
            else:
                await unit.calls.retry(row.id, now + self._retry.longest)
            return
        if error.permanent or claim.attempt == self._retry.give_up_after:
            detail = {"notification": str(row.id), "channel": claim.channel, "attempts": claim.attempt}
            await unit.alerts.record(row.alert_id, now, Happened.NOT_DELIVERED, detail=detail)
            log.error("call_given_up", channel=claim.channel, attempts=claim.attempt, detail=error.detail)
        if await somebody_else(unit, claim, frozenset(self._channels), now):
            await unit.calls.failed(row.id)
        else:
            await unit.calls.retry(row.id, now + self._retry.longest)


def _alerts_of(claims: Iterable[Claim]) -> set[int]:
    return {one.notification.alert_id for one in claims if one.notification.alert_id is not None}


def _notices_of(claims: Iterable[Claim]) -> set[int]:
    return {number for one in claims if (number := one.notification.notice_id) is not None}


def _to_read(report: Report, claim: Claim, now: datetime) -> bool:
    """Whether a call says that there is a report: not where a red calls, which is about more."""
    return report.waiting and claim.level is Level.YELLOW and report.confirm_by > now


def _place(payload: Mapping[str, Any]) -> int | None:
    """Who is called next, see :class:`~hearthline_backend.alerting.channels.Message`."""
    people, place = int(payload.get("people", 0)), payload.get("place")
    if place is None:  # a row of an earlier release
        return int(payload["next"]) % people + 1 if people > 1 else None
    return None if people == 1 else int(place)


def compose(
    claim: Claim,
    planned: DueTask | None,
    link: Callable[[Claim], str],
    now: datetime,
    report: Report | None = None,
) -> Message:
    """What one claim says. ``planned`` is the next thing that happens to its alert, ``report`` what came with it."""
    row = claim.notification
    escalates = planned if planned is not None and planned.what is Task.ESCALATE else None
    place = None if escalates is None else _place(escalates.payload)
    return Message(
        notification=row.id,
        alert=row.alert_id,
        level=claim.level,
        occasion=row.occasion,
        repeat=claim.repeat,
        link=link(claim),
        sent_at=now,
        address=claim.address,
        secret=claim.secret,
        locale=claim.locale,
        time_zone=claim.time_zone,
        emergency_number=claim.emergency_number,
        acknowledge_by=escalates.due_at if escalates is not None else None,
        next_place=place,
        notice=claim.notice,
        about=About(claim.patient, claim.kind) if claim.safe and claim.notice is None else None,
        confirm_by=report.confirm_by if report is not None and _to_read(report, claim, now) else None,
    )
