"""Messages are settled in parts of a bounded size, in order."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.ingest.parcel import in_parts
from hearthline_backend.uplink.port import Message

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


@given(sizes=st.lists(st.integers(0, 60)), most=st.integers(1, 50))
def test_parts_are_as_large_as_they_may_be_and_nothing_changes_its_place(sizes: list[int], most: int) -> None:
    messages = [Message("topic", b"x" * size, None, False, NOW, number) for number, size in enumerate(sizes)]
    parts = [list(part) for part in in_parts(messages, most)]
    assert [one for part in parts for one in part] == messages
    held = [[len(one.payload) for one in part] for part in parts]
    assert all(part and (sum(part) <= most or len(part) == 1) for part in held)
    assert all(sum(part) + following[0] > most for part, following in pairwise(held))
