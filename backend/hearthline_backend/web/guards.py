"""Who may come in: every address names its roles, and nothing is open by accident."""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.web import sessions
from hearthline_backend.web.context import CONTEXT, WebContext
from hearthline_backend.web.sessions import USER

Handler = Callable[["Visit"], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request by somebody who is signed in and allowed to make it."""

    request: web.Request
    context: WebContext
    user: User

    @property
    def csrf(self) -> str:
        """The token that our own forms carry."""
        return self.request[sessions.SESSION].csrf


class NotForRoleError(web.HTTPForbidden):
    """The view exists, but not for this role."""


class StaleFormError(web.HTTPForbidden):
    """A post without this session's token: from a page of an older session, or from elsewhere."""


def for_roles(
    *roles: Role, passive: bool = False
) -> Callable[[Handler], Callable[[web.Request], Awaitable[web.StreamResponse]]]:
    """Let these roles in. ``passive`` requests, which the page makes by itself, do not keep a session alive."""

    def decorate(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        @functools.wraps(handler)
        async def guarded(request: web.Request) -> web.StreamResponse:
            user = request.get(USER)
            if user is None:
                raise _to_sign_in(request)
            if user.role not in roles:
                raise NotForRoleError
            if request.method == "POST" and not await sessions.csrf_matches(request):
                raise StaleFormError
            if not passive:
                await sessions.extend(request)
            return await handler(Visit(request, request.app[CONTEXT], user))

        return guarded

    return decorate


def _to_sign_in(request: web.Request) -> web.HTTPException:
    # A fragment or a stream cannot show a sign-in page: the script sends the browser there.
    if "HX-Request" in request.headers or "text/html" not in request.headers.get("Accept", "text/html"):
        return web.HTTPUnauthorized(headers={"HX-Redirect": f"/login?next={quote(_back_to(request), safe='')}"})
    if request.method in ("GET", "HEAD"):
        return web.HTTPSeeOther(f"/login?next={quote(request.path_qs, safe='')}" if request.path != "/" else "/login")
    return web.HTTPSeeOther("/login")


def _back_to(request: web.Request) -> str:
    current = request.headers.get("HX-Current-URL", "")
    return "/" + current.split("/", 3)[3] if current.count("/") >= 3 else "/"
