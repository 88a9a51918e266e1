"""Why a missing reading is an alert: how many slots, where its road broke as far as is known, and who was told."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.silence import Hop
from hearthline_backend.domain.silence_rules import MissingRule
from hearthline_backend.web.figures import Figure, kind_name
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import age_text, stamp
from hearthline_backend.web.views.alert import Hero
from hearthline_backend.web.views.findings import Finding
from hearthline_backend.web.views.silence_words import told_words

_AT_THE_METER = (Hop.NOT_MEASURED, Hop.METER, Hop.BOND)
_IN_THE_HOME = (Hop.GATEWAY, Hop.NETWORK)


def silent_hero(hero: Hero, last: datetime | None, now: datetime) -> Hero:
    """The top of an alert that no reading opened: how long nothing has come."""
    if last is None:
        return replace(hero, figure=Figure(_("No data"), ""), beside=_("Nothing was ever measured."))
    beside = _("Last measured {time}.").format(time=stamp(last, now))
    return replace(hero, figure=Figure(age_text(now - last), ""), beside=beside)


def silence_findings(
    detail: Mapping[str, Any], kind: str, rule: MissingRule | None, level: Level, now: datetime
) -> tuple[Finding, ...]:
    """``detail`` is what the alert last said of its road, as its history keeps it."""
    hops = [Hop(one) for one in detail.get("hops", ())]
    slots = int(detail.get("slots", 0))
    found = [Finding(level, _slots(slots, kind), _limit(rule, level))] if slots else []
    if not hops:
        return tuple(found)
    found.append(Finding(None, "", told_words(detail, kind)))
    if detail.get("meterless"):
        return tuple(found)
    if len(hops) > 1:
        found.append(Finding(None, "", _apart(hops)))
    since = detail.get("since")
    heard = _heard(hops, None if since is None else datetime.fromisoformat(since), now)
    beyond = _works(hops)
    told = _told(bool(detail.get("care")), bool(detail.get("technician")))
    found += [Finding(None, "", text) for text in (heard, beyond, told) if text]
    return tuple(found)


def _slots(slots: int, kind: str) -> str:
    said = n_(
        "{n} planned measurement did not come: {kind}.",
        "{n} planned measurements in a row did not come: {kind}.",
        slots,
    )
    return said.format(n=slots, kind=kind_name(kind).lower())


def _limit(rule: MissingRule | None, level: Level) -> str:
    wanted = 1 if rule is None else rule.yellow_after
    if level is Level.RED and rule is not None and rule.red_after is not None:
        return n_("{n} missed slot is red.", "{n} missed slots in a row are red.", rule.red_after).format(
            n=rule.red_after
        )
    said = n_("{n} missed slot is enough for yellow.", "{n} missed slots in a row are yellow.", wanted)
    return said.format(n=wanted)


def _apart(hops: list[Hop]) -> str:
    if set(hops) <= set(_IN_THE_HOME):
        return _("A home without power and one without internet look the same from here.")
    return _("A meter speaks only after a measurement, so from here these look the same.")


def _heard(hops: list[Hop], since: datetime | None, now: datetime) -> str:
    time = "" if since is None else stamp(since, now)
    if any(hop in _AT_THE_METER for hop in hops):
        return (
            _("The meter was last heard {time}.").format(time=time)
            if time
            else _("When a meter was last heard is not known.")
        )
    if not time:
        return ""
    if set(hops) <= set(_IN_THE_HOME):
        return _("Last contact with the home: {time}.").format(time=time)
    return _("Nothing came past it since {time}.").format(time=time)


def _works(hops: list[Hop]) -> str:
    if all(hop in _AT_THE_METER for hop in hops):
        return _("The gateway of the home was heard; from there on everything works.")
    return ""


def _told(care: bool, technician: bool) -> str:
    if care and technician:
        return _("The care team and the technicians are told.")
    if technician:
        return _("The technicians are told. The care team has nothing to do about it.")
    return _("The care team is told.") if care else ""
