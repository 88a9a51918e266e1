"""Homes as a technician sees them: devices, times, counts. Nothing here has ever touched a measured value or a name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from hearthline_backend.storage.records.homes import Gateway, Sensor
from hearthline_backend.web.figures import NBSP, device_name, number_text
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import When, age_text, stamp, when
from hearthline_protocol.configuration import ReportedConfiguration
from hearthline_protocol.messages import GatewayStatus, MeterStatus

OFFLINE_AFTER: Final = timedelta(minutes=15)
NOT_HEARD_AFTER: Final = timedelta(hours=36)
"""A meter only speaks after a measurement: this long means that the second slot has passed."""
BATTERY_SOON: Final = 20
CLOCK_OFF: Final = timedelta(seconds=60)
WAITS_TOO_LONG: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that needs a hand. ``sort`` groups it for the filters; lower ``rank`` first."""

    sort: str
    rank: int
    mark: str
    sign: str
    words: str
    since: datetime | None
    next_step: str


@dataclass(frozen=True, slots=True)
class HomeState:
    """One home at one moment."""

    gateway: Gateway
    status: GatewayStatus | None
    sensors: tuple[Sensor, ...]
    problems: tuple[Problem, ...]
    offline: bool
    now: datetime
    cut: bool = False
    """Nothing can come from it now: it is offline, or the broker is not reached from here."""
    listed: frozenset[str] | None = None
    """Addresses of the meters that the gateway says it reads; None where it never said."""

    @property
    def meters(self) -> Mapping[str, MeterStatus]:
        """What the gateway last said of each meter, by address."""
        return {} if self.status is None else {meter.address: meter for meter in self.status.meters}

    @property
    def waiting(self) -> int:
        """Readings that wait in the home, as of its last contact."""
        return 0 if self.status is None or self.status.outbox is None else self.status.outbox.pending


@dataclass(frozen=True, slots=True)
class HomeLine:
    """One row of the fleet."""

    home: str
    gateway: str
    problem: Problem | None
    more: int
    since: str
    since_time: str
    next_step: str
    contact: When | None
    meters: str
    battery: int | None
    battery_words: str
    owner: str = ""
    """Who has the home's alerts; empty where it has none."""


@dataclass(frozen=True, slots=True)
class FleetChip:
    """One filter with its count."""

    name: str
    text: str
    count: int
    mark: str
    sign: str
    here: bool


def read_status(gateway: Gateway) -> GatewayStatus | None:
    """The gateway's own status; None before the first, or where a newer gateway says things we do not know."""
    if gateway.status is None:
        return None
    try:
        return GatewayStatus.model_validate(dict(gateway.status))
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class Behind:
    """What this service knows of the hops behind every home."""

    broker_away_since: datetime | None = None
    stores_away_since: datetime | None = None


ALL_WELL: Final = Behind()


def state_of(gateway: Gateway, sensors: Sequence[Sensor], now: datetime, behind: Behind = ALL_WELL) -> HomeState:
    """A home with everything that is wrong in it, the worst first."""
    status = read_status(gateway)
    offline = is_offline(gateway, now)
    problems = [*_problems_behind(behind)]
    if not (offline and problems):  # behind a broken broker nobody can tell whether a home is offline
        problems += _gateway_problems(gateway, status, offline, now)
    if status is not None:
        named = {sensor.address: device_name(sensor.device) for sensor in sensors}
        for meter in status.meters:
            problems += _meter_problems(meter, named.get(meter.address, meter.model), now, offline)
    problems.sort(key=lambda one: (one.rank, one.since or now))
    cut = offline or behind.broker_away_since is not None
    return HomeState(gateway, status, tuple(sensors), tuple(problems), offline, now, cut, _listed(gateway))


def is_offline(gateway: Gateway, now: datetime) -> bool:
    """Whether the gateway cannot be reached, as its own last status, the broker or its silence says."""
    status, heard = read_status(gateway), gateway.heard_at
    return (status is not None and status.state == "offline") or heard is None or now - heard > OFFLINE_AFTER


def stopped(status: GatewayStatus | None) -> bool:
    """Whether the gateway itself said that it ends; a last will, which the broker says for it, knows no time."""
    return status is not None and status.state == "offline" and status.sent_time is not None


def _listed(gateway: Gateway) -> frozenset[str] | None:
    if gateway.reported is None:
        return None
    try:
        reported = ReportedConfiguration.model_validate(dict(gateway.reported))
    except ValidationError:
        return None
    return frozenset(meter.address for meter in reported.meters)


def _problems_behind(behind: Behind) -> list[Problem]:
    found = []
    if behind.broker_away_since is not None:
        step = _("Look at the broker: every home waits for it and keeps its readings")
        found.append(Problem("broker", -1, "red", "broken", _("Broken at the broker"), behind.broker_away_since, step))
    if behind.stores_away_since is not None:
        step = _("Look at the database: nothing is acknowledged until it takes readings again, and nothing is lost")
        words = _("The store takes no readings")
        found.append(Problem("store", -1, "red", "broken", words, behind.stores_away_since, step))
    return found


def _gateway_problems(gateway: Gateway, status: GatewayStatus | None, offline: bool, now: datetime) -> list[Problem]:
    if gateway.heard_at is None:
        step = _("Switch the gateway on in the home. Enrolled, but it has not been heard yet.")
        return [Problem("offline", 1, "none", "wait", _("Never heard"), gateway.enrolled_at, step)]
    if stopped(status):
        step = _("It comes back by itself after a restart or an update. If not, ask the home to unplug it for 30 s")
        at = gateway.status_at or gateway.heard_at
        return [Problem("stopped", 0, "red", "broken", _("The gateway was stopped"), at, step)]
    if offline:
        step = _("Ask whether the internet box and the gateway have power")
        return [Problem("offline", 0, "red", "broken", _("Offline"), gateway.heard_at, step)]
    found = []
    if status is not None and status.adapter is not None and status.adapter not in ("powered", "on"):
        off = status.adapter.startswith("powered off")
        words = _("Bluetooth is off") if off else _("Bluetooth does not work")
        found.append(Problem("bluetooth", 0, "red", "broken", words, status.sent_time, _sentence(status.adapter)))
    for adapter in status.adapters if status is not None and not found else ():
        if adapter.problem is not None:
            words = _("Bluetooth adapter {name} has a problem").format(name=adapter.name)
            since = status.sent_time if status is not None else None
            found.append(Problem("bluetooth", 0, "red", "broken", words, since, adapter.problem))
    for said in status.problems if status is not None else ():
        since = status.sent_time if status is not None else None
        found.append(Problem("gateway", 1, "red", "broken", _("The gateway needs a hand"), since, said))
    if status is not None and status.clock_synchronised is False:
        step = _("Its readings may be dated wrongly. Check its way to a time server")
        found.append(Problem("clock", 2, "yellow", "soon", _("Gateway without time"), status.sent_time, step))
    outbox = status.outbox if status is not None else None
    if outbox is not None and outbox.oldest_pending is not None and now - outbox.oldest_pending > WAITS_TOO_LONG:
        many = n_(
            "The store answers nothing: {n} reading waits",
            "The store answers nothing: {n} readings wait",
            outbox.pending,
        )
        words = many.format(n=outbox.pending)
        step = _("Look at the backend: the home is online, but gets no receipts")
        found.append(Problem("waits", 1, "red", "broken", words, outbox.oldest_pending, step))
    return found


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def _meter_problems(meter: MeterStatus, name: str, now: datetime, offline: bool) -> list[Problem]:
    found = []
    since = meter.last_heard
    if meter.paired is False and since is None:
        words = _("Not paired yet: {meter}").format(meter=name.lower())
        step = meter.problem or _("Put it into pairing mode near the gateway, which pairs it by itself")
        found.append(Problem("quiet", 2, "none", "wait", words, since, step))
    elif meter.paired is False:
        words = _("Pairing lost: {meter}").format(meter=name.lower())
        step = meter.problem or _("Pair it again: the home presses one button on the meter")
        found.append(Problem("pairing", 0, "red", "broken", words, since, step))
    elif meter.problem:
        words = _("{meter} has a problem").format(meter=name)
        found.append(Problem("meter", 1, "red", "broken", words, since, meter.problem))
    if meter.battery_percent is not None and meter.battery_percent <= BATTERY_SOON:
        words = _("Battery soon: {meter}, {percent} %").format(meter=name.lower(), percent=meter.battery_percent)
        step = _("Send new cells")
        found.append(Problem("battery", 3, "yellow", "soon", words.replace(" %", f"{NBSP}%"), since, step))
    if meter.clock_offset_s is not None and abs(meter.clock_offset_s) > CLOCK_OFF.total_seconds():
        off = age_text(timedelta(seconds=abs(meter.clock_offset_s)))
        words = _("Clock off: {meter}, {time}").format(meter=name.lower(), time=off)
        step = _("Readings are corrected. It is set at the next contact")
        found.append(Problem("clock", 4, "yellow", "soon", words, since, step))
    if not offline and meter.last_heard is not None and now - meter.last_heard > NOT_HEARD_AFTER:
        words = _("{meter} not heard").format(meter=name)
        step = _("Ask: in reach of the gateway? New batteries?")
        found.append(Problem("quiet", 2, "none", "wait", words, since, step))
    return found


def line(state: HomeState, owner: str = "") -> HomeLine:
    """A home's row in the fleet. ``owner`` says who has its alerts."""
    worst = state.problems[0] if state.problems else None
    levels = [meter.battery_percent for meter in state.meters.values() if meter.battery_percent is not None]
    low = min(levels, default=None)
    heard = state.gateway.heard_at
    return HomeLine(
        home=state.gateway.home,
        gateway=state.gateway.name,
        problem=worst,
        more=max(0, len(state.problems) - 1),
        since=age_text(state.now - worst.since, exact=True) if worst is not None and worst.since is not None else "",
        since_time=stamp(worst.since, state.now) if worst is not None and worst.since is not None else "",
        next_step=worst.next_step if worst is not None else "",
        contact=when(heard, state.now, exact=True) if heard is not None else None,
        meters=_meters_words(state),
        battery=low,
        battery_words=_("not told") if low is None else f"{low}{NBSP}%",
        owner=owner,
    )


def _meters_words(state: HomeState) -> str:
    heard = [
        meter
        for meter in state.meters.values()
        if meter.last_heard is not None and state.now - meter.last_heard <= NOT_HEARD_AFTER
    ]
    return _("{n} of {all} heard").format(n=len(heard), all=max(len(state.sensors), len(state.meters)))


SORTS: Final = (
    "broker",
    "store",
    "offline",
    "stopped",
    "gateway",
    "pairing",
    "bluetooth",
    "waits",
    "meter",
    "quiet",
    "battery",
    "clock",
)
"""Sorts of problems, in the order of the filters."""


def sort_words(sort: str) -> tuple[str, str, str]:
    """A sort's word, mark and sign."""
    return {
        "broker": (_("Broker away"), "red", "broken"),
        "store": (_("Store away"), "red", "broken"),
        "offline": (_("Offline"), "red", "broken"),
        "stopped": (_("Gateway stopped"), "red", "broken"),
        "gateway": (_("Gateway problem"), "red", "broken"),
        "pairing": (_("Pairing lost"), "red", "broken"),
        "bluetooth": (_("Bluetooth off"), "red", "broken"),
        "waits": (_("Readings wait"), "red", "broken"),
        "meter": (_("Meter problem"), "red", "broken"),
        "quiet": (_("Meter not heard"), "none", "wait"),
        "battery": (_("Battery soon"), "yellow", "soon"),
        "clock": (_("Clock off"), "yellow", "soon"),
    }[sort]


def chips(states: Sequence[HomeState], show: str) -> tuple[FleetChip, ...]:
    """Filters: what needs a hand, each sort that occurs, everything."""
    needing = sum(bool(state.problems) for state in states)
    found = [FleetChip("hand", _("Needs a hand"), needing, "", "", show == "hand")]
    for sort in SORTS:
        count = sum(any(one.sort == sort for one in state.problems) for state in states)
        if count:
            words, mark, sign = sort_words(sort)
            found.append(FleetChip(sort, words, count, mark, sign, show == sort))
    found.append(FleetChip("all", _("All homes"), len(states), "", "", show == "all"))
    return tuple(found)


def visible(states: Sequence[HomeState], show: str, wanted: str) -> list[HomeState]:
    """Homes that a filter and a search leave, broken first, then the longest."""
    left = list(states)
    if wanted:
        part = wanted.casefold()
        left = [
            state
            for state in left
            if part in state.gateway.home.casefold()
            or part in state.gateway.name.casefold()
            or any(part in sensor.model.casefold() or part in sensor.address.casefold() for sensor in state.sensors)
        ]
    elif show == "hand":
        left = [state for state in left if state.problems]
    elif show != "all":
        left = [state for state in left if any(one.sort == show for one in state.problems)]
    return sorted(left, key=_order)


def _order(state: HomeState) -> tuple[int, datetime, str]:
    worst = state.problems[0] if state.problems else None
    if worst is None:
        return 9, state.now, state.gateway.home
    return worst.rank, worst.since or state.now, state.gateway.home


def answer(states: Sequence[HomeState]) -> str:
    """The heading."""
    needing = sum(bool(state.problems) for state in states)
    fine = len(states) - needing
    if not states:
        return _("No home is enrolled yet")
    if not needing:
        return n_("The one home is fine", "All {n} homes are fine", fine).format(n=number_text(fine, 0))
    hand = n_("{n} home needs a hand", "{n} homes need a hand", needing).format(n=number_text(needing, 0))
    rest = n_("{n} is fine", "{n} are fine", fine).format(n=number_text(fine, 0))
    return f"{hand}, {rest}"


@dataclass(frozen=True, slots=True)
class FleetFacts:
    """Counts over all homes."""

    heard: str
    waiting: str
    oldest: str
    rejected: int
    held: int


def fleet_facts(states: Sequence[HomeState], quarantined: Mapping[tuple[str, str], int], now: datetime) -> FleetFacts:
    """What the side of the fleet says."""
    names = {state.gateway.name for state in states}
    heard = sum(not state.offline for state in states)
    oldest = [
        state.status.outbox.oldest_pending
        for state in states
        if state.status is not None
        and state.status.outbox is not None
        and state.status.outbox.oldest_pending is not None
    ]
    return FleetFacts(
        heard=_("{n} of {all}").format(n=number_text(heard, 0), all=number_text(len(states), 0)),
        waiting=number_text(sum(state.waiting for state in states), 0),
        oldest=age_text(now - min(oldest), exact=True) if oldest else _("none"),
        rejected=sum(count for (name, status), count in quarantined.items() if status == "rejected" and name in names),
        held=sum(count for (name, status), count in quarantined.items() if status == "held"),
    )
