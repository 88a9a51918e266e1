"""A red whose time is doubtful, from the gateway's hop 3 to the backend's judge: who is called."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthline_backend.domain.rules import Level
from hearthline_backend.ingest.batch import read_batch
from hearthline_gateway.clock import BOOT
from hearthline_gateway.frame import BootMoment, Frame
from hearthline_gateway.frame_reader import FrameReader
from hearthline_protocol.messages import ReadingsBatch
from hearthline_protocol.readings import Reading, TimeBounds, TimeQuality
from tests.fixtures.clinic import Clinic, clinic
from tests.fixtures.cuff_frames import SENSOR, cuff_payload
from tests.fixtures.records import Engine

READER = FrameReader(ZoneInfo("Europe/Stockholm"))
MONTHS_AGO = timedelta(days=90)


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, records_engine) as made:
        yield made


def sent(reading: Reading, arrives: datetime) -> Reading:
    """What the backend's ingest makes of it."""
    payload = ReadingsBatch(schema_version=reading.schema_needed, readings=(reading,)).model_dump_json(by_alias=True)
    (taken,) = read_batch(payload.encode(), arrives).readings
    return taken


def red(now: datetime, *, wrong_by: timedelta) -> bytes:
    return cuff_payload(186, 112, stamp=now + wrong_by)


@pytest.mark.parametrize("years", [3, -3])
async def test_a_live_red_of_a_meter_three_years_wrong_calls(ward: Clinic, years: int) -> None:
    now = ward.clock.now
    payload = red(now, wrong_by=timedelta(days=365 * years))
    (reading,) = READER.readings(Frame(SENSOR, "2A35", payload, now, first=True, alone=True))
    await ward.arrive(sent(reading, now))
    alert = await ward.alert()
    assert (alert.level, alert.review) == (Level.RED, False)
    assert len(await ward.told(alert)) == 2


def heard_without_time(ward: Clinic, bounds: TimeBounds, *, recent: bool) -> Reading:
    frame = Frame(
        SENSOR,
        "2A35",
        red(ward.clock.now, wrong_by=timedelta(days=-1000)),
        BOOT + timedelta(seconds=40),
        first=True,
        alone=True,
        since_boot=BootMoment("a", 40),
    )
    (reading,) = READER.unknown(frame, bounds, recent=recent)
    return reading


async def test_a_live_red_from_a_gateway_without_time_calls_and_says_that_its_time_is_not_certain(
    ward: Clinic,
) -> None:
    await ward.arrive(ward.measured(120, 70, ago_min=60))
    earliest = ward.clock.now - MONTHS_AGO
    reading = sent(heard_without_time(ward, TimeBounds(earliest=earliest), recent=True), ward.clock.now)
    assert reading.time_bounds == TimeBounds(earliest=earliest, latest=ward.clock.now)
    assert reading.effective_time == ward.clock.now
    await ward.arrive(reading)
    alert = await ward.alert()
    assert (alert.level, alert.review) == (Level.RED, False)
    assert len(await ward.told(alert)) == 2
    assert reading.time_quality is TimeQuality.UNKNOWN, "by which the alert's view says so"


async def test_a_red_of_an_earlier_boot_is_reviewed(ward: Clinic) -> None:
    now = ward.clock.now
    bounds = TimeBounds(earliest=now - timedelta(days=2), latest=now - timedelta(hours=1))
    reading = sent(heard_without_time(ward, bounds, recent=False), now)
    assert (reading.effective_time, reading.live) == (bounds.latest, False)
    await ward.arrive(reading)
    alert = await ward.alert()
    assert alert.review
    assert alert.shown_level is Level.YELLOW


async def test_what_waited_in_quarantine_is_of_when_it_first_came(ward: Clinic) -> None:
    first_came = ward.clock.now - timedelta(days=3)
    reading = heard_without_time(ward, TimeBounds(earliest=ward.clock.now - MONTHS_AGO), recent=True)
    payload = ReadingsBatch(schema_version=2, readings=(reading,)).model_dump_json(by_alias=True).encode()
    (taken,) = read_batch(payload, ward.clock.now, arrived=first_came).readings
    assert (taken.received_time, taken.effective_time) == (first_came, first_came)
