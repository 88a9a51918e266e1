"""Sessions: who is signed in, for how long, and the token that proves a post came from our own page."""

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from aiohttp import web

from hearthline_backend.storage.records.people import Role, Session, User
from hearthline_backend.web.context import CONTEXT, WebContext
from hearthline_backend.web.security_headers import Handler

COOKIE: Final = "hearthline_session"
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"

IDLE: Final = {
    Role.CARE: timedelta(minutes=30),
    Role.TECHNICIAN: timedelta(minutes=30),
    Role.ENGINEER: timedelta(minutes=30),
    Role.PATIENT: timedelta(hours=2),
}
"""How long a session lasts without anybody acting in it."""

LONGEST: Final = timedelta(hours=12)
"""A session ends after this however busy it is."""

WARNING: Final = timedelta(minutes=2)
"""The screen warns this long before the end."""

_NOTE_EVERY: Final = timedelta(seconds=30)
"""Being active is noted at most this often: a session is not worth a write for every request."""

SESSION: web.RequestKey[Session] = web.RequestKey("hearthline_session", Session)
USER: web.RequestKey[User] = web.RequestKey("hearthline_user", User)


def token_hash(token: str) -> str:
    """What Records keep of a session's token."""
    return sha256(token.encode()).hexdigest()


def ends_at(session: Session, role: Role, now: datetime) -> datetime:
    """When a session that is active at ``now`` ends if nobody acts in it any more."""
    return min(now + IDLE[role], session.created_at + LONGEST)


async def begin(context: WebContext, user: User) -> str:
    """Open a session; returns its token, which is nowhere kept."""
    now = context.clock()
    token = secrets.token_urlsafe(32)
    session = Session(token_hash(token), user.id, secrets.token_urlsafe(32), now, now, now + IDLE[user.role])
    async with context.records.begin() as unit:
        await unit.people.open_session(session)
    return token


def put_cookie(response: web.StreamResponse, context: WebContext, token: str) -> None:
    """The session cookie: not for scripts, not for other sites, only over HTTPS outside the demo."""
    response.set_cookie(
        COOKIE,
        token,
        httponly=True,
        samesite="Lax",
        secure=context.secure_cookies,
        path="/",
        max_age=int(LONGEST.total_seconds()),
    )


async def end(request: web.Request) -> None:
    """Close this request's session."""
    context = request.app[CONTEXT]
    session = request.get(SESSION)
    if session is not None:
        async with context.records.begin() as unit:
            await unit.people.close_session(session.token_hash)


async def extend(request: web.Request) -> Session:
    """Somebody acts in this session: it lasts longer. Returns the session as it is now."""
    context, session, user = request.app[CONTEXT], request[SESSION], request[USER]
    now = context.clock()
    if now - session.seen_at < _NOTE_EVERY:
        return session
    end_time = ends_at(session, user.role, now)
    async with context.records.begin() as unit:
        await unit.people.extend_session(session.token_hash, now, end_time)
    extended = Session(session.token_hash, session.user_id, session.csrf, session.created_at, now, end_time)
    request[SESSION] = extended
    return extended


@web.middleware
async def session_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who is asking, before anything else looks at the request."""
    token = request.cookies.get(COOKIE)
    if token and not request.path.startswith("/static/"):
        context = request.app[CONTEXT]
        async with context.records.read() as unit:
            found = await unit.people.session(token_hash(token), context.clock())
        if found is not None:
            request[SESSION], request[USER] = found
    return await handler(request)


async def csrf_matches(request: web.Request) -> bool:
    """Whether a post carries the session's own token, in htmx's header or in the form's hidden field."""
    session = request.get(SESSION)
    if session is None:
        return False
    sent = request.headers.get(CSRF_HEADER)
    if sent is None:
        field = (await request.post()).get(CSRF_FIELD)
        sent = field if isinstance(field, str) else ""
    return hmac.compare_digest(sent.encode(), session.csrf.encode())
