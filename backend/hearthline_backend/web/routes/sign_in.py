"""Signing in and out, and the session's own address."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import Final

from aiohttp import web

from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.web import sessions
from hearthline_backend.web.context import CONTEXT, WebContext
from hearthline_backend.web.guards import StaleFormError, Visit, for_roles
from hearthline_backend.web.language import LOCALES, _, n_
from hearthline_backend.web.pages import outside_frame
from hearthline_backend.web.passwords import hash_password, outdated, password_matches
from hearthline_backend.web.rendering import available_locales, html, render
from hearthline_backend.web.sessions import CSRF_FIELD, SESSION, USER

ATTEMPTS: Final = 5
"""Wrong passwords for one login, or twenty times as many from one address, before a pause."""
_ATTEMPTS_ADDRESS: Final = 20
PAUSE: Final = timedelta(minutes=15)
_KEPT: Final = timedelta(days=1)
_LONGEST_FIELD: Final = 200

DOOR_COOKIE: Final = "hearthline_door"
LANGUAGE_COOKIE: Final = "hearthline_language"
_EVERYBODY: Final = tuple(Role)
_HOMES: Final = {Role.CARE: "/worklist", Role.TECHNICIAN: "/homes", Role.ENGINEER: "/homes", Role.PATIENT: "/my-data"}

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nobody was signed in, and what to do next."""

    what: str
    next: str


@routes.get("/")
async def front(request: web.Request) -> web.StreamResponse:
    """To the first view of the role."""
    user = request.get(USER)
    raise web.HTTPSeeOther("/login" if user is None else _HOMES[user.role])


@routes.get("/login")
async def door(request: web.Request) -> web.StreamResponse:
    """The sign-in page. Somebody who is signed in already goes on."""
    user = request.get(USER)
    back = _own_path(request.query.get("next", ""))
    if user is not None and "lang" not in request.query:
        raise web.HTTPSeeOther(back or _HOMES[user.role])
    notice = _("You are signed out.") if "out" in request.query else None
    return _door(request, back=back, notice=notice)


@routes.post("/login")
async def sign_in(request: web.Request) -> web.StreamResponse:
    """Check login and password; the answer to a wrong one does not tell which of the two was wrong."""
    context = request.app[CONTEXT]
    form = await request.post()
    login, password, back = (str(form.get(name, ""))[:_LONGEST_FIELD] for name in ("login", "password", "next"))
    sent, kept = str(form.get(CSRF_FIELD, "")), request.cookies.get(DOOR_COOKIE, "")
    if not kept or not secrets.compare_digest(sent.encode(), kept.encode()):
        raise StaleFormError
    subjects = _subjects(request, context, login)
    now = context.clock()
    async with context.records.read() as unit:
        tries = [await unit.people.attempts(subject, now - PAUSE) for subject in subjects]
        user = await unit.people.user_by_login(login)
    problem = _paused(tries, now)
    if problem is not None:
        return _door(request, login=login, back=back, problem=problem, status=429)
    usable = user is not None and user.active
    if user is None or not await password_matches(user.password_hash if usable else None, password):
        async with context.records.begin() as unit:
            await unit.people.add_attempts(subjects, now)
        return _door(request, login=login, back=back, problem=_wrong(len(tries[0]) + 1), status=401)
    await _welcome(context, user, subjects[0], password, now)
    response = web.HTTPSeeOther(_own_path(back) or _HOMES[user.role])
    sessions.put_cookie(response, context, await sessions.begin(context, user))
    response.del_cookie(DOOR_COOKIE)
    raise response


@routes.post("/logout")
@for_roles(*_EVERYBODY, passive=True)
async def sign_out(visit: Visit) -> web.StreamResponse:
    """End the session here and now."""
    await sessions.end(visit.request)
    response = web.HTTPSeeOther("/login?out")
    response.del_cookie(sessions.COOKIE)
    raise response


@routes.get("/session")
@for_roles(*_EVERYBODY, passive=True)
async def session_state(visit: Visit) -> web.StreamResponse:
    """For the page's own script: whose session this is and when it ends. Asking does not make it longer."""
    return _state(visit)


@routes.post("/session")
@for_roles(*_EVERYBODY)
async def stay(visit: Visit) -> web.StreamResponse:
    """Stay signed in."""
    return _state(visit)


def _state(visit: Visit) -> web.Response:
    session = visit.request[SESSION]
    return web.json_response({"user": str(visit.user.id), "csrf": session.csrf, "ends": session.expires_at.isoformat()})


def _door(
    request: web.Request,
    *,
    login: str = "",
    back: str = "",
    problem: Problem | None = None,
    notice: str | None = None,
    status: int = 200,
) -> web.Response:
    context = request.app[CONTEXT]
    token = request.cookies.get(DOOR_COOKIE) or secrets.token_urlsafe(32)
    title = _("Sign in: {what}").format(what=problem.what.rstrip(".")) if problem is not None else _("Sign in")
    body = render(
        "login.html",
        frame=outside_frame(request, title, context.clock().isoformat()),
        csrf=token,
        login=login,
        next=back,
        problem=problem,
        notice=notice,
        languages=available_locales(),
    )
    response = html(body, status=status)
    response.set_cookie(
        DOOR_COOKIE, token, httponly=True, samesite="Strict", secure=context.secure_cookies, path="/login"
    )
    chosen = request.query.get("lang")
    if chosen in LOCALES:
        response.set_cookie(LANGUAGE_COOKIE, chosen, httponly=True, samesite="Lax", secure=context.secure_cookies)
    return response


async def _welcome(context: WebContext, user: User, subject: str, password: str, now: datetime) -> None:
    newer = await hash_password(password) if outdated(user.password_hash) else None
    async with context.records.begin() as unit:
        await unit.people.forget_attempts(subject, now - _KEPT)
        if newer is not None:
            await unit.people.set_password(user.id, newer)


def _subjects(request: web.Request, context: WebContext, login: str) -> tuple[str, str]:
    address = request.remote or ""
    forwarded = request.headers.get("X-Forwarded-For")
    if forwarded and address in context.trusted_proxies:
        address = forwarded.rsplit(",", maxsplit=1)[-1].strip()
    return (
        sha256(f"login:{login.strip().lower()}".encode()).hexdigest(),
        sha256(f"address:{address}".encode()).hexdigest(),
    )


def _paused(tries: list[tuple[datetime, ...]], now: datetime) -> Problem | None:
    ends = [
        times[-allowed] + PAUSE
        for times, allowed in zip(tries, (ATTEMPTS, _ATTEMPTS_ADDRESS), strict=True)
        if len(times) >= allowed
    ]
    if not ends:
        return None
    minutes = max(1, ceil((max(ends) - now).total_seconds() / 60))
    wait = n_("Try again in {n} minute.", "Try again in {n} minutes.", minutes).format(n=minutes)
    return Problem(_("Too many wrong tries."), f"{wait} {_('Is it urgent? Call your care team.')}")


def _wrong(made: int) -> Problem:
    left = ATTEMPTS - made
    if left <= 0:
        then = _("Check both. Now there is a pause of 15 minutes.")
    else:
        then = n_(
            "Check both. {n} try left, then a pause of 15 minutes.",
            "Check both. {n} tries left, then a pause of 15 minutes.",
            left,
        ).format(n=left)
    return Problem(_("Login and password do not match."), then)


def _own_path(path: str) -> str:
    """Only an address of our own: never another site's, however it is spelt."""
    clean = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if clean and not path.startswith(("/login", "/logout", "/live")) else ""
