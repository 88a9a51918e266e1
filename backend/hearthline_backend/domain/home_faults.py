"""What is wrong in a home and wants a technician, whoever lives there: a pure function of what its gateway said."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from hearthline_backend.domain.silence import Finding, HomeEvidence, Hop
from hearthline_backend.domain.silence_rules import TechnicalRule

About = Literal["silent_hop", "quiet", "battery", "clock"]
"""What a home alert is about. ``quiet`` is a meter that is not heard while something is expected of it."""


@dataclass(frozen=True, slots=True)
class HomeLimits:
    """When something in a home becomes an alert: a battery at or under so many percent, a clock wrong by so many
    seconds or more, a hop broken for so long."""

    battery_percent: float = 20
    clock_s: float = 300
    silent_for: timedelta = timedelta(hours=1)


DEFAULT_LIMITS: Final = HomeLimits()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. ``meter`` is its address, empty where it is the home's."""

    about: About
    meter: str
    hops: tuple[Hop, ...]
    since: datetime | None


def limits_of(rules: Iterable[TechnicalRule]) -> HomeLimits:
    """The strictest of the rules of everybody who lives in the home; the defaults where there is none."""
    found = tuple(rules)
    battery = [one.limit for one in found if one.signal == "battery" and one.limit is not None]
    clock = [one.limit for one in found if one.signal == "clock" and one.limit is not None]
    silent = [one.lasting for one in found if one.signal == "silent_hop"]
    return HomeLimits(
        max(battery, default=DEFAULT_LIMITS.battery_percent),
        min(clock, default=DEFAULT_LIMITS.clock_s),
        min(silent, default=DEFAULT_LIMITS.silent_for),
    )


def faults(home: HomeEvidence, limits: HomeLimits, now: datetime, could_come_since: datetime | None) -> list[Fault]:
    """Everything that is wrong. A home is never silent for the time in which nothing could come from any: before
    ``could_come_since``, or at all where that is None."""
    away = home.away_since(now)
    found: list[Fault] = []
    if away is not None:
        lasting = None if could_come_since is None else now - max(away, could_come_since)
        if lasting is not None and lasting >= limits.silent_for and home.heard_at is not None:
            hops = (Hop.GATEWAY,) if home.stopped else (Hop.GATEWAY, Hop.NETWORK)
            found.append(Fault("silent_hop", "", hops, away))
    elif home.adapter_works is False:
        found.append(Fault("silent_hop", "", (Hop.ADAPTER,), home.status_at))
    for meter in home.meters:
        if (meter.paired is False or meter.problem) and meter.last_heard is not None:  # else it is being set up
            broken = Hop.BOND if meter.paired is False else Hop.METER
            found.append(Fault("silent_hop", meter.address, (broken,), meter.last_heard))
        if meter.battery_percent is not None and meter.battery_percent <= limits.battery_percent:
            found.append(Fault("battery", meter.address, (Hop.METER,), meter.last_heard))
        if meter.clock_offset_s is not None and abs(meter.clock_offset_s) >= limits.clock_s:
            found.append(Fault("clock", meter.address, (Hop.METER,), meter.last_heard))
    if home.clock_right is False and away is None:
        found.append(Fault("clock", "", (Hop.GATEWAY,), home.status_at))
    return found


def of_finding(finding: Finding, home: HomeEvidence) -> list[Fault]:
    """What a technician has to look at where a measurement did not come: the home where the break lies past the meter,
    else its meters, one by one. What is behind every home is the operator's."""
    hops = tuple(hop for hop in finding.hops if hop.technical and hop not in (Hop.BROKER, Hop.BACKEND))
    if not hops or hops == (Hop.NETWORK,):  # what the home kept is on its way
        return []
    if any(hop in (Hop.ADAPTER, Hop.GATEWAY, Hop.NETWORK) for hop in hops) and Hop.METER not in hops:
        return [Fault("silent_hop", "", hops, finding.since)]
    about: About = "silent_hop" if finding.certain else "quiet"
    return [Fault(about, meter.address, hops, finding.since) for meter in home.meters]
