"""A light of the Linux LED class: every Raspberry Pi has one, and an LED on a GPIO pin becomes one by ``gpio-led``.

Source: Linux, Documentation/leds/leds-class.rst: ``trigger`` names who switches the light, ``none`` leaves it to us;
``brightness`` takes 0 to ``max_brightness``.
"""

import asyncio
import re
from pathlib import Path
from typing import Final

from hearthline_gateway.indicator.engine import IndicatorError
from hearthline_gateway.indicator.patterns import Pattern

LEDS: Final = Path("/sys/class/leds")
_IN_FORCE: Final = re.compile(r"\[([^\]]+)\]")


class LedIndicator:
    """The light ``name`` under :data:`LEDS`."""

    def __init__(self, name: str, *, folder: Path = LEDS) -> None:
        self._name = name
        self._led = folder / name
        self._trigger: str | None = None
        self._full = 1

    async def open(self) -> None:
        """Take the light from its trigger."""
        try:
            found = _IN_FORCE.search((self._led / "trigger").read_text())
            self._full = int((self._led / "max_brightness").read_text())
            (self._led / "trigger").write_text("none")
            self._trigger = found[1] if found is not None else "none"
            self._set(lit=False)
        except FileNotFoundError as error:
            raise IndicatorError(self._absent()) from error
        except (OSError, ValueError) as error:
            raise self._refused(error) from error

    async def play(self, pattern: Pattern) -> None:
        """Blink one round."""
        try:
            for number, seconds in enumerate(pattern.light):
                self._set(lit=number % 2 == 0)
                await asyncio.sleep(seconds)
        finally:
            self._set(lit=False)

    async def close(self) -> None:
        """Give the light back to its trigger."""
        if self._trigger is None:
            return
        try:
            self._set(lit=False)
            (self._led / "trigger").write_text(self._trigger)
        except OSError as error:
            raise self._refused(error) from error

    def _set(self, *, lit: bool) -> None:
        try:
            (self._led / "brightness").write_text(str(self._full if lit else 0))
        except OSError as error:
            raise self._refused(error) from error

    def _absent(self) -> str:
        there = sorted(path.name for path in self._led.parent.iterdir()) if self._led.parent.is_dir() else []
        known = f"this machine has {', '.join(there)}" if there else "this machine has none"
        return f"there is no light {self._name}: {known}; set indicator.led, or leave it out"

    def _refused(self, error: Exception) -> IndicatorError:
        return IndicatorError(
            f"the light {self._name} cannot be used ({error}): let the gateway's user write {self._led}/brightness and "
            "trigger, as firmware-config/udev does"
        )
