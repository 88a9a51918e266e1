"""The benchmark of wear, run small: its figures are what the documentation says of a reading's cost."""

from pathlib import Path

from bench.outbox_wear import measure, page, run


async def test_a_live_reading_costs_one_sync(tmp_path: Path) -> None:
    wear = await measure(tmp_path, 50, at_once=1)
    assert 1.0 <= wear.syncs < 1.2
    assert len(wear.waits) == 50


async def test_meters_that_talk_at_once_share_a_sync_when_told_to_linger(tmp_path: Path) -> None:
    wear = await measure(tmp_path, 60, at_once=10, linger_ms=50)
    assert wear.syncs < 0.7


async def test_every_figure_has_its_row_in_the_page() -> None:
    rows = await run(20)
    text = page(rows, 20)
    assert all(f"| {row.name} |" in text for row in rows)
