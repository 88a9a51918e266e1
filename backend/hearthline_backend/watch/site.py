"""What the site and the other processes say of themselves, asked over HTTP."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp

ASK_WITHIN_S: Final = 5.0
_MOST_BYTES: Final = 64 * 1024
_MOST_WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class SiteLook:
    """``problem`` is why the site gave no good answer. The rest is what it said: ``evidence`` in words where it is not
    well itself, ``synthetic_event`` when a live event of ours last came to it."""

    problem: str | None
    evidence: tuple[str, ...] = ()
    synthetic_event: str | None = None


class SiteProbe:
    """Asks; never raises for anything an answer can hold."""

    def __init__(self, site_url: str | None, ready_urls: Sequence[str], within_s: float = ASK_WITHIN_S) -> None:
        self._site_url = site_url
        self._ready_urls = tuple(ready_urls)
        self._timeout = aiohttp.ClientTimeout(total=within_s)
        self._session: aiohttp.ClientSession | None = None

    async def site(self) -> SiteLook:
        """``/healthz`` of the site."""
        url = f"{self._site_url}/healthz"
        status, content = await self._ask(url)
        if isinstance(content, str):
            return SiteLook(f"{url} {content}")
        if status != HTTPStatus.OK or content.get("serving") is not True:
            return SiteLook(f"{url} answers {status}, and not as the site does")
        event = content.get("synthetic_event")
        return SiteLook(None, tuple(_says(content)), str(event) if event is not None else None)

    async def ready(self) -> str | None:
        """Why one of the processes is not ready; None while all are."""
        found = await asyncio.gather(*(self._ready(url) for url in self._ready_urls))
        return "; ".join(one for one in found if one is not None) or None

    async def fetch(self, url: str) -> int:
        """The status of one address. Raises ``aiohttp.ClientError`` and ``OSError``."""
        async with self._open().get(url, timeout=self._timeout, allow_redirects=False) as answer:
            return answer.status

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def _ready(self, url: str) -> str | None:
        status, content = await self._ask(url)
        if isinstance(content, str):
            return f"{url} {content}"
        checks = content.get("checks")
        failed = [one for one in checks if not one.get("ok")] if isinstance(checks, list) else []
        if status == HTTPStatus.OK and content.get("ready") is True:
            return None
        words = [f"{one.get('check')}: {one.get('next_step')}" for one in failed]
        return f"{url} is not ready: " + ("; ".join(words)[:_MOST_WORDS] or f"it answers {status}")

    async def _ask(self, url: str) -> tuple[int, Mapping[str, Any] | str]:
        """Status and JSON object, or in words why there is none."""
        try:
            async with self._open().get(url, timeout=self._timeout, allow_redirects=False) as answer:
                status = answer.status
                content = await answer.content.read(_MOST_BYTES)
            found = json.loads(content)
        except TimeoutError:
            return 0, "does not answer in time"
        except (aiohttp.ClientError, OSError) as error:
            return 0, f"is not reached ({type(error).__name__})"
        except ValueError:
            return status, f"answers {status}, and not as it should"
        return (status, found) if isinstance(found, dict) else (status, f"answers {status}, and not as it should")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _says(content: Mapping[str, Any]) -> list[str]:
    said = []
    if content.get("broker") == "away":
        said.append("the site says that it does not reach the broker")
    if content.get("stores") == "away":
        said.append(f"the site says that its stores take nothing since {content.get('delayed_since')}")
    return said
