"""The headers every answer carries: nothing inline, nothing framed, nothing from elsewhere, nothing cached."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)

_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_YEAR_S: Final = 365 * 24 * 3600


def install(app: web.Application, *, secure: bool) -> None:
    """Put the headers on every answer of ``app``, whoever made it; ``secure`` adds HTTPS for a year."""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)
        if secure:
            response.headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"
        if request.path.startswith("/static/"):
            response.headers["Cache-Control"] = (
                "no-cache" if "v" not in request.query else f"max-age={_YEAR_S}, immutable"
            )
        else:
            response.headers.setdefault("Cache-Control", "no-store")

    app.on_response_prepare.append(add)
