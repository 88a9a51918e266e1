"""A whole page: the frame around a view, the same for everybody, filled by role."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from hearthline_backend.storage.records.people import Role
from hearthline_backend.web import sessions, times
from hearthline_backend.web.guards import Visit
from hearthline_backend.web.language import _, current
from hearthline_backend.web.place import PLACE, Place
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.sessions import SESSION


@dataclass(frozen=True, slots=True)
class NavItem:
    """One place to go. ``count`` is the address of how many things wait there."""

    href: str
    text: str
    here: bool
    exact: bool = True
    count: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds a view. ``live`` is the address of the live events, None where nothing on the page changes;
    ``delayed`` since when data does not come, in words."""

    title: str
    lang: str
    zone: str
    theme: str | None
    now: str
    emergency_number: str
    footer: tuple[str, ...]
    nav: tuple[NavItem, ...] = ()
    home: str = "/"
    csrf: str = ""
    initials: str = ""
    standing: str = ""
    live: str | None = None
    delayed: str = ""
    single_keys: bool = False
    role: str = ""
    session_ends: str = ""
    session_warns_s: int = 0
    user: str = ""


def _nav(role: Role, here: str, path: str) -> tuple[NavItem, ...]:
    if role is Role.CARE:
        items = [("/worklist", _("Worklist")), ("/whose", _("Whose?")), ("/indicators", _("Indicators"))]
    elif role.technical:
        items = [("/homes", _("Homes")), ("/quarantine", _("Quarantine"))]
    else:
        items = [
            ("/my-data", _("My readings")),
            ("/my-data#told", _("Who was told")),
            ("/my-data#looked", _("Who looked")),
        ]
    counts = {"/whose": "/whose/count"}
    return tuple(NavItem(href, text, href == here, path == here, counts.get(href, "")) for href, text in items)


def _standing(visit: Visit, place: Place) -> str:
    if visit.user.role.technical:
        return _("Engineer") if visit.user.role is Role.ENGINEER else _("Technician")
    if visit.user.role is Role.PATIENT:
        return _("Signed in as {name}").format(name=place.patient.given_name) if place.patient is not None else ""
    if not place.on_call:
        return _("On call: nobody")
    first = place.on_call[0]
    name = _("you") if first.user.id == visit.user.id else first.user.initials
    if first.ends_at is None:
        return _("On call: {name}").format(name=name)
    return _("On call: {name}, until {time}").format(name=name, time=times.stamp(first.ends_at, visit.context.clock()))


def _footer(role: Role) -> str:
    if role is Role.ENGINEER:
        return _("Engineers may open what a home sent. Each time is recorded and shown to whom it may concern.")
    if role is Role.TECHNICIAN:
        return _("Technicians see devices, times and counts. Never names, measured values or diagnoses.")
    if role is Role.PATIENT:
        return _("You can see here everybody who looked at your data.")
    return _("Every view of a patient is recorded and shown to that patient.")


def _first_letters(visit: Visit, place: Place) -> str:
    return place.patient.given_name[:1] if place.patient is not None else visit.user.initials.replace(".", "")


def frame(visit: Visit, title: str, here: str, *, live: bool = True) -> Frame:
    """The frame for somebody who is signed in."""
    now, place, session = visit.context.clock(), visit.request[PLACE], visit.request[SESSION]
    user, delayed = visit.user, visit.context.delayed_since()
    shown_now = times.long_date(now) + ", " + times.clock(now) if user.role is Role.PATIENT else times.footer_stamp(now)
    return Frame(
        title=title,
        lang=current().tag,
        zone=current().zone.key,
        theme=user.theme,
        now=now.isoformat(),
        emergency_number=place.emergency_number,
        footer=(shown_now, _footer(user.role)),
        nav=_nav(user.role, here, visit.request.path),
        csrf=session.csrf,
        initials=_first_letters(visit, place),
        standing=_standing(visit, place),
        live="/live" if live else None,
        delayed="" if delayed is None else times.stamp(delayed, now),
        single_keys=user.single_keys,
        role=user.role.value,
        session_ends=session.expires_at.isoformat(),
        session_warns_s=int(sessions.WARNING.total_seconds()),
        user=str(user.id),
    )


def outside_frame(request: web.Request, title: str, now_iso: str) -> Frame:
    """The frame for somebody who is not signed in."""
    return Frame(
        title=title,
        lang=current().tag,
        zone=current().zone.key,
        theme=None,
        now=now_iso,
        emergency_number=request[PLACE].emergency_number,
        footer=(),
    )


def page(
    visit: Visit, template: str, title: str, here: str, *, live: bool = True, status: int = 200, **view: Any
) -> web.Response:
    """A view in its frame. ``title`` is the tab's: it never holds a name or a value."""
    return html(
        render(template, frame=frame(visit, title, here, live=live), now=visit.context.clock(), **view), status=status
    )
