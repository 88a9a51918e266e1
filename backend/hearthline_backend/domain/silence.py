"""Why a measurement did not come: the first broken hop of a reading's road, as far as the evidence can tell.

A meter speaks only after a measurement, so that "not measured", "out of range" and "battery empty" look the same from
here; so do a home without power and one without internet. What cannot be told apart is listed, never guessed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.silence_rules import MissingRule

OFFLINE_AFTER: Final = timedelta(minutes=15)
"""A gateway that was not heard for this long is away."""
WAITS_TOO_LONG: Final = timedelta(minutes=15)
"""A reading that waits in a home for longer than this was not answered at the first try."""

DEVICES_FOR: Final[Mapping[str, str]] = {
    "blood_pressure": "cuff",
    "oxygen_saturation": "oximeter",
    "body_weight": "scale",
    "body_composition": "scale",
    "body_temperature": "thermometer",
    "glucose": "glucose_meter",
    "heart_rate": "heart_rate_strap",
}
"""What measures each kind."""


class Hop(StrEnum):
    """Where a reading's road may be broken, in the order of the road."""

    NOT_MEASURED = "not_measured"
    METER = "meter"
    """Out of range, its battery empty, or faulty."""
    BOND = "bond"
    ADAPTER = "adapter"
    GATEWAY = "gateway"
    NETWORK = "network"
    BROKER = "broker"
    BACKEND = "backend"
    """It arrived and waits: for the store, or for a person to say whose it is."""

    @property
    def technical(self) -> bool:
        """Whether a technician mends it."""
        return self is not Hop.NOT_MEASURED


@dataclass(frozen=True, slots=True)
class MeterEvidence:
    """A meter as its gateway last knew it. ``reported`` False: its gateway never spoke of it; ``listed`` False: the
    gateway does not read it; None: it never said."""

    address: str
    reported: bool = True
    listed: bool | None = None
    paired: bool | None = None
    last_heard: datetime | None = None
    last_reading: datetime | None = None
    last_error: datetime | None = None
    battery_percent: int | None = None
    clock_offset_s: float | None = None
    problem: bool = False


@dataclass(frozen=True, slots=True)
class HomeEvidence:
    """One gateway as it is known here. ``stopped``: it said itself that it ends; ``offline``: it or the broker, as its
    last will, says that it is gone. ``status_at`` is when it last told how it is."""

    gateway: str
    enrolled_at: datetime
    heard_at: datetime | None = None
    offline: bool = False
    stopped: bool = False
    status_at: datetime | None = None
    started_at: datetime | None = None
    adapter_works: bool | None = None
    clock_right: bool | None = None
    oldest_waiting: datetime | None = None
    last_receipt: datetime | None = None
    meters: tuple[MeterEvidence, ...] = ()

    def away_since(self, now: datetime) -> datetime | None:
        """Since when it cannot be reached; None while it can."""
        if self.heard_at is None:
            return self.enrolled_at
        return self.heard_at if self.offline or now - self.heard_at > OFFLINE_AFTER else None


@dataclass(frozen=True, slots=True)
class Absence:
    """The broker or the backend's stores were away, from ``since`` until at least ``until``."""

    hop: Hop
    since: datetime
    until: datetime

    def covers(self, at: datetime) -> bool:
        """Whether it was away at that moment."""
        return self.since <= at <= self.until


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one expected measurement: from when a reading counted for its slot, when the slot closed, the
    homes with the meters that measure it (only those), and when hops that all homes share were away. ``held``: readings
    of these meters arrived since then and wait here for a person's word."""

    counts_from: datetime
    slot_closed: datetime
    now: datetime
    homes: tuple[HomeEvidence, ...]
    held: bool = False
    absences: tuple[Absence, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """The first broken hop; several where they cannot be told apart, in the order of the road. ``since``: from when on
    nothing came past it; None where nobody knows. ``meterless``: nothing that measures it belongs to the patient.
    ``away``: a hop behind every home was away, and took nothing from anybody."""

    hops: tuple[Hop, ...]
    since: datetime | None = None
    meterless: bool = False
    away: bool = False

    @property
    def certain(self) -> bool:
        """Whether the evidence names one hop."""
        return len(self.hops) == 1


@dataclass(frozen=True, slots=True)
class Routing:
    """Who has to know."""

    care: bool
    technician: bool


def first_broken_hop(evidence: Evidence) -> Finding:
    """Where the road was broken as the slot closed."""
    if evidence.held:
        return Finding((Hop.BACKEND,), None)
    away = min((one for one in evidence.absences if one.covers(evidence.slot_closed)), key=_on_the_road, default=None)
    if away is not None:
        return Finding((away.hop,), away.since, away=True)
    found = [_of_meter(home, meter, evidence) for home in evidence.homes for meter in home.meters]
    if not found:
        return Finding((Hop.NOT_MEASURED,), None, meterless=True)
    return together(found)


def together(findings: Iterable[Finding]) -> Finding:
    """One finding of several meters or homes, any of which may have been the one: whatever may be broken in each."""
    found = tuple(findings)
    hops = {hop for one in found for hop in one.hops}
    times = [one.since for one in found]
    since = None if None in times else max((at for at in times if at is not None), default=None)
    return Finding(tuple(hop for hop in Hop if hop in hops), since)


def routing(finding: Finding, slots_missed: int) -> Routing:
    """What was not measured is the care team's, the rest the technician's. What cannot be told apart is the care team's
    and from the second missed slot on both's."""
    technical = [hop.technical for hop in finding.hops]
    if all(technical):
        return Routing(care=False, technician=True)
    return Routing(care=True, technician=any(technical) and slots_missed > 1)


def level_of(rule: MissingRule, slots_missed: int) -> Level | None:
    """How much so many missed slots in a row matter; None: not yet."""
    if rule.red_after is not None and slots_missed >= rule.red_after:
        return Level.RED
    return Level.YELLOW if slots_missed >= rule.yellow_after else None


def _on_the_road(absence: Absence) -> tuple[int, datetime]:
    return tuple(Hop).index(absence.hop), absence.since


def _before(since: datetime | None, evidence: Evidence) -> bool:
    return since is not None and since <= evidence.slot_closed


def _of_meter(home: HomeEvidence, meter: MeterEvidence, evidence: Evidence) -> Finding:
    return _of_home(home, evidence) or _of_the_meter_itself(home, meter, evidence)


def _of_home(home: HomeEvidence, evidence: Evidence) -> Finding | None:
    """What is broken past the meter; None where the home works."""
    away = home.away_since(evidence.now)
    if _before(away, evidence):
        return Finding((Hop.GATEWAY,) if home.stopped else (Hop.GATEWAY, Hop.NETWORK), away)
    waiting = home.oldest_waiting
    if waiting is not None and _before(waiting, evidence) and evidence.now - waiting > WAITS_TOO_LONG:
        told, answered = home.status_at or evidence.now, home.last_receipt
        flows = answered is not None and told - answered <= WAITS_TOO_LONG
        return Finding((Hop.NETWORK if flows else Hop.BACKEND,), waiting)  # answered, so it is on its way now
    if home.adapter_works is False:
        return Finding((Hop.ADAPTER,), home.status_at)
    return None


def _of_the_meter_itself(home: HomeEvidence, meter: MeterEvidence, evidence: Evidence) -> Finding:
    if meter.paired is False or meter.listed is False:
        return Finding((Hop.BOND,), meter.last_heard)
    if meter.problem:
        return Finding((Hop.METER,), meter.last_heard)
    if meter.last_heard is not None and meter.last_heard >= evidence.counts_from:
        return Finding((Hop.METER if _failed(meter, evidence.counts_from) else Hop.NOT_MEASURED,), meter.last_heard)
    hops = [Hop.NOT_MEASURED, Hop.METER]
    if not meter.reported:
        hops.append(Hop.BOND)
    if home.started_at is not None and home.started_at > evidence.counts_from:
        hops.append(Hop.GATEWAY)  # it was off for a part of the time, when a meter may have called in vain
    return Finding(tuple(hops), meter.last_heard)


def _failed(meter: MeterEvidence, counts_from: datetime) -> bool:
    """Heard in time, but it could not be read."""
    failed = meter.last_error
    return failed is not None and failed >= counts_from and (meter.last_reading is None or meter.last_reading < failed)
