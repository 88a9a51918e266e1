"""A user's own settings."""

from typing import Final

from aiohttp import web

from hearthline_backend.storage.records.people import Role
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.people_words import title_name
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.rendering import available_locales

_EVERYBODY: Final = tuple(Role)

routes = web.RouteTableDef()


@routes.get("/account")
@for_roles(*_EVERYBODY)
async def account(visit: Visit) -> web.StreamResponse:
    """Theme, keys, language, signing out."""
    patient = visit.request[PLACE].patient
    who = patient.given_name if patient is not None else f"{visit.user.initials}, {title_name(visit.user.title)}"
    return page(
        visit,
        "account.html",
        _("Your account"),
        "/account",
        live=False,
        user=visit.user,
        who=who,
        saved="saved" in visit.request.query,
        languages=available_locales(),
    )


@routes.post("/account")
@for_roles(*_EVERYBODY)
async def save(visit: Visit) -> web.StreamResponse:
    """Keep the settings; they hold from the next page on."""
    form = await visit.request.post()
    theme = str(form.get("theme", ""))
    locale = str(form.get("locale", visit.user.locale))
    known = {name for name, _name in available_locales()} | {visit.user.locale}
    single_keys = "single_keys" in form if visit.user.role is not Role.PATIENT else visit.user.single_keys
    async with visit.context.records.begin() as unit:
        await unit.people.set_preferences(
            visit.user.id,
            theme=theme if theme in ("light", "dark") else None,
            single_keys=single_keys,
            locale=locale if locale in known else visit.user.locale,
        )
    raise web.HTTPSeeOther("/account?saved")
