"""The configuration in force: applied, refused with its reason, kept, and its dropped meters unpaired."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.configuration_in_force import ConfigurationError, ConfigurationInForce
from hearthline_gateway.meter_models import model
from hearthline_gateway.radio import RadioError
from hearthline_protocol.configuration import DesiredConfiguration, IndicatorWanted, MeterWanted, ReportedConfiguration

CUFF, OXIMETER = "A4:C1:38:00:00:01", "A4:C1:38:00:00:02"
IN_FILE = ConfiguredMeter(CUFF, model("generic-blood-pressure"), passkey=123456)


class Home:
    """Keeps what the configuration has carried out."""

    def __init__(self, folder: Path, *file: ConfiguredMeter) -> None:
        self.read: list[list[str]] = []
        self.reported: list[ReportedConfiguration] = []
        self.indicator: list[IndicatorWanted | None] = []
        self.forgotten: asyncio.Queue[str] = asyncio.Queue()
        self.broken_radio = False
        self.asked, self.air_is_free = asyncio.Event(), asyncio.Event()
        self.air_is_free.set()
        self.configuration = ConfigurationInForce(
            folder,
            file,
            carry_out=self._read,
            report=self.reported.append,
            show=self.indicator.append,
            forget=self._forget,
        )
        self.configuration.load()

    def _read(self, meters: Sequence[ConfiguredMeter]) -> None:
        self.read.append([meter.address for meter in meters])

    async def _forget(self, address: str) -> None:
        self.asked.set()
        await self.air_is_free.wait()
        if self.broken_radio:
            raise RadioError("the adapter is gone: plug it in")
        self.forgotten.put_nowait(address)

    async def desired(self, revision: int, *addresses: str, **more: Any) -> None:
        meters = tuple(MeterWanted(address=address, model="generic-oximeter") for address in addresses)
        wanted = DesiredConfiguration(revision=revision, meters=meters, **more)
        await self.configuration.desired(wanted.model_dump_json().encode())


@asynccontextmanager
async def running(home: Home) -> AsyncIterator[Home]:
    task = asyncio.create_task(home.configuration.run())
    try:
        yield home
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_applied_reported_and_kept(tmp_path: Path) -> None:
    home = Home(tmp_path, IN_FILE)
    await home.desired(3, CUFF, OXIMETER, indicator=IndicatorWanted(sound=True))
    last = home.reported[-1]
    assert (last.revision, last.problem) == (3, None)
    assert [(meter.address, meter.origin, meter.device) for meter in last.meters] == [
        (CUFF, "file", "cuff"),
        (OXIMETER, "backend", "oximeter"),
    ]
    assert home.indicator[-1] == IndicatorWanted(sound=True)
    again = Home(tmp_path, IN_FILE)
    assert again.configuration.reported() == last
    assert [meter.passkey for meter in again.configuration.meters()] == [123456, None]
    assert (tmp_path / "configuration.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"{", "no JSON"),
        (b"[]", "not right"),
        (b'{"revision": 0}', "not right at revision"),
        (b'{"schema": 2, "revision": 9, "new": 1}', "Update the gateway"),
        (b'{"revision": 9, "meters": [{"address": "A4:C1:38:00:00:02", "model": "of-tomorrow"}]}', "of-tomorrow"),
        (
            (
                b'{"revision": 9, "meters": [{"address": "A4:C1:38:00:00:02", "model": "generic-oximeter"},'
                b' {"address": "A4:C1:38:00:00:02", "model": "nonin-3230"}]}'
            ),
            "twice",
        ),
    ],
)
async def test_what_cannot_be_applied_is_reported_and_changes_nothing(
    tmp_path: Path, payload: bytes, words: str
) -> None:
    home = Home(tmp_path)
    await home.desired(3, OXIMETER)
    await home.configuration.desired(payload)
    last = home.reported[-1]
    assert words in (last.problem or "")
    assert (last.revision, [meter.address for meter in last.meters]) == (3, [OXIMETER])
    await home.desired(3, OXIMETER)
    assert home.reported[-1].problem is None, "what is right again is not complained of"


async def test_an_empty_message_only_clears_what_the_broker_kept(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.desired(3, OXIMETER)
    await home.configuration.desired(b"")
    assert (home.reported[-1].revision, home.reported[-1].problem) == (3, None)


async def test_a_dropped_meter_is_unpaired_even_after_a_restart(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.broken_radio = True
    async with running(home):
        await home.desired(1, CUFF, OXIMETER)
        await home.desired(2, CUFF)
        assert home.read[-1] == [CUFF]
    async with running(Home(tmp_path)) as later, asyncio.timeout(15):
        assert await later.forgotten.get() == OXIMETER
    async with running(Home(tmp_path)) as latest:
        await asyncio.sleep(0)
        assert latest.forgotten.empty()


async def test_a_meter_that_came_back_is_not_unpaired(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.desired(1, OXIMETER)
    await home.desired(2)
    await home.desired(3, OXIMETER)
    assert json.loads((tmp_path / "configuration.json").read_text())["to_forget"] == []


async def test_a_meter_paired_anew_while_others_are_unpaired_keeps_its_fresh_bond(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.desired(1, CUFF, OXIMETER)
    await home.desired(2)
    home.air_is_free.clear()  # somebody uses the radio
    async with running(home):
        async with asyncio.timeout(15):
            await home.asked.wait()
        await home.configuration.pair(OXIMETER, "generic-oximeter")
        home.air_is_free.set()
        async with asyncio.timeout(15):
            assert await home.forgotten.get() == CUFF
        await home.desired(3, OXIMETER)  # what was under way is over
    assert home.forgotten.empty()


async def test_what_is_the_files_is_neither_unpaired_nor_paired_as_another(tmp_path: Path) -> None:
    home = Home(tmp_path, IN_FILE)
    with pytest.raises(ConfigurationError, match="settings file"):
        await home.configuration.unpair(CUFF)
    with pytest.raises(ConfigurationError, match=r"lists .* as generic-blood-pressure"):
        await home.configuration.pair(CUFF, "beurer-bm85")
    await home.configuration.pair(CUFF, "generic-blood-pressure")


async def test_a_damaged_file_is_set_aside_and_said_so(tmp_path: Path) -> None:
    (tmp_path / "configuration.json").write_text('{"meters": {"words": 3}}')
    home = Home(tmp_path, IN_FILE)
    assert "damaged" in (home.configuration.reported().problem or "")
    assert len(list(tmp_path.glob("configuration.json.damaged-*"))) == 1
    await home.desired(1, OXIMETER)
    assert home.read[-1] == [CUFF, OXIMETER]


async def test_a_model_that_an_older_release_does_not_know_is_left_out_and_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.desired(1, CUFF, OXIMETER)
    kept = tmp_path / "configuration.json"
    kept.write_text(kept.read_text().replace("generic-oximeter", "of-tomorrow", 1))
    older = Home(tmp_path)
    assert [meter.address for meter in older.configuration.meters()] == [OXIMETER]
    assert "of-tomorrow" in (older.configuration.reported().problem or "")
