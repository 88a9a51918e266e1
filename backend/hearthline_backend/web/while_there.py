"""Work that ends with the visit it is for: nobody computes for a page that somebody has left."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from aiohttp import web

T = TypeVar("T")

_LOOK_S: Final = 0.25


class VisitorLeftError(web.HTTPClientError):
    """Whoever asked has closed the connection: nobody reads this answer. The status is the one that nginx has for
    it."""

    status_code = 499


async def while_there(request: web.Request, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` comes to. It is cancelled when whoever asked is gone, or when the request is; the first raises
    :class:`VisitorLeftError`."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait([task], timeout=_LOOK_S))[0]:
            if request.transport is None:
                raise VisitorLeftError(reason="Visitor left")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
