"""The nurse's browser, without a browser: signs in, looks at the worklist and acknowledges, over plain HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Final

import aiohttp

from hearthline_simulator.demo.chain import DIASTOLIC, SYSTOLIC

_WITHIN: Final = aiohttp.ClientTimeout(total=10)


class SiteError(Exception):
    """The site did not answer as it should; the message says where and how."""


class _Forms(HTMLParser):
    """Each form's hidden fields by its action, and the text of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, dict[str, str]] = {}
        self.text: list[str] = []
        self._action: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action = found.get("action", "")
            self.hidden[self._action] = {}
        elif tag == "input" and found.get("type") == "hidden" and self._action is not None:
            self.hidden[self._action][found.get("name", "")] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._action = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class Nurse:
    """Signed in to the site."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def sees(self, alert: int) -> bool:
        """Whether the worklist shows the value, and the alert's own button to acknowledge it."""
        page = await self._page("/worklist")
        return f"{SYSTOLIC}/{DIASTOLIC}" in "".join(page.text) and _acknowledge(alert) in page.hidden

    async def acknowledge(self, alert: int) -> None:
        """Press that button."""
        page = await self._page("/worklist")
        action = _acknowledge(alert)
        if action not in page.hidden:
            raise SiteError(f"the worklist has no button to acknowledge alert {alert}")
        async with self._session.post(action, data=page.hidden[action]) as response:
            if response.status >= 400:  # a redirect back to the list was followed already
                raise SiteError(f"POST {action} answered {response.status}")

    async def _page(self, path: str) -> _Forms:
        async with self._session.get(path) as response:
            if response.status != 200:
                raise SiteError(f"GET {path} answered {response.status}")
            return _parsed(await response.text())


@asynccontextmanager
async def nurse_at(url: str, login: str, password: str) -> AsyncIterator[Nurse]:
    """Sign in; raises :class:`SiteError` when that fails."""
    jar = aiohttp.CookieJar(unsafe=True)  # "unsafe": keeps cookies of an address without a name, such as 127.0.0.1
    async with aiohttp.ClientSession(url, cookie_jar=jar, timeout=_WITHIN) as session:
        async with session.get("/login") as response:
            page = _parsed(await response.text())
        fields = page.hidden.get("/login", {}) | {"login": login, "password": password}
        async with session.post("/login", data=fields, allow_redirects=False) as response:
            if response.status not in (302, 303):
                raise SiteError(f"the nurse could not sign in: POST /login answered {response.status}")
        yield Nurse(session)


def _acknowledge(alert: int) -> str:
    return f"/alerts/{alert}/acknowledge"


def _parsed(text: str) -> _Forms:
    forms = _Forms()
    forms.feed(text)
    return forms
