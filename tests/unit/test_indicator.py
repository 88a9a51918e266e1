"""The receipt in the living room: what is said, when, in which rhythm, and that night is night."""

import asyncio
import io
import stat
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.indicator.engine import IndicatorError
from hearthline_gateway.indicator.indicator import Indicator
from hearthline_gateway.indicator.led import LedIndicator
from hearthline_gateway.indicator.patterns import PATTERNS, Pattern, Sign, Tone
from hearthline_gateway.indicator.quiet_hours import QuietHours
from hearthline_gateway.indicator.sound import SoundIndicator, recording

NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")
WITHIN_S = 15.0


class Recorder:
    """An engine that notes what it is asked to play and takes no time for it."""

    def __init__(self, fails: str | None = None) -> None:
        self.fails = fails
        self.played: list[Pattern] = []
        self.log: list[str] = []
        self._more = asyncio.Event()

    async def open(self) -> None:
        self.log.append("open")
        if self.fails == "open":
            raise IndicatorError("it is broken: mend it")

    async def play(self, pattern: Pattern) -> None:
        if self.fails == "play":
            raise IndicatorError("it is broken: mend it")
        self.played.append(pattern)
        self._more.set()
        await asyncio.sleep(0)

    async def close(self) -> None:
        self.log.append("close")

    async def until(self, count: int) -> list[Pattern]:
        async with asyncio.timeout(WITHIN_S):
            while len(self.played) < count:
                self._more.clear()
                await self._more.wait()
        return self.played


@asynccontextmanager
async def running(indicator: Indicator) -> AsyncIterator[None]:
    task = asyncio.create_task(indicator.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def at(moment: datetime, *engines: Recorder) -> Indicator:
    return Indicator(engines, quiet=QuietHours.of("22:00", "07:00", MADRID), now=lambda: moment)


async def test_measured_then_stored_in_that_order_on_every_engine() -> None:
    light, sound = Recorder(), Recorder()
    indicator = at(NOON, light, sound)
    async with running(indicator):
        indicator.measured()
        indicator.stored()
        assert await light.until(2) == [PATTERNS[Sign.MEASURED], PATTERNS[Sign.STORED]]
        assert await sound.until(2) == [PATTERNS[Sign.MEASURED], PATTERNS[Sign.STORED]]
    assert light.log == ["open", "close"]


async def test_what_lasts_is_said_until_it_is_over_and_sounds_once() -> None:
    engine = Recorder()
    indicator = at(NOON, engine)
    async with running(indicator):
        indicator.lasting(Sign.NEEDS_HELP)
        first = (await engine.until(1))[0]
        assert first == PATTERNS[Sign.NEEDS_HELP]
        indicator.stored()
        second, third = (await engine.until(3))[1:3]
        assert second == PATTERNS[Sign.STORED]
        assert third == Pattern(PATTERNS[Sign.NEEDS_HELP].light, (), repeats=True)


async def test_at_night_only_a_technician_s_question_is_answered() -> None:
    engine = Recorder()
    indicator = at(NIGHT, engine)
    async with running(indicator):
        indicator.measured()
        indicator.lasting(Sign.NEEDS_HELP)
        await indicator.identify(60)
        assert (await engine.until(1))[0] == PATTERNS[Sign.IDENTIFY]
    assert {pattern.light for pattern in engine.played} == {PATTERNS[Sign.IDENTIFY].light}


async def test_what_was_measured_at_night_is_not_told_in_the_morning() -> None:
    moment = [NIGHT]
    engine = Recorder()
    indicator = Indicator([engine], quiet=QuietHours.of("22:00", "07:00", MADRID), now=lambda: moment[0])
    indicator.measured()
    moment[0] = NOON
    async with running(indicator):
        indicator.stored()
        assert await engine.until(1) == [PATTERNS[Sign.STORED]]


async def test_a_replay_of_many_records_is_not_a_minute_of_blinking() -> None:
    engine = Recorder()
    indicator = at(NOON, engine)
    for _ in range(200):
        indicator.measured()
    async with running(indicator):
        await engine.until(4)
        indicator.stored()
        assert (await engine.until(5))[4] == PATTERNS[Sign.STORED]


@pytest.mark.parametrize("when", ["open", "play"])
async def test_a_broken_engine_is_reported_and_the_other_goes_on(when: str) -> None:
    broken, well = Recorder(fails=when), Recorder()
    indicator = at(NOON, broken, well)
    async with running(indicator):
        indicator.measured()
        await well.until(1)
        indicator.stored()
        await well.until(2)
    assert indicator.problem == "it is broken: mend it"
    assert broken.played == []


def test_rhythm_alone_tells_the_signs_apart() -> None:
    lit = [sign for sign in Sign if sign is not Sign.NOTHING]
    for one, other in combinations(lit, 2):
        assert PATTERNS[one].light != PATTERNS[other].light, (one, other)
    assert set(PATTERNS) == set(Sign)


@pytest.mark.parametrize(
    ("begin", "end", "moment", "quiet"),
    [
        ("22:00", "07:00", datetime(2026, 1, 1, 21, 0, tzinfo=UTC), True),  # 22:00 in Madrid
        ("22:00", "07:00", datetime(2026, 1, 1, 20, 59, tzinfo=UTC), False),
        ("22:00", "07:00", datetime(2026, 1, 1, 5, 59, tzinfo=UTC), True),
        ("22:00", "07:00", datetime(2026, 1, 1, 6, 0, tzinfo=UTC), False),
        ("13:00", "15:00", datetime(2026, 7, 1, 12, 0, tzinfo=UTC), True),  # 14:00 in summer
        ("13:00", "15:00", datetime(2026, 7, 1, 13, 0, tzinfo=UTC), False),
        ("08:00", "08:00", datetime(2026, 7, 1, 6, 0, tzinfo=UTC), False),
    ],
)
def test_quiet_hours_are_the_home_s(begin: str, end: str, moment: datetime, quiet: bool) -> None:
    assert QuietHours.of(begin, end, MADRID).at(moment) is quiet


def a_light(folder: Path, trigger: str = "none heartbeat [mmc0] timer\n") -> Path:
    light = folder / "ACT"
    light.mkdir()
    (light / "trigger").write_text(trigger)
    (light / "max_brightness").write_text("255\n")
    (light / "brightness").write_text("0")
    return light


async def test_a_light_is_taken_blinked_and_given_back(tmp_path: Path) -> None:
    light = a_light(tmp_path)
    engine = LedIndicator("ACT", folder=tmp_path)
    await engine.open()
    assert (light / "trigger").read_text() == "none"
    seen: list[str] = []
    playing = asyncio.create_task(engine.play(Pattern((0.2, 0.2))))
    async with asyncio.timeout(WITHIN_S):
        while not playing.done():
            now = (light / "brightness").read_text()
            if not seen or seen[-1] != now:
                seen.append(now)
            await asyncio.sleep(0.005)
    await playing
    assert seen[-2:] == ["255", "0"]
    await engine.close()
    assert (light / "trigger").read_text() == "mmc0"


async def test_a_light_that_is_interrupted_is_dark(tmp_path: Path) -> None:
    light = a_light(tmp_path)
    engine = LedIndicator("ACT", folder=tmp_path)
    await engine.open()
    playing = asyncio.create_task(engine.play(Pattern((60.0,))))
    async with asyncio.timeout(WITHIN_S):
        while (light / "brightness").read_text() != "255":  # noqa: ASYNC110 - a file tells nobody that it changed
            await asyncio.sleep(0.005)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    assert (light / "brightness").read_text() == "0"


async def test_a_light_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    a_light(tmp_path)
    with pytest.raises(IndicatorError, match=r"no light PWR: this machine has ACT; set indicator\.led"):
        await LedIndicator("PWR", folder=tmp_path).open()


async def test_a_light_that_is_not_ours_says_whom_to_allow(tmp_path: Path) -> None:
    light = a_light(tmp_path)
    (light / "max_brightness").write_text("bright")
    with pytest.raises(IndicatorError, match=r"cannot be used .*: let the gateway's user write"):
        await LedIndicator("ACT", folder=tmp_path).open()


def test_a_recording_is_as_long_as_its_tones_and_never_louder_than_asked() -> None:
    tones = (Tone(880, 0.1), Tone(0, 0.05), Tone(440, 0.1))
    with wave.open(io.BytesIO(recording(tones, volume=0.25))) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(0.25)
        data = memoryview(file.readframes(file.getnframes())).cast("h")
    assert 0.2 * 32767 < max(data) <= 0.25 * 32767 + 1
    silent = data[round(0.1 * 16000) + 1 : round(0.15 * 16000) - 1]
    assert not any(silent)


def a_player(folder: Path, script: str) -> str:
    player = folder / "player"
    player.write_text(f"#!/bin/sh\n{script}\n")
    player.chmod(player.stat().st_mode | stat.S_IXUSR)
    return str(player)


async def test_tones_are_handed_to_the_player_and_a_pattern_without_is_not(tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    engine = SoundIndicator("plughw:0", player=a_player(tmp_path, f'echo "$@" > {tmp_path}/said; cat > {heard}'))
    await engine.open()
    await engine.play(Pattern((1.0,)))
    assert not heard.exists()
    await engine.play(PATTERNS[Sign.STORED])
    assert heard.read_bytes()[:4] == b"RIFF"
    assert (tmp_path / "said").read_text().split() == ["-q", "-D", "plughw:0", "-t", "wav", "-"]


async def test_a_player_that_refuses_or_is_missing_is_reported(tmp_path: Path) -> None:
    engine = SoundIndicator(player=a_player(tmp_path, "cat > /dev/null; echo no such card >&2; exit 1"))
    await engine.open()
    with pytest.raises(IndicatorError, match=r"refused \(no such card\): look at"):
        await engine.play(PATTERNS[Sign.MEASURED])
    with pytest.raises(IndicatorError, match="install alsa-utils"):
        await SoundIndicator(player=str(tmp_path / "nowhere")).open()
