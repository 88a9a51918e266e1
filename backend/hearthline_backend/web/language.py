"""The language and the zone of the person looking, for the length of one request."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from gettext import NullTranslations
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale

from hearthline_backend.i18n import translations

LOCALES: Final = ("en", "sv", "nb", "es")
"""Languages a user may choose, by locale."""


@dataclass(frozen=True, slots=True)
class Language:
    """Words and number formats of one locale, and the zone in which times are told."""

    locale: Locale
    zone: ZoneInfo
    words: NullTranslations

    @classmethod
    def of(cls, locale: str, zone: str) -> "Language":
        """The language of a user; an unknown locale falls back to English."""
        name = locale if locale.split("_", maxsplit=1)[0] in LOCALES else "en"
        return cls(Locale.parse(name), ZoneInfo(zone), translations(name))

    @property
    def tag(self) -> str:
        """The BCP 47 tag for ``<html lang>``."""
        return str(self.locale).replace("_", "-")


_current: ContextVar[Language] = ContextVar("hearthline_language")


def current() -> Language:
    """The language of this request; English and UTC outside one."""
    try:
        return _current.get()
    except LookupError:
        return Language.of("en", "UTC")


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Everything inside is told in ``language``."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def _(message: str) -> str:
    """Translate for the person looking. Named as gettext's tools expect."""
    return current().words.gettext(message)


def n_(one: str, many: str, count: int) -> str:
    """Translate with the plural form that ``count`` asks for."""
    return current().words.ngettext(one, many, count)
