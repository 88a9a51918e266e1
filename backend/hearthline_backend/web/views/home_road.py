"""The road of a reading through one home's hops: which works, which is broken, and where nobody can tell."""

from dataclasses import dataclass, replace
from typing import Final

from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import age_text, stamp
from hearthline_backend.web.views.homes import NOT_HEARD_AFTER, HomeState


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop. ``state`` is ok, broken, beyond or unsure."""

    name: str
    state: str
    words: str


_PLACES: Final = {"bluetooth": 1, "gateway": 2, "stopped": 2, "offline": 2, "broker": 4, "store": 5, "waits": 5}
"""Which hop a sort of problem breaks; those of the meters are looked at by themselves."""
_PASSABLE: Final = ("bluetooth", "gateway")
"""Past these readings still go: what waits in the home is sent on."""


def road(state: HomeState) -> tuple[Hop, ...]:
    """Every hop from the meters to the care team. What lies before a break is told as of the last contact; a gateway
    without power and a home without internet look the same from here, so that they share one hop."""
    silent = state.gateway.heard_at is None
    broken = {_PLACES[one.sort]: one for one in reversed(state.problems) if one.sort in _PLACES}
    ends = [place for place, one in broken.items() if one.sort not in _PASSABLE]
    hops = [
        _meters_hop(state),
        Hop(_("Bluetooth"), "unsure" if silent else "ok", _worked(state)),
        Hop(_("Gateway"), "ok", _gateway_words(state)),
        Hop(_("Internet"), "ok", _internet_words(state)),
        Hop(_("Broker"), "ok", _("Waits") if state.offline else _("Works")),
        Hop(_("Store"), "ok", _store_words(state)),
        Hop(_("Care team"), "ok", _("Waits for the readings of this home") if ends else _("Sees what is stored")),
    ]
    for place, one in broken.items():
        hops[place] = replace(hops[place], state="broken", words=one.words)
    if ends:
        beyond = min(ends) + 1
        hops[beyond:] = [hop if hop.state == "broken" else replace(hop, state="beyond") for hop in hops[beyond:]]
    if lost(state):
        hops[2:4] = [Hop(_("Gateway or internet"), "unsure", _lost_words(state))]
    return tuple(hops)


def lost(state: HomeState) -> bool:
    """Whether the home went without a word, so that nobody can tell gateway from internet."""
    return any(one.sort == "offline" for one in state.problems)


def behind(state: HomeState) -> bool:
    """Whether a hop that all homes share is broken."""
    return any(one.sort in ("broker", "store") for one in state.problems)


def _contact(state: HomeState) -> str:
    return stamp(state.gateway.heard_at, state.now) if state.gateway.heard_at is not None else ""


def _worked(state: HomeState) -> str:
    if state.gateway.heard_at is None:
        return _("Not known yet")
    return _("Worked at {time}").format(time=_contact(state)) if state.cut else _("Works")


def _meters_hop(state: HomeState) -> Hop:
    name, meters = _("Meters"), list(state.meters.values())
    if not meters:
        none = _("No meter is read yet") if state.status is not None and not state.cut else _("Not known yet")
        return Hop(name, "unsure", none)
    worst = next((one for one in state.problems if one.sort in ("pairing", "meter", "quiet")), None)
    if worst is not None and worst.sort != "quiet":
        return Hop(name, "broken", worst.words)
    heard = sum(one.last_heard is not None and state.now - one.last_heard <= NOT_HEARD_AFTER for one in meters)
    counted = _("{n} of {all} heard in the last 36 h").format(n=heard, all=len(meters))
    if worst is None:
        return Hop(name, "ok", counted)
    if worst.since is None:
        return Hop(name, "unsure", worst.words)
    why = _("{problem} since {time}: not measured, out of reach, or battery")
    return Hop(name, "unsure", why.format(problem=worst.words, time=stamp(worst.since, state.now)))


def _gateway_words(state: HomeState) -> str:
    worked = _worked(state)
    if state.waiting:
        kept = n_("{n} reading kept", "{n} readings kept", state.waiting).format(n=state.waiting)
        return f"{worked}, {kept}"
    return worked


def _internet_words(state: HomeState) -> str:
    if state.gateway.heard_at is None:
        return _("No contact yet")
    if state.cut:
        return _worked(state)
    return _("Contact {age} ago").format(age=age_text(state.now - state.gateway.heard_at))


def _lost_words(state: HomeState) -> str:
    if state.gateway.heard_at is None:
        return _("No contact yet")
    why = _("No contact since {time}: its power, the gateway, internet box or cable. From here they look the same.")
    words = why.format(time=_contact(state))
    if state.waiting:
        kept = n_("{n} reading kept", "{n} readings kept", state.waiting).format(n=state.waiting)
        return f"{words} {kept}"
    return words


def _store_words(state: HomeState) -> str:
    outbox = state.status.outbox if state.status is not None else None
    if outbox is None or outbox.last_receipt is None:
        return _("No receipt yet")
    last = _("Last receipt {time}").format(time=stamp(outbox.last_receipt, state.now))
    return f"{_('Waits.')} {last}" if state.offline else last
