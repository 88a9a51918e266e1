"""Whatever comes, late or twice: an alert calls once for each thing that happened to it, and no red goes unheard."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, Happened
from hearthline_backend.storage.records.calls import Occasion
from hearthline_protocol.readings import Reading
from tests.fixtures.clinic import START, Clinic, clinic

_CAUSES = {
    Occasion.RAISED: Happened.RAISED,
    Occasion.WORSENED: Happened.WORSENED,
    Occasion.REOPENED: Happened.REOPENED,
}
Call = tuple[str, str, Occasion]
ARRIVING = st.lists(
    st.tuples(
        st.integers(0, 60 * 60),  # minutes after the start at which it is measured
        st.sampled_from([112, 155, 164, 171, 186]),
        st.sampled_from([0, 0, 0, 20, 5 * 60, 13 * 60, 40 * 60]),  # minutes until it arrives
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda one: one[0],
)
_numbers = count(1)


@asynccontextmanager
async def one_more_ward(folder: Path) -> AsyncIterator[Clinic]:
    async with clinic(folder / str(next(_numbers))) as made:
        yield made


async def calls_of(ward: Clinic, alert: Alert) -> Counter[Call]:
    told = await ward.calls(alert)
    return Counter((one.initials, one.channel, one.notification.occasion) for one in told)


async def all_calls(ward: Clinic) -> dict[int, Counter[Call]]:
    return {alert.id: await calls_of(ward, alert) for alert in await ward.alerts()}


def series(ward: Clinic, arriving: list[tuple[int, int, int]]) -> list[tuple[int, Reading]]:
    """When each arrives, in minutes after the start, and the reading."""
    found = []
    for measured, systolic, delay in arriving:
        at = START + timedelta(minutes=measured)
        reading = ward.measured(systolic, 80)
        moved = {"effective_time": at, "received_time": at + timedelta(minutes=delay)}
        found.append((measured + delay, reading.model_copy(update=moved)))
    return sorted(found, key=lambda one: (one[0], one[1].effective_time))


@pytest.mark.timeout(240)
@given(arriving=ARRIVING)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
async def test_an_alert_calls_once_for_each_thing_that_happened(
    tmp_path: Path, arriving: list[tuple[int, int, int]]
) -> None:
    async with one_more_ward(tmp_path) as ward:
        readings = series(ward, arriving)
        for minutes, reading in readings:
            ward.clock.now = START + timedelta(minutes=minutes)
            await ward.arrive(reading)
        before = await all_calls(ward)
        for alert in await ward.alerts():
            happened = Counter(await ward.happened(alert))
            for (_, _, occasion), times in before[alert.id].items():
                assert times <= happened[_CAUSES[occasion]], (alert, occasion)
            if alert.level is Level.RED and alert.state.live:
                assert before[alert.id] or alert.review, "a red that nobody has heard of"
            if alert.review:
                assert alert.review_by is not None
                assert alert.shown_level is Level.YELLOW
        for _, reading in readings:
            await ward.arrive(reading)
        assert await all_calls(ward) == before, "a reading that came again called again"
