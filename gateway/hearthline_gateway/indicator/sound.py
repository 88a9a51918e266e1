"""A loudspeaker through ALSA's ``aplay``: the tones of a pattern as a short recording, made once each."""

import array
import asyncio
import io
import math
import shutil
import wave
from contextlib import suppress
from typing import Final

from hearthline_gateway.indicator.engine import IndicatorError
from hearthline_gateway.indicator.patterns import Pattern, Tone

_RATE_HZ: Final = 16_000
_FADE_S: Final = 0.01
"""Rising and falling that long keeps the loudspeaker from cracking."""
_FULL_SCALE: Final = 32_767
_PLAYED_WITHIN_S: Final = 10.0


def recording(tones: tuple[Tone, ...], *, volume: float) -> bytes:
    """A WAV file, mono, 16 bit. ``volume`` is from 0 to 1."""
    samples = array.array("h")
    for tone in tones:
        samples.extend(_samples(tone, volume))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def _samples(tone: Tone, volume: float) -> list[int]:
    count = round(tone.seconds * _RATE_HZ)
    fade = max(round(_FADE_S * _RATE_HZ), 1)
    peak = volume * _FULL_SCALE if tone.hertz else 0.0
    return [
        round(peak * min(1.0, at / fade, (count - at) / fade) * math.sin(2 * math.pi * tone.hertz * at / _RATE_HZ))
        for at in range(count)
    ]


class SoundIndicator:
    """Plays through ``device`` as ``aplay -L`` names it; None is ALSA's default."""

    def __init__(self, device: str | None = None, *, volume: float = 0.4, player: str = "aplay") -> None:
        self._device = device
        self._volume = volume
        self._player = player
        self._program: str | None = None
        self._recordings: dict[tuple[Tone, ...], bytes] = {}

    async def open(self) -> None:
        """Look whether there is a player."""
        self._program = shutil.which(self._player)
        if self._program is None:
            raise IndicatorError(f"{self._player} is not installed: install alsa-utils, or set indicator.sound = false")

    async def play(self, pattern: Pattern) -> None:
        """The pattern's tones; nothing where it has none."""
        if not pattern.tones or self._program is None:
            return
        heard = self._recordings.get(pattern.tones)
        if heard is None:
            heard = self._recordings[pattern.tones] = recording(pattern.tones, volume=self._volume)
        device = () if self._device is None else ("-D", self._device)
        process = await asyncio.create_subprocess_exec(
            self._program, "-q", *device, "-t", "wav", "-",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_PLAYED_WITHIN_S):
                _, said = await process.communicate(heard)
        except TimeoutError as error:
            raise IndicatorError(
                "the loudspeaker does not play: look at 'aplay -L' and indicator.sound_device"
            ) from error
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            reason = said.decode(errors="replace").strip().partition("\n")[0][:160]
            raise IndicatorError(f"the loudspeaker refused ({reason}): look at 'aplay -L' and indicator.sound_device")

    async def close(self) -> None:
        """Nothing is held between two sounds."""
