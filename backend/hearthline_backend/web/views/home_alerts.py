"""What is wrong in a home, as alerts: since when, who has it, what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.domain.silence import Hop
from hearthline_backend.storage.records.home_alerts import HomeAlert, HomeAlertState
from hearthline_backend.storage.records.homes import Sensor
from hearthline_backend.storage.records.people import User
from hearthline_backend.web.figures import device_name
from hearthline_backend.web.language import _
from hearthline_backend.web.times import When, stamp, when
from hearthline_backend.web.views.patient import Entry
from hearthline_backend.web.views.silence_words import hop_name


@dataclass(frozen=True, slots=True)
class HomeAlertLine:
    """One live alert. ``act`` says that nobody has it yet."""

    id: int
    mark: str
    sign: str
    words: str
    opened: When
    owner: str
    act: bool


def lines(
    alerts: Sequence[HomeAlert], sensors: Sequence[Sensor], people: Mapping[UUID, User], now: datetime
) -> tuple[HomeAlertLine, ...]:
    """The live ones, oldest first."""
    live = sorted((one for one in alerts if one.closed_at is None), key=lambda one: (one.opened_at, one.id))
    return tuple(_line(one, sensors, people, now) for one in live)


def entries(alerts: Sequence[HomeAlert], sensors: Sequence[Sensor], now: datetime) -> list[tuple[datetime, Entry]]:
    """What is on record of them."""
    found: list[tuple[datetime, Entry]] = []
    for one in alerts:
        words = alert_words(one, sensors)
        found.append((one.opened_at, Entry(stamp(one.opened_at, now), _("Alert opened"), small=words)))
        if one.closed_at is not None:
            found.append((one.closed_at, Entry(stamp(one.closed_at, now), _("Over by itself"), small=words)))
    return found


def alert_words(one: HomeAlert, sensors: Sequence[Sensor]) -> str:
    """What is wrong, with the meter it is about."""
    device = next((device_name(sensor.device) for sensor in sensors if sensor.address == one.meter), _("Meter"))
    if one.about == "battery":
        return _("{meter}: battery soon empty").format(meter=device)
    if one.about == "clock":
        return _("{meter}: clock off").format(meter=device) if one.meter else _("Gateway without time")
    if one.about == "quiet":
        return _("{meter}: nothing came of it though it is expected").format(meter=device)
    if one.meter:
        return (
            _("{meter}: pairing lost").format(meter=device)
            if Hop.BOND in one.hops
            else _("{meter}: has a problem").format(meter=device)
        )
    names = ", ".join(hop_name(hop) for hop in one.hops)
    return (
        _("Broken: {hops}").format(hops=names)
        if len(one.hops) == 1
        else _("Broken, cannot be told apart: {hops}").format(hops=names)
    )


def _line(one: HomeAlert, sensors: Sequence[Sensor], people: Mapping[UUID, User], now: datetime) -> HomeAlertLine:
    mark, sign = {
        "battery": ("yellow", "soon"),
        "clock": ("yellow", "soon"),
        "quiet": ("none", "wait"),
    }.get(one.about, ("red", "broken"))
    taken = one.state is HomeAlertState.ACKNOWLEDGED
    owner = people.get(one.owner_id) if one.owner_id is not None else None
    has = _("{name} has it").format(name=owner.initials if owner is not None else _("Somebody"))
    return HomeAlertLine(
        one.id,
        mark,
        sign,
        alert_words(one, sensors),
        when(one.opened_at, now),
        has if taken else _("Nobody yet"),
        not taken,
    )
