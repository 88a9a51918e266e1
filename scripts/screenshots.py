"""Makes the pictures of the docs from a running demo: each view at two sizes, light and dark, or only some of them.
scripts/pictures starts a demo and calls this.

    python scripts/screenshots.py http://127.0.0.1:8080 --nurse LOGIN PASSWORD --technician LOGIN PASSWORD \
        --patient LOGIN PASSWORD --into docs/pictures --only worklist-wide-light
"""

import argparse
import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, async_playwright

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES: Final = {"wide": (1440, 900), "phone": (360, 800)}
SCHEMES: Final = ("light", "dark")
SIMULATED_HOME: Final = "0417"
"""The one home of the demo that has a gateway of its own, and a meter to be found."""
ROLES: Final = ("nurse", "technician", "patient")


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Pictures of a running Hearthline for its docs.")
    parser.add_argument("address", help="where it runs, such as http://127.0.0.1:8080")
    for role in ROLES:
        parser.add_argument(f"--{role}", nargs=2, metavar=("LOGIN", "PASSWORD"))
    parser.add_argument("--into", type=Path, default=Path("docs/pictures"), help="folder for the pictures")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="these pictures, such as worklist-wide-light")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of Chromium")
    return parser.parse_args(arguments)


@asynccontextmanager
async def open_browser(program: str) -> AsyncIterator[Browser]:
    """Chromium without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


async def sign_in(page: Page, address: str, login: str, password: str) -> None:
    """To the first view of a role; an error where login or password is wrong."""
    await page.goto(f"{address}/login")
    await page.fill("#login", login)
    await page.fill("#password", password)
    await page.click("form button.main")
    await page.wait_for_load_state("load")
    if "/login" in page.url:
        raise SystemExit(f"{login} could not sign in: check login and password, or wait if there were too many tries")


async def views_of(page: Page, role: str, address: str) -> dict[str, str]:
    """Each picture's name with its address: the first patient, alert or home of the list stands for all."""
    if role == "patient":
        return {"my-data": f"{address}/my-data"}
    if role == "technician":
        home = await page.locator("[data-open]").first.get_attribute("href")
        return {
            "homes": f"{address}/homes",
            **({"home": address + home} if home else {}),
            "find": f"{address}/homes/{SIMULATED_HOME}",
        }
    found = {name: f"{address}/{name}" for name in ("worklist", "indicators", "on-call")}
    alert = page.locator("[data-open][href^='/alerts/']")
    if await alert.count():
        found["alert"] = address + str(await alert.first.get_attribute("href"))
        await page.goto(found["alert"])
        patient = await page.locator(".over a[href^='/patients/']").first.get_attribute("href")
        found["patient"] = address + str(patient)
    return found


async def search(page: Page) -> None:
    """Have the simulated home's gateway find the meter that lies beside it, and open what is said of it."""
    await page.click("#do-scan")
    found = page.locator(".found > li")
    await found.first.wait_for()
    await found.first.locator("summary").click()


async def take(browser: Browser, options: argparse.Namespace, role: str, credentials: tuple[str, str]) -> list[Path]:
    """Every picture of one role."""
    made = []
    address = options.address.rstrip("/")
    for scheme in SCHEMES:
        context = await browser.new_context(color_scheme=scheme, locale="en-GB", device_scale_factor=1)
        page = await context.new_page()
        await sign_in(page, address, *credentials)
        for name, where in (await views_of(page, role, address)).items():
            for size, (width, height) in SIZES.items():
                picture = f"{name}-{size}-{scheme}"
                if options.only and picture not in options.only:
                    continue
                await page.set_viewport_size({"width": width, "height": height})
                await page.goto(where)
                await page.locator("figure[data-series]:not([data-drawn])").first.wait_for(state="detached")
                path = options.into / f"{picture}.png"
                if name == "find":
                    await search(page)
                    await page.locator("#remote").screenshot(path=path)
                else:
                    await page.screenshot(path=path)
                made.append(path)
        await context.close()
    return made


async def main(arguments: list[str]) -> int:
    """Take every picture that there are credentials for."""
    options = parse(arguments)
    if options.chromium is None:
        print("chromium is not installed; install it with: apt-get install chromium", file=sys.stderr)
        return 2
    options.into.mkdir(parents=True, exist_ok=True)
    async with open_browser(options.chromium) as browser:
        for role in ROLES:
            credentials = getattr(options, role)
            if credentials:
                for path in await take(browser, options, role, tuple(credentials)):
                    print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(sys.argv[1:])))
