"""When something is not there, not allowed, or failed: a page that says what to do next. Never a trace."""

import secrets
from dataclasses import dataclass

import structlog
from aiohttp import web

from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.records.people import Role
from hearthline_backend.web.context import CONTEXT
from hearthline_backend.web.guards import NotForRoleError, StaleFormError, Visit
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import frame, outside_frame
from hearthline_backend.web.place import PLACE, Place
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.security_headers import Handler
from hearthline_backend.web.sessions import USER

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """What happened, what to do next, and where to go."""

    what: str
    next: str
    href: str
    link: str
    reference: str = ""
    again: bool = False


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into answers a person, or a script, can use."""
    try:
        return await handler(request)
    except (NotForRoleError, StaleFormError, web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        return _answer(request, error.status, _message(request, error))
    except web.HTTPException:
        raise
    except StoreUnavailableError as error:
        reference = _reference()
        log.warning("store_unavailable", reference=reference, reason=str(error))
        return _answer(request, 503, _unavailable(request, reference))
    except Exception:  # the last place: whatever failed, the person gets an answer and the log the cause
        reference = _reference()
        log.exception("request_failed", reference=reference, method=request.method)
        return _answer(request, 500, _failed(request, reference))


def _reference() -> str:
    return secrets.token_hex(3).upper()


def _home(request: web.Request) -> tuple[str, str]:
    user = request.get(USER)
    if user is None:
        return "/login", _("To sign in")
    return {
        Role.CARE: ("/worklist", _("To the worklist")),
        Role.TECHNICIAN: ("/homes", _("To the homes")),
        Role.ENGINEER: ("/homes", _("To the homes")),
        Role.PATIENT: ("/my-data", _("To my readings")),
    }[user.role]


def _message(request: web.Request, error: web.HTTPException) -> Message:
    href, link = _home(request)
    user = request.get(USER)
    if isinstance(error, NotForRoleError):
        if user is not None and user.role.technical:
            then = _("Technicians see devices, not readings. Ask the care team to open it for you.")
        elif user is not None and user.role is Role.CARE:
            then = _("It is for technicians. Ask them when a home or a meter needs a hand.")
        else:
            then = _("It is for the people who care for you. Your own readings are under “My readings”.")
        return Message(_("This page is not for your role"), then, href, link)
    if isinstance(error, StaleFormError):
        return Message(
            _("This page was too old to send"),
            _("Nothing was changed. Open it again and repeat what you did."),
            href,
            link,
        )
    return Message(
        _("There is nothing here"),
        _("The address is wrong, or what it showed is not yours to see. You see your own team only."),
        href,
        link,
    )


def _unavailable(request: web.Request, reference: str) -> Message:
    href, link = _home(request)
    then = _("The store did not answer. Nothing is lost: readings wait, and calls go out as soon as it is back.")
    return Message(_("This could not be fetched"), then, href, link, reference, again=request.method in ("GET", "HEAD"))


def _failed(request: web.Request, reference: str) -> Message:
    href, link = _home(request)
    then = _("This is our fault. Readings, alerts and calls go on. Tell the person who runs Hearthline the reference.")
    return Message(_("This page failed"), then, href, link, reference, again=request.method in ("GET", "HEAD"))


def _answer(request: web.Request, status: int, message: Message) -> web.Response:
    if "text/html" not in request.headers.get("Accept", "text/html") and "HX-Request" not in request.headers:
        said = {"error": message.what, "next": message.next, "reference": message.reference}
        return web.json_response(said, status=status)
    request.setdefault(PLACE, Place("UTC", "112"))
    user = request.get(USER)
    if user is not None:
        around = frame(Visit(request, request.app[CONTEXT], user), message.what, "", live=False)
    else:
        around = outside_frame(request, message.what, request.app[CONTEXT].clock().isoformat())
    return html(render("message.html", frame=around, message=message), status=status)
