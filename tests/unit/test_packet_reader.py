"""Cutting packets out of a stream."""

from contextlib import suppress
from itertools import pairwise

import mqtt5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.uplink.mqtt5_reader import MalformedPacketError, PacketReader

LIMIT = 2000
STREAM = b"".join(
    [
        mqtt5.ConnAckPacket(assigned_client_id="one").write(),
        mqtt5.PingRespPacket().write(),
        *(
            mqtt5.PublishPacket("a/b", b"x" * size, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=size + 1).write()
            for size in (0, 1, 100, 127, 128, 1500)
        ),
        mqtt5.DisconnectPacket(reason_str="done").write(),
    ]
)


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, len(STREAM))))
def test_the_pieces_do_not_matter(cuts: list[int]) -> None:
    whole = [packet.write() for packet in PacketReader(LIMIT).read(STREAM)]
    reader = PacketReader(LIMIT)
    edges = [0, *sorted(cuts), len(STREAM)]
    read = [packet.write() for a, b in pairwise(edges) for packet in reader.read(STREAM[a:b])]
    assert b"".join(whole) == STREAM
    assert read == whole


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the codec's panic is aloud
@settings(deadline=None)  # the codec's panic prints a trace
@given(data=st.binary(min_size=1, max_size=300), at=st.integers(0, len(STREAM) - 1))
def test_garbage_is_one_typed_error_or_waits_for_more(data: bytes, at: int) -> None:
    before = PacketReader(LIMIT).read(STREAM[:at])
    reader = PacketReader(LIMIT)
    with suppress(MalformedPacketError):
        assert len(reader.read(STREAM[:at] + data)) >= len(before)


@pytest.mark.parametrize("head", [b"\x30", b"\x30\x80", b"\x30\xff\xff\xff"])
def test_a_head_that_does_not_tell_its_length_yet_is_waited_for(head: bytes) -> None:
    assert PacketReader(LIMIT).read(head) == []


def test_one_that_is_larger_than_allowed_is_refused_at_its_head() -> None:
    frame = mqtt5.PublishPacket("a", b"x" * LIMIT).write()
    with pytest.raises(MalformedPacketError, match="more than we said we take"):
        PacketReader(LIMIT).read(frame[:10])
