"""``/readyz`` and ``/metrics`` over HTTP, on a port of their own or beside a site for callers on this machine."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from hearthline_backend.operations.figures import RecordsFigures
from hearthline_backend.operations.metrics import Metrics
from hearthline_backend.operations.readiness import Readiness

READY: Final = "/readyz"
METRICS: Final = "/metrics"
_PROXIED: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
_NO_STORE: Final = {"Cache-Control": "no-store"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def anybody(_request: web.Request) -> bool:
    """On a port of its own, whoever reaches it."""
    return True


def nobody(_request: web.Request) -> bool:
    """As if the addresses were not there."""
    return False


def on_this_machine(request: web.Request) -> bool:
    """Straight from a loopback address, not handed on by a proxy that runs here."""
    if request.remote is None or any(name in request.headers for name in _PROXIED):
        return False
    try:
        return ip_address(request.remote).is_loopback
    except ValueError:
        return False


def operations_middleware(
    readiness: Readiness, metrics: Metrics, figures: RecordsFigures, allowed: Callable[[web.Request], bool]
) -> Middleware:
    """Answers before anything of a site is asked. Who is not ``allowed`` finds what any unknown address shows."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in (READY, METRICS) or request.method not in ("GET", "HEAD") or not allowed(request):
            return await handler(request)
        if request.path == READY:
            ready, checks = await readiness.answer()
            body = {"ready": ready, "checks": checks}
            return web.json_response(body, status=200 if ready else 503, headers=_NO_STORE)
        await figures.refresh()
        page, content_type = metrics.page(request.headers.get("Accept", ""))
        return web.Response(body=page, headers=_NO_STORE | {"Content-Type": content_type})

    return answer
