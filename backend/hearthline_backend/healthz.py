"""``/healthz``: whether this process serves, for supervisors. It asks no store, so it answers while one is down."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.uplink.port import Uplink

PATH: Final = "/healthz"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def health_middleware(
    uplink: Uplink, health: StoreHealth, synthetic: Callable[[], datetime | None] = lambda: None
) -> Middleware:
    """Answers for ``/healthz`` before anything of the site is asked.

    ``{"serving": true, "broker": "connected"|"away", "stores": "taking"|"away", "delayed_since": time|null,
    "synthetic_event": time|null}``, always with status 200: a process that waits for its broker or its database does
    not get better by being restarted. ``synthetic`` tells when a live event of the watchdog's last came here.
    """

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != PATH:
            return await handler(request)
        return web.json_response(_state(uplink, health, synthetic), headers={"Cache-Control": "no-store"})

    return answer


def _state(uplink: Uplink, health: StoreHealth, synthetic: Callable[[], datetime | None]) -> dict[str, Any]:
    since, heard = health.delayed_since, synthetic()
    return {
        "serving": True,
        "broker": "connected" if uplink.connected else "away",
        "stores": "taking" if since is None else "away",
        "delayed_since": None if since is None else since.isoformat(),
        "synthetic_event": None if heard is None else heard.isoformat(),
    }
