"""Where a missing reading's road broke, in words: what is known, or what cannot be told apart."""

from collections.abc import Mapping, Sequence
from typing import Any

from hearthline_backend.domain.silence import DEVICES_FOR, Hop
from hearthline_backend.storage.records.alerts import AlertEvent
from hearthline_backend.web.language import _

_UNHEARD = (Hop.NOT_MEASURED, Hop.METER)


def hop_name(hop: Hop) -> str:
    """One hop among others."""
    return {
        Hop.NOT_MEASURED: _("not measured"),
        Hop.METER: _("out of range or battery"),
        Hop.BOND: _("pairing"),
        Hop.ADAPTER: _("Bluetooth of the gateway"),
        Hop.GATEWAY: _("gateway"),
        Hop.NETWORK: _("internet"),
        Hop.BROKER: _("broker"),
        Hop.BACKEND: _("store"),
    }[hop]


def hops_words(hops: Sequence[Hop], kind: str, *, meterless: bool = False, away: bool = False) -> str:
    """One sentence for the care team. ``away``: the hop behind every home took nothing from anybody."""
    if meterless:
        return _("No meter for it belongs to this patient.")
    if away:
        return {
            Hop.BROKER: _("The broker was away when it was due, for every home. What was measured waits there."),
            Hop.BACKEND: _("The store was away when it was due, for every home. What was measured waits there."),
        }[hops[0]]
    if tuple(hops) == _UNHEARD:
        return not_heard(kind)
    if set(hops) == {Hop.GATEWAY, Hop.NETWORK}:
        return _("No contact with the home: its internet or its power. Readings wait there.")
    if len(hops) == 1:
        return {
            Hop.NOT_MEASURED: _("Not measured: the meter was heard, and everything on the way works."),
            Hop.METER: _("The meter was heard, but could not be read."),
            Hop.BOND: _("The meter has to be paired again."),
            Hop.ADAPTER: _("Bluetooth in the home does not work."),
            Hop.GATEWAY: _("The gateway in the home was stopped."),
            Hop.NETWORK: _("The home was without internet. What it kept is on its way."),
            Hop.BROKER: _("Broken at the broker, behind the home. Readings wait there."),
            Hop.BACKEND: _("It was sent, and waits to be taken or to be given to somebody."),
        }[hops[0]]
    return _("Cannot be told apart: {hops}.").format(hops=", ".join(hop_name(hop) for hop in hops))


def not_heard(kind: str) -> str:
    """Nothing was heard of the meter, which speaks only after a measurement."""
    return {
        "cuff": _("Cuff not heard: not measured, out of range, or battery."),
        "oximeter": _("Oximeter not heard: not measured, out of range, or battery."),
        "scale": _("Scale not heard: not measured, out of range, or battery."),
        "thermometer": _("Thermometer not heard: not measured, out of range, or battery."),
    }.get(DEVICES_FOR.get(kind, ""), _("Meter not heard: not measured, out of range, or battery."))


def last_told(events: Sequence[AlertEvent]) -> Mapping[str, Any]:
    """What an alert about a missing reading last said of its road."""
    return next((one.detail for one in reversed(events) if "hops" in one.detail), {})


def told_words(detail: Mapping[str, Any], kind: str) -> str:
    """The same in words; empty where nothing was said."""
    hops = [Hop(one) for one in detail.get("hops", ())]
    told = {"meterless": bool(detail.get("meterless")), "away": bool(detail.get("away"))}
    return hops_words(hops, kind, **told) if hops else ""
