"""Templates to answers: escaped by default, an unknown name is an error, words in the language of this request."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn

from aiohttp import web
from babel import Locale
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateRuntimeError
from markupsafe import Markup

from hearthline_backend.i18n import translations
from hearthline_backend.web import times
from hearthline_backend.web.language import LOCALES, current
from hearthline_backend.web.sessions import CSRF_FIELD

_HERE: Final = Path(__file__).parent
STATIC: Final = _HERE / "static"


def _gettext(message: str) -> str:
    return current().words.gettext(message)


def _ngettext(one: str, many: str, count: int) -> str:
    return current().words.ngettext(one, many, count)


def _refuse(message: str) -> NoReturn:
    raise TemplateRuntimeError(message)


@lru_cache(maxsize=256)
def static_url(path: str) -> str:
    """The address of one of our own files, with its content's hash, so that it may be cached for ever."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


def _count(number: float) -> str:
    return format_decimal(number, locale=current().locale)


def make_environment() -> Environment:
    """The environment of all templates."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]  # by jinja2.ext.i18n
    environment.globals.update(
        static=static_url,
        refuse=_refuse,
        age_words=times.age_words,
        when=times.when,
        clock=times.clock,
        clock_s=times.clock_s,
        stamp=times.stamp,
        day_stamp=times.day_stamp,
        spoken_stamp=times.spoken_stamp,
        age_text=times.age_text,
        csrf_field=CSRF_FIELD,
    )
    environment.filters["count"] = _count
    return environment


ENVIRONMENT: Final = make_environment()


def available_locales() -> list[tuple[str, str]]:
    """Languages that have a catalogue, with their own names. English is always there."""
    have = [name for name in LOCALES if name == "en" or translations(name).info()]
    return [(name, (Locale.parse(name).get_display_name(name) or name).capitalize()) for name in have]


def render(template: str, **context: Any) -> Markup:
    """One template or fragment as markup."""
    return Markup(ENVIRONMENT.get_template(template).render(**context))  # noqa: S704  # autoescaped by the environment


def html(body: str, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """An HTML answer."""
    return web.Response(text=body, status=status, content_type="text/html", charset="utf-8", headers=headers)
