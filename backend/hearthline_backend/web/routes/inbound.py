"""Where other systems acknowledge: a signed post, and nothing else, changes anything here."""

from aiohttp import web

from hearthline_backend.alerting.inbound import LONGEST_BODY, NOT_UNDERSTOOD, InboundAcknowledgements, Said
from hearthline_backend.web.context import CONTEXT

routes = web.RouteTableDef()


@routes.post("/webhooks/acknowledge")
async def acknowledge(request: web.Request) -> web.StreamResponse:
    """Acknowledge the alert of a call, as the person who was called. No session, no cookie: the signature counts."""
    context = request.app[CONTEXT]
    body = await request.content.read(LONGEST_BODY + 1)
    if len(body) > LONGEST_BODY:
        return _answer(NOT_UNDERSTOOD)
    inbound = InboundAcknowledgements(context.records, context.actions, context.clock)
    return _answer(await inbound.hear(body, request.headers.get("Hearthline-Signature", "")))


def _answer(said: Said) -> web.Response:
    return web.json_response({"status": said.what, "repeat": said.repeat}, status=said.status)
