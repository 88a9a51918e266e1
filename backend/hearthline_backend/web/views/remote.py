"""Remote work on one home: what can be asked, how it goes, what was found. No value, no name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final
from uuid import UUID

from hearthline_backend.storage.records.remote import Asked
from hearthline_backend.web.figures import NBSP, device_name
from hearthline_backend.web.language import _
from hearthline_backend.web.times import When, stamp, when
from hearthline_protocol.commands import FoundMeter, Question
from hearthline_protocol.configuration import DesiredConfiguration, ReportedConfiguration

SHOWN: Final = 5
"""How many of the newest commands are listed."""
_SEARCH_TAKES: Final = timedelta(minutes=3)
"""Longer than the longest search: one without a last word by then has none."""
GOOD_SIGNAL_DBM: Final = -70
FAIR_SIGNAL_DBM: Final = -82


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A meter that was found. ``models`` are those it may be, the likeliest first; empty when none is known."""

    address: str
    name: str
    detail: str
    signal: str
    ready: str
    sign: str
    mark: str
    listed: bool
    models: tuple[str, ...]
    steps: tuple[str, ...]
    key: str
    """The address, fit for an HTML id."""


@dataclass(frozen=True, slots=True)
class Work:
    """One command. ``percent`` is None while nobody can say how far it is."""

    id: UUID
    do: str
    what: str
    state: str
    sign: str
    mark: str
    words: str
    at: When
    going: bool
    percent: int | None
    question: Question | None
    number: int


@dataclass(frozen=True, slots=True)
class Remote:
    """The card."""

    works: tuple[Work, ...]
    found: tuple[FoundLine, ...]
    searched: bool
    searching: bool
    busy: bool
    behind: str
    look_again_s: int | None
    """In how many seconds a command that nobody has answered is over; None where none waits."""


def card(
    asked: Sequence[Asked],
    wanted: DesiredConfiguration | None,
    reported: ReportedConfiguration | None,
    now: datetime,
    *,
    offline: bool = False,
) -> Remote:
    """``asked`` newest first; ``reported`` is what the gateway last said it has."""
    works = tuple(_work(one, now, offline=offline) for one in asked[:SHOWN])
    search = next((one for one in asked if one.work.get("do") == "scan" and one.reply is not None), None)
    heard = search.reply.found if search is not None and search.reply is not None else ()
    read = None if reported is None else {meter.address for meter in reported.meters}
    found = tuple(_line(one, listed=one.listed if read is None else one.address in read) for one in heard)
    late = wanted is not None and (reported is None or reported.revision != wanted.revision)
    behind = _("The home has not taken its newest list of meters yet. It does as soon as it is online.") if late else ""
    unanswered = [one.expires_at for one in asked[:SHOWN] if one.state == "sent" and one.expires_at >= now]
    return Remote(
        works,
        found,
        searched=search is not None and search.ended,
        searching=search is not None and not search.ended and search.expires_at + _SEARCH_TAKES >= now,
        busy=any(work.going and work.do != "scan" for work in works),  # a search ends early for what waits for it
        behind=behind,
        look_again_s=max(1, ceil((min(unanswered) - now).total_seconds()) + 1) if unanswered else None,
    )


def _work(one: Asked, now: datetime, *, offline: bool) -> Work:
    state, sign, mark = _state(one, now)
    reply = one.reply
    going = sign == "wait"
    return Work(
        id=one.id,
        do=str(one.work.get("do")),
        what=_what(one.work),
        state=state,
        sign=sign,
        mark=mark,
        words=_words(one, now, offline=offline),
        at=when(one.replied_at or one.sent_at, now),
        going=going,
        percent=round(reply.progress * 100) if going and reply is not None and reply.progress is not None else None,
        question=reply.question if going and reply is not None and reply.state == "asks" else None,
        number=reply.number if reply is not None else -1,
    )


def _state(one: Asked, now: datetime) -> tuple[str, str, str]:
    if one.state == "done":
        return _("Done"), "ok", "green"
    if one.state in ("failed", "refused"):
        return (_("Failed") if one.state == "failed" else _("Refused")), "broken", "red"
    if one.state == "sent" and now > one.expires_at:
        return _("No answer"), "broken", "red"
    if one.state == "asks":
        return _("Needs you"), "wait", "none"
    return (_("Sent") if one.state == "sent" else _("Under way")), "wait", "none"


def _words(one: Asked, now: datetime, *, offline: bool) -> str:
    if one.reply is not None:
        return one.reply.message
    if now > one.expires_at:
        return _("The gateway did not answer: it is offline. Ask again when it is back; nothing was done.")
    if offline:
        until = stamp(one.expires_at, now)
        return _("The gateway is offline. It is done only if the gateway is back by {time}.").format(time=until)
    return _("Waiting for the gateway.")


def _what(work: Mapping[str, Any]) -> str:
    names = {
        "scan": _("Find meters"),
        "pair": _("Pair {meter}"),
        "unpair": _("Remove {meter}"),
        "identify": _("Show which gateway it is"),
        "collect": _("Read the meters now"),
        "restart": _("Restart the gateway"),
        "answer": _("Answer"),
    }
    return names.get(str(work.get("do")), str(work.get("do"))).format(meter=work.get("address", ""))


def _line(one: FoundMeter, *, listed: bool) -> FoundLine:
    models = (one.model,) if one.model is not None else one.candidates
    ready, sign, mark = _("Heard"), "wait", "none"
    if listed:
        ready, sign, mark = _("Belongs to this home"), "ok", "green"
    elif one.pairing:
        ready, sign, mark = _("In pairing mode"), "ok", "green"
    elif one.pairing is False:
        ready, sign, mark = _("Not in pairing mode"), "soon", "yellow"
    name = (one.title if one.model is not None else None) or one.name or device_name(one.device)
    return FoundLine(
        address=one.address,
        name=name,
        detail=f"{device_name(one.device)}, {one.address}",
        signal=_signal(one.signal_dbm),
        ready=ready,
        sign=sign,
        mark=mark,
        listed=listed,
        models=models,
        steps=one.steps,
        key=one.address.replace(":", ""),
    )


def _signal(dbm: int | None) -> str:
    if dbm is None:
        return _("not told")
    word = _("good") if dbm >= GOOD_SIGNAL_DBM else _("fair") if dbm >= FAIR_SIGNAL_DBM else _("weak")
    return f"\N{MINUS SIGN}{abs(dbm)}{NBSP}dBm, {word}"
