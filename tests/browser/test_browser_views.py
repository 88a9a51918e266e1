"""Every view at every size and theme: nothing that axe finds, nothing that scrolls sideways, nothing on the console."""

from collections.abc import Sequence
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Site, chromium

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZES = (1440, 360)
NURSE_PARTS = 3
"""A nurse has many views: one test looks at a part of them."""

_WIDE = """() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return "";
  const all = [...document.querySelectorAll("main *, header *")];
  const out = all.filter((one) => one.getBoundingClientRect().right > most + 1).slice(0, 3);
  const named = out.map((one) => one.tagName + "." + one.className).join(", ");
  return `${document.documentElement.scrollWidth} of ${most}: ${named}`;
}"""


async def _settled(page: Page) -> None:
    await expect(page.locator("figure[data-series]:not([data-drawn])")).to_have_count(0)


async def _found(page: Page) -> list[str]:
    result: Any = await Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in result.response["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("login", "part", "parts"),
    [
        *(("nurse", part, NURSE_PARTS) for part in range(NURSE_PARTS)),
        *((one, 0, 1) for one in ("technician", "patient", None)),
    ],
)
async def test_axe_finds_nothing(site: Site, login: str | None, part: int, parts: int, scheme: str) -> None:
    page = await site.visit(login, color_scheme=scheme)
    found: dict[str, list[str]] = {}
    own = [(name, path) for name, (who, path) in (await site.views()).items() if who == login]
    for name, path in own[part::parts]:
        await page.goto(site.url + path)
        await _settled(page)
        for width in SIZES:
            await page.set_viewport_size({"width": width, "height": 900})
            violations = await _found(page)
            if violations:
                found[f"{name} {width}"] = violations
    assert found == {}


async def test_nothing_scrolls_sideways(site: Site) -> None:
    assert await _too_wide(site, (320, 360, 768, 1024, 1440)) == {}


async def test_nothing_scrolls_sideways_with_text_at_200_percent(site: Site) -> None:
    async with chromium("--blink-settings=defaultFontSize=32") as large:
        found = await _too_wide(site, (320, 360, 1280), large)
    site.contexts.clear()
    assert found == {}


async def _too_wide(site: Site, widths: Sequence[int], browser: Browser | None = None) -> dict[str, str]:
    pages: dict[str | None, Page] = {}
    found = {}
    for name, (who, path) in (await site.views()).items():
        if who not in pages:
            pages[who] = await site.visit_with(browser or site.browser, who)
        page = pages[who]
        await page.goto(site.url + path)
        await _settled(page)
        for width in widths:
            await page.set_viewport_size({"width": width, "height": 800})
            wide = await page.evaluate(_WIDE)
            if wide:
                found[f"{name} {width}"] = wide
    return found


async def test_what_one_operates_is_large_enough_on_a_phone(site: Site) -> None:
    small = {}
    for login in ("nurse", "technician", "patient"):
        page = await site.visit(login, viewport={"width": 360, "height": 800}, has_touch=True)
        for name, (who, path) in (await site.views()).items():
            if who != login:
                continue
            await page.goto(site.url + path)
            sizes = await page.evaluate(
                """() => [...document.querySelectorAll("button, .btn, .chip, summary, input, .me, nav a")]
                  .filter((one) => one.checkVisibility() && !one.closest("[aria-hidden=true]"))
                  .map((one) => [one.textContent.trim().slice(0, 30), one.getBoundingClientRect()])
                  .filter(([_text, box]) => box.height < 20 || box.width < 20)
                  .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""
            )
            if sizes:
                small[name] = sizes
    assert small == {}


async def test_print_keeps_the_emergency_line_and_drops_the_buttons(site: Site) -> None:
    page = await site.visit("nurse")
    await page.goto(f"{site.url}/patients/{site.ward.patient_id('Astrid')}")
    await page.emulate_media(media="print")
    assert await page.locator(".notice").is_visible()
    assert await page.locator(".printed").is_visible()
    for hidden in (".top nav", ".chips", ".me", ".acts"):
        assert not await page.locator(hidden).first.is_visible(), hidden
