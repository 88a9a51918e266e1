"""Looks at homes when they are due: silent hops, batteries and clocks, for the technicians."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from hearthline_backend.alerting.home_calls import close_home_alert, open_home_alert
from hearthline_backend.alerting.silence import settled
from hearthline_backend.alerting.silence_evidence import home_evidence
from hearthline_backend.domain.home_faults import DEFAULT_LIMITS, Fault, HomeLimits, faults, limits_of
from hearthline_backend.domain.plans import in_force
from hearthline_backend.domain.silence import HomeEvidence
from hearthline_backend.domain.silence_rules import TechnicalRule
from hearthline_backend.events import Event, EventBus
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.home_alerts import HomeAlert
from hearthline_backend.storage.records.homes import Sensor
from hearthline_backend.storage.records.silence import Intake
from hearthline_backend.storage.records.unit import Unit

if TYPE_CHECKING:
    from uuid import UUID

AT_ONCE: Final = 500
EVERY: Final = timedelta(minutes=5)
"""Homes are looked at on these minutes, many at a time: each look alone would cost a transaction."""
MOST_HOMES: Final = 100_000


class HomeWatch:
    """One per process. What it remembers of plans is only memory."""

    def __init__(self, records: Records, *, clock: Callable[[], datetime], events: EventBus) -> None:
        self._records = records
        self._clock = clock
        self._events = events
        self._revisions = (-1, -1)
        self._limits: dict[str, HomeLimits] = {}

    async def run_due(self) -> int:
        """Look at the homes that are due; returns how many those were."""
        now = self._clock()
        async with self._records.read() as unit:
            first = await unit.silence.next_home_at()
            if first is None or first > now:
                return 0
            intake = settled(await unit.silence.intake(now), now)
        if intake is None:
            return 0
        async with self._records.begin() as unit:
            names = await unit.silence.claim_homes(now, AT_ONCE)
            changed = await self._look(unit, names, intake, now)
        for name in changed:
            self._events.publish(Event("gateway", now, gateway=name))
        return len(names)

    async def _look(self, unit: Unit, names: list[str], intake: Intake, now: datetime) -> list[str]:
        gateways = await unit.homes.gateways_named(names)
        sensors: dict[str, list[Sensor]] = {}
        for sensor in await unit.homes.sensors(names):
            sensors.setdefault(sensor.gateway, []).append(sensor)
        live = await unit.home_alerts.live(names)
        limits = await self._limits_of(unit, sensors, now)
        due: dict[str, datetime] = {}
        changed: list[str] = []
        for name in names:
            home = home_evidence(gateways[name], sensors.get(name, ()))
            its = limits.get(name, DEFAULT_LIMITS)
            found = faults(home, its, now, intake.since)
            if await _keep(unit, home, found, live.get(name, ()), now):
                changed.append(name)
            due[name] = _next(home, its, bool(found or live.get(name)), now)
        await unit.silence.look_at_homes(due)
        return changed

    async def _limits_of(
        self, unit: Unit, sensors: Mapping[str, list[Sensor]], now: datetime
    ) -> Mapping[str, HomeLimits]:
        """When something is an alert there, by the plans of those whose meters are in the home."""
        revisions = await unit.revisions.number("care"), await unit.revisions.number("homes")
        if revisions != self._revisions or len(self._limits) > MOST_HOMES:
            self._revisions, self._limits = revisions, {}
        new = [name for name in sensors if name not in self._limits]
        if new:
            homes = {sensor.address: name for name in new for sensor in sensors[name]}
            held = await unit.homes.assignments(sensors_at=list(homes))
            histories = await unit.care.plan_histories({one.patient_id for one in held})
            rules: dict[str, list[TechnicalRule]] = {name: [] for name in new}
            seen: set[tuple[str, UUID]] = set()
            for one in held:
                key = homes[one.sensor], one.patient_id
                plan = in_force(histories.get(one.patient_id, ()), now)
                if plan is not None and key not in seen and one.covers(one.user_slot, now):
                    seen.add(key)
                    rules[key[0]] += [rule for rule in plan.rules if isinstance(rule, TechnicalRule)]
            self._limits |= {name: limits_of(found) for name, found in rules.items()}
        return self._limits


async def _keep(unit: Unit, home: HomeEvidence, found: list[Fault], live: tuple[HomeAlert, ...], now: datetime) -> bool:
    """Open what is new, close what is over; whether anything changed."""
    known = {(one.about, one.meter): one for one in live}
    changed = False
    for fault in found:
        before = known.pop((fault.about, fault.meter), None)
        await open_home_alert(unit, home.gateway, fault, now)
        changed = changed or before is None or before.hops != fault.hops
    for one in known.values():
        if one.about != "quiet" or _heard_again(home, one):
            await close_home_alert(unit, one, now)
            changed = True
    return changed


def _heard_again(home: HomeEvidence, one: HomeAlert) -> bool:
    """Whether a meter that was quiet has spoken, or belongs to this home no more."""
    meter = next((meter for meter in home.meters if meter.address == one.meter), None)
    if meter is None:
        return True
    return meter.last_heard is not None and (one.since is None or meter.last_heard > one.since)


def _next(home: HomeEvidence, limits: HomeLimits, wrong: bool, now: datetime) -> datetime:
    """When something may have changed: soon while something is wrong or it is not heard."""
    quiet = home.away_since(now) is not None
    wait = EVERY if wrong or quiet else max(EVERY, limits.silent_for)
    begun = datetime.fromtimestamp(0, now.tzinfo)
    return begun + EVERY * -(-(now + wait - begun) // EVERY)
