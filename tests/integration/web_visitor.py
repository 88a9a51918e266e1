"""Somebody who visits the site over HTTP, with a cookie jar and the token of the page they are on."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer

from hearthline_backend.web.routes.sign_in import DOOR_COOKIE
from hearthline_backend.web.sessions import COOKIE
from tests.browser.ward import PASSWORD, Ward

_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


class Visitor:
    """A browser without scripts."""

    def __init__(self, client: "TestClient[Any, Any]") -> None:
        self._client = client
        self.token = ""

    async def get(self, path: str, **options: Any) -> ClientResponse:
        """Open an address."""
        headers = {"Accept": "text/html"} | options.pop("headers", {})
        return await self._client.get(path, headers=headers, **options)

    async def head(self, path: str) -> ClientResponse:
        """Ask for an address's headers only."""
        return await self._client.head(path, allow_redirects=False)

    async def raw_post(self, path: str, fields: dict[str, str] | bytes, **options: Any) -> ClientResponse:
        """Post exactly these fields."""
        return await self._client.post(path, data=fields, allow_redirects=False, **options)

    async def post(self, path: str, *, htmx: bool = False, **fields: str) -> ClientResponse:
        """Post as a form of our own page does."""
        headers = {"HX-Request": "true"} if htmx else {}
        return await self.raw_post(path, fields | {"csrf": self.token}, headers=headers)

    async def post_pairs(self, path: str, pairs: list[tuple[str, str]]) -> ClientResponse:
        """The same where a field occurs more than once."""
        return await self._client.post(path, data=[*pairs, ("csrf", self.token)], allow_redirects=False)

    async def sign_in(
        self, login: str, password: str = PASSWORD, *, back: str = "", forwarded: str = ""
    ) -> ClientResponse:
        """Fill in the sign-in page; afterwards posts carry the new session's token."""
        door = await self._client.get("/login?lang=en")
        found = _TOKEN.search(await door.text())
        assert found is not None
        fields = {"login": login, "password": password, "next": back, "csrf": found.group(1)}
        # A cookie for HTTPS only is not sent back over plain HTTP by itself.
        secure = door.cookies.get(DOOR_COOKIE)
        headers = {"Cookie": f"{DOOR_COOKIE}={secure.value}"} if secure is not None and secure["secure"] else {}
        if forwarded:
            headers["X-Forwarded-For"] = forwarded
        answer = await self.raw_post("/login", fields, headers=headers)
        if answer.status == 303:
            account = await self._client.get("/account")
            token = _TOKEN.search(await account.text())
            self.token = token.group(1) if token is not None else ""
        return answer

    def cookie(self) -> str:
        """The session's token, as the browser holds it."""
        found = [morsel.value for morsel in self._client.session.cookie_jar if morsel.key == COOKIE]
        return found[0] if found else ""


@asynccontextmanager
async def visitor(ward: Ward, **context: Any) -> AsyncIterator[Visitor]:
    """A visitor of a ward's site on a port of its own."""
    server = TestServer(ward.site(**context))
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield Visitor(client)
