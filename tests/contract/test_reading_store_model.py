"""Whatever is done to a readings store, in whatever order, every engine of the port gives what a dict would give."""

from datetime import UTC

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthline_backend.storage.ports import ReadingStore, Width
from tests.contract.reading_model import KINDS, ROW, STEP, Model, Step, Written, agrees, do
from tests.contract.reading_stores import FAR, LONG_AGO

_SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(steps=st.lists(STEP, max_size=8))
@_SETTINGS
async def test_any_engine_behaves_like_a_dict(store: ReadingStore, steps: list[Step]) -> None:
    model = Model()
    for step in steps:
        await do(store, model, step)
    await agrees(store, model)


@given(data=st.data(), rows=st.lists(ROW, unique_by=lambda row: row[0], max_size=10))
@_SETTINGS
async def test_the_order_of_arrival_does_not_matter(
    store: ReadingStore, data: st.DataObject, rows: list[Written]
) -> None:
    first, second = Model(), Model()
    await do(store, first, rows)
    cut = data.draw(st.integers(0, len(rows)))
    shuffled = data.draw(st.permutations(rows))
    await do(store, second, shuffled[:cut])
    await do(store, second, shuffled[cut:])
    await agrees(store, second)
    for here, there in zip(first.people, second.people, strict=True):
        for kind in KINDS:
            assert await store.buckets(here, kind, LONG_AGO, FAR, Width.DAY, UTC) == (
                await store.buckets(there, kind, LONG_AGO, FAR, Width.DAY, UTC)
            )
