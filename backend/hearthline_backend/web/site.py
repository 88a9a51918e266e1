"""Builds the site: every route, every guard, nothing that starts by itself."""

from aiohttp import web

from hearthline_backend.web import security_headers
from hearthline_backend.web.context import CONTEXT, WebContext
from hearthline_backend.web.language import LOCALES, Language, speaking
from hearthline_backend.web.place import PLACE, Place, outside, place_of
from hearthline_backend.web.rendering import STATIC
from hearthline_backend.web.routes import (
    account,
    alert,
    alert_acts,
    errors,
    homes,
    inbound,
    indicators,
    link,
    live,
    my_data,
    on_call,
    patient,
    pausing,
    plan,
    quarantine,
    reading,
    remote,
    report,
    rota,
    rota_entries,
    sign_in,
    together,
    whose,
    worklist,
)
from hearthline_backend.web.security_headers import Handler
from hearthline_backend.web.sessions import SESSION, USER, session_middleware
from hearthline_backend.web.ward_backtests import WARD_BACKTESTS, WardBacktests, close_ward_backtests

_LARGEST_POST = 64 * 1024
_PARTS = (
    sign_in,
    account,
    worklist,
    whose,
    patient,
    pausing,
    plan,
    reading,
    alert,
    alert_acts,
    together,
    report,
    homes,
    quarantine,
    remote,
    my_data,
    on_call,
    rota,
    rota_entries,
    indicators,
    live,
    link,
    inbound,
)


@web.middleware
async def place_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out where the person looking stands, and speak their language."""
    if request.path.startswith("/static/"):
        return await handler(request)
    context, user = request.app[CONTEXT], request.get(USER)
    async with context.records.read() as unit:
        place = await outside(unit) if user is None else await place_of(unit, user, context.clock())
    request[PLACE] = place
    with speaking(_language(request, place)):
        response = await handler(request)
        if SESSION in request and not response.prepared:
            response.headers["X-Session-Ends"] = request[SESSION].expires_at.isoformat()
        return response


def _language(request: web.Request, place: Place) -> Language:
    user = request.get(USER)
    if user is not None:
        return Language.of(user.locale, place.zone)
    chosen = request.query.get("lang") or request.cookies.get(sign_in.LANGUAGE_COOKIE, "")
    return Language.of(chosen if chosen in LOCALES else _asked_for(request), place.zone)


def _asked_for(request: web.Request) -> str:
    for part in request.headers.get("Accept-Language", "").split(","):
        wanted = part.split(";")[0].strip().split("-")[0].lower()
        if wanted in (*LOCALES, "no", "nn"):
            return "nb" if wanted in ("no", "nn") else wanted
    return "en"


def create_site(context: WebContext) -> web.Application:
    """The site as an aiohttp application. It opens nothing: its context is already open, and stays so."""
    app = web.Application(
        middlewares=[errors.error_middleware, session_middleware, place_middleware, errors.error_middleware],
        client_max_size=_LARGEST_POST,
    )
    app[CONTEXT] = context
    app[live.STREAMS] = live.Streams()
    app[WARD_BACKTESTS] = WardBacktests()
    for module in _PARTS:
        app.router.add_routes(module.routes)
    app.router.add_static("/static", STATIC)
    security_headers.install(app, secure=context.secure_cookies)
    app.on_shutdown.append(live.close_streams)
    app.on_shutdown.append(close_ward_backtests)
    return app
