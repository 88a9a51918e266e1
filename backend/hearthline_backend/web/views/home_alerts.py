"""What is wrong in a home, as alerts: since when, who has it, what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.domain.silence import Hop
from hearthline_backend.storage.records.home_alerts import HomeAlert, HomeAlertEvent, HomeAlertState, HomeHappened
from hearthline_backend.storage.records.homes import Sensor
from hearthline_backend.storage.records.people import User
from hearthline_backend.web.figures import device_name
from hearthline_backend.web.language import _
from hearthline_backend.web.times import When, stamp, when
from hearthline_backend.web.views.patient import Entry
from hearthline_backend.web.views.silence_words import hop_name


@dataclass(frozen=True, slots=True)
class HomeAlertLine:
    """One live alert. ``act`` is what the viewer may do: take, take_over or give_back; ``had`` is who has it."""

    id: int
    mark: str
    sign: str
    words: str
    opened: When
    owner: str
    act: str
    had: str = ""


def lines(
    alerts: Sequence[HomeAlert], sensors: Sequence[Sensor], people: Mapping[UUID, User], viewer: UUID, now: datetime
) -> tuple[HomeAlertLine, ...]:
    """The live ones, oldest first."""
    live = sorted((one for one in alerts if one.closed_at is None), key=lambda one: (one.opened_at, one.id))
    return tuple(_line(one, sensors, people, viewer, now) for one in live)


def owner_words(alerts: Sequence[HomeAlert], people: Mapping[UUID, User], viewer: UUID) -> str:
    """Who has a home's live alerts; empty where it has none."""
    if not alerts:
        return ""
    if any(one.state is HomeAlertState.OPEN for one in alerts):
        return _("Nobody yet")
    names = {_("You") if one.owner_id == viewer else _name(one, people) for one in alerts}
    return ", ".join(sorted(names))


def entries(
    alerts: Sequence[HomeAlert], sensors: Sequence[Sensor], events: Sequence[HomeAlertEvent], now: datetime
) -> list[tuple[datetime, Entry]]:
    """What is on record of them."""
    found: list[tuple[datetime, Entry]] = []
    for one in alerts:
        words = alert_words(one, sensors)
        found.append((one.opened_at, Entry(stamp(one.opened_at, now), _("Alert opened"), small=words)))
        if one.closed_at is not None:
            found.append((one.closed_at, Entry(stamp(one.closed_at, now), _("Over by itself"), small=words)))
        for event in events:
            acts = {HomeHappened.ACKNOWLEDGED: _("{name} took it"), HomeHappened.GIVEN_BACK: _("{name} gave it back")}
            if event.home_alert_id == one.id and event.what in acts:
                said = acts[event.what].format(name=event.initials or _("Somebody"))
                found.append((event.at, Entry(stamp(event.at, now), said, small=words)))
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


def _name(one: HomeAlert, people: Mapping[UUID, User]) -> str:
    owner = people.get(one.owner_id) if one.owner_id is not None else None
    return _("Somebody") if owner is None else owner.initials


def _line(
    one: HomeAlert, sensors: Sequence[Sensor], people: Mapping[UUID, User], viewer: UUID, now: datetime
) -> HomeAlertLine:
    mark, sign = {
        "battery": ("yellow", "soon"),
        "clock": ("yellow", "soon"),
        "quiet": ("none", "wait"),
    }.get(one.about, ("red", "broken"))
    taken = one.state is HomeAlertState.ACKNOWLEDGED
    mine = one.owner_id == viewer
    has = _("You have it") if mine else _("{name} has it").format(name=_name(one, people))
    return HomeAlertLine(
        one.id,
        mark,
        sign,
        alert_words(one, sensors),
        when(one.opened_at, now),
        has if taken else _("Nobody yet"),
        "take" if not taken else "give_back" if mine else "take_over",
        "" if one.owner_id is None or mine else str(one.owner_id),
    )
