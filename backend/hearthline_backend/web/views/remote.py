"""Remote work on one home: what can be asked, how it goes, what was found. No value, no name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hearthline_backend.storage.records.remote import Asked
from hearthline_backend.web.figures import NBSP, device_name
from hearthline_backend.web.language import _
from hearthline_backend.web.times import When, when
from hearthline_protocol.commands import FoundMeter, Question
from hearthline_protocol.configuration import DesiredConfiguration

SHOWN: Final = 5
"""How many of the newest commands are listed."""
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


@dataclass(frozen=True, slots=True)
class Work:
    """One command. ``percent`` is None while nobody can say how far it is."""

    id: UUID
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
    busy: bool
    behind: str


def card(asked: Sequence[Asked], wanted: DesiredConfiguration | None, revision: int | None, now: datetime) -> Remote:
    """``asked`` newest first; ``revision`` is what the gateway last said it has."""
    works = tuple(_work(one, now) for one in asked[:SHOWN])
    search = next((one for one in asked if one.work.get("do") == "scan" and one.reply is not None), None)
    found = tuple(_line(one) for one in search.reply.found) if search is not None and search.reply is not None else ()
    late = wanted is not None and revision != wanted.revision
    behind = _("The home has not taken its newest list of meters yet. It does as soon as it is online.") if late else ""
    busy = any(work.going for work in works)
    return Remote(works, found, search is not None and search.ended, busy, behind)


def _work(one: Asked, now: datetime) -> Work:
    state, sign, mark = _state(one, now)
    reply = one.reply
    going = sign == "wait"
    return Work(
        id=one.id,
        what=_what(one.work),
        state=state,
        sign=sign,
        mark=mark,
        words=_words(one, now),
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


def _words(one: Asked, now: datetime) -> str:
    if one.reply is not None:
        return one.reply.message
    if now > one.expires_at:
        return _("The gateway did not answer: it is offline. Ask again when it is back; nothing was done.")
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


def _line(one: FoundMeter) -> FoundLine:
    models = (one.model,) if one.model is not None else one.candidates
    ready, sign, mark = _("Heard"), "wait", "none"
    if one.listed:
        ready, sign, mark = _("Belongs to this home"), "ok", "green"
    elif one.pairing:
        ready, sign, mark = _("In pairing mode"), "ok", "green"
    elif one.pairing is False:
        ready, sign, mark = _("Not in pairing mode"), "soon", "yellow"
    name = one.title or one.name or device_name(one.device)
    return FoundLine(
        address=one.address,
        name=name,
        detail=f"{device_name(one.device)}, {one.address}",
        signal=_signal(one.signal_dbm),
        ready=ready,
        sign=sign,
        mark=mark,
        listed=one.listed,
        models=models,
        steps=one.steps,
    )


def _signal(dbm: int | None) -> str:
    if dbm is None:
        return _("not told")
    word = _("good") if dbm >= GOOD_SIGNAL_DBM else _("fair") if dbm >= FAIR_SIGNAL_DBM else _("weak")
    return f"\N{MINUS SIGN}{abs(dbm)}{NBSP}dBm, {word}"
