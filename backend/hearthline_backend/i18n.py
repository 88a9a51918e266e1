"""Words in the language of the person who reads them: gettext catalogues, falling back to the English of the source.

Catalogues are compiled files ``locale/<language>/LC_MESSAGES/hearthline.mo`` beside this module. Texts are looked up
for one person at a time; there is no language of the process.
"""

from collections.abc import Callable
from functools import lru_cache
from gettext import NullTranslations, translation
from pathlib import Path
from typing import Final

DOMAIN: Final = "hearthline"
_CATALOGUES: Final = Path(__file__).parent / "locale"

Gettext = Callable[[str], str]
"""Turns the English of the source into a person's language."""


@lru_cache(maxsize=32)
def translations(locale: str) -> NullTranslations:
    """The catalogue of a locale such as ``sv`` or ``nb_NO``; English where there is none."""
    languages = [locale, locale.split("_", maxsplit=1)[0]]
    return translation(DOMAIN, str(_CATALOGUES), languages=languages, fallback=True)


def gettext_for(locale: str) -> Gettext:
    """The function usually called ``_``, for one locale."""
    return translations(locale).gettext
