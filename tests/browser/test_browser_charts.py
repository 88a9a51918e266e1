"""Charts: named for those who cannot see them, walked by arrow keys, drawn in the theme's own colours."""

import asyncio
import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.ward import pressure

pytestmark = pytest.mark.asyncio(loop_scope="session")

_COLOURS = """() => {
  const canvas = document.querySelector("figure[data-series] canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] === 255) seen.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
  }
  return [...seen];
}"""

_COLOURS_WITH = f"""async (wanted) => {{
  let seen = [];
  while (!seen.includes(wanted)) {{
    await new Promise(requestAnimationFrame);
    seen = ({_COLOURS})();
  }}
  return seen;
}}"""


async def _patient(site: Site, **context: object) -> Page:
    page = await site.visit("nurse", **context)
    await page.goto(f"{site.url}/patients/{site.ward.patient_id('Astrid')}")
    await expect(page.locator("figure").first).to_have_attribute("data-drawn", re.compile(r"[1-9]\d*"))
    return page


async def test_a_chart_is_named_by_measure_span_values_limit_and_gaps(site: Site) -> None:
    page = await _patient(site)
    name = await page.locator("figure[data-series] .plot").first.get_attribute("aria-label")
    assert name is not None
    said = name.replace("\u00a0", " ")
    assert said.startswith("Blood pressure, Sun 8 Nov 03:12 to 03:12.")
    assert "systolic 133 to 186 mmHg" in said or "to 186 mmHg" in said
    assert "red limit 180 mmHg" in said
    assert "1 gap without readings" in said


async def test_a_chart_that_was_hidden_for_a_while_is_still_there(site: Site) -> None:
    page = await _patient(site)
    frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    for hidden in ("true", "false"):
        await page.evaluate(f"document.querySelector('main').hidden = {hidden}")
        await page.evaluate(frames)
    assert await page.evaluate("document.querySelector('figure canvas').width") > 0


async def test_arrow_keys_walk_the_readings_and_say_each(site: Site) -> None:
    page = await _patient(site)
    plot, said = page.locator(".plot").first, page.locator(".readout").first
    await plot.focus()
    await page.keyboard.press("ArrowLeft")
    await expect(said).to_contain_text("186/112\u00a0mmHg, 03:04")
    await page.keyboard.press("ArrowLeft")
    await expect(said).to_contain_text("Sat 21 Nov 19:41")
    await page.keyboard.press("Home")
    await expect(said).to_contain_text("8 Nov")
    await page.keyboard.press("End")
    await expect(said).to_contain_text("186/112")


async def test_colours_are_the_tokens_and_follow_the_theme(site: Site) -> None:
    page = await _patient(site, color_scheme="light")
    async with asyncio.timeout(15):
        light = await page.evaluate(_COLOURS_WITH, "194,32,43")
    assert "221,233,224" in light  # --band
    assert "194,32,43" in light  # --red-fill
    await page.emulate_media(color_scheme="dark")
    async with asyncio.timeout(10):
        dark = await page.evaluate(_COLOURS_WITH, "34,54,42")
    assert "221,233,224" not in dark


async def test_the_table_is_the_full_alternative(site: Site) -> None:
    page = await _patient(site)
    await page.goto(page.url + "?range=90d")
    await page.get_by_text("Show as a table").first.click()
    table = page.locator("#table-blood_pressure")
    await expect(table.locator("tbody tr")).to_have_count(60)
    await expect(table.locator("caption")).to_contain_text("Newest first, 60 of")
    await table.get_by_role("link", name="Older").click()
    await expect(table).to_contain_text("Page 2 of")


async def test_when_readings_cannot_be_fetched_it_says_so_and_tries_again(site: Site) -> None:
    page = await site.visit("nurse")
    await page.route("**/series?*", lambda route: route.abort())
    await page.goto(f"{site.url}/patients/{site.ward.patient_id('Astrid')}")
    problem = page.locator("figure .problem").first
    await expect(problem).to_contain_text("could not be fetched. Alerts are not affected.")
    await page.unroute("**/series?*")
    await problem.get_by_role("button", name="Try again").click()
    await expect(problem).to_be_hidden()
    await expect(page.locator("figure[data-drawn]")).to_have_count(1)


async def test_a_new_reading_is_drawn_without_a_reload(site: Site) -> None:
    page = await _patient(site)
    await expect(page.locator("figure").first).to_have_attribute("data-drawn", re.compile(r"[1-9]\d*"))
    before = int(await page.locator("figure").first.get_attribute("data-drawn") or 0)
    await expect(page.locator("#live .word")).to_have_text("Live")
    await site.ward.arrive("Astrid", pressure(site.ward.clock.now, 151, 88))
    await expect(page.locator("figure").first).to_have_attribute("data-drawn", str(before + 1))
    await expect(page.locator(".tiles .value").first).to_contain_text("151/88")
