"""The benchmark of the gateway: which rows there are, what is read off the wire, and that every profile is measured."""

import json

import pytest

from bench.day import CUFFS, HOME, DayCost, Plan
from bench.decoding import Decoding
from bench.frames import FRAMES
from bench.gateway_outcome import GatewayOutcome
from bench.outbox_speed import OutboxSpeed
from bench.round_trip import RoundTrip, first_passages
from bench.speed import times_a_second
from bench.usage import Memory
from bench.wire import Passage, packets, published
from hearthline_gateway.gatt.characteristics import MEASUREMENTS, decode


def cost(plan: Plan, memory_mb: float = 56.0) -> DayCost:
    return DayCost(plan, Memory(54.0, 37.0), Memory(memory_mb, 39.0), cpu_s=62.0, idle_cpu_s=59.0)


def outcome(memory_mb: float = 56.0) -> GatewayOutcome:
    return GatewayOutcome(
        decoding=Decoding({"2A35": 172_000.0}, {"2A35": 17_000.0}),
        outbox=OutboxSpeed(1500.0, 4500.0, 5500.0, 66_000.0, 0.2),
        trips=[RoundTrip(0.005, 0.006, 0.007)] * 99 + [RoundTrip(0.3, 0.4, 0.5)] * 2,
        home=cost(Plan(HOME, 4, 20, 4, 144, 100, 5.0), memory_mb),
        fifty=cost(Plan(CUFFS, 50, 200, 200, 1440, 0, 125.0)),
        load=0.5,
        cores=2,
    )


def test_every_characteristic_has_a_frame_that_decodes_without_a_rest() -> None:
    assert FRAMES.keys() == MEASUREMENTS.keys()
    for characteristic, payload in FRAMES.items():
        assert not getattr(decode(characteristic, payload), "trailing", b""), characteristic


def test_has_every_row_in_its_order() -> None:
    rows = {row.name: row for row in outcome().rows()}
    assert list(rows) == [
        "decode_2A35_per_s",
        "read_2A35_per_s",
        "fdatasync_ms",
        "outbox_alone_per_s",
        "sqlite_alone_per_s",
        "outbox_alone_times_sqlite",
        "outbox_together_per_s",
        "sqlite_together_per_s",
        "outbox_together_times_sqlite",
        "indication_to_puback_p50_s",
        "indication_to_puback_p99_s",
        "indication_to_receipt_p50_s",
        "indication_to_receipt_p99_s",
        *(
            f"{home}_{figure}"
            for home in ("home", "fifty")
            for figure in (
                "day_cpu_s",
                "day_idle_cpu_s",
                "start_memory_mb",
                "day_memory_mb",
                "start_memory_shared_out_mb",
                "day_memory_shared_out_mb",
            )
        ),
    ]
    assert rows["outbox_alone_times_sqlite"].value == pytest.approx(3.0)
    assert rows["outbox_together_times_sqlite"].value == pytest.approx(12.0)
    assert rows["indication_to_receipt_p50_s"].value == pytest.approx(0.007)
    assert (rows["indication_to_receipt_p99_s"].value, rows["indication_to_receipt_p99_s"].ok) == (0.5, False)
    assert (rows["home_day_memory_mb"].aim, rows["home_day_memory_mb"].ok) == (60.0, True)


def test_the_text_says_what_was_missed_and_what_was_counted_instead_of_made() -> None:
    text = outcome(memory_mb=61.0).as_text()
    assert "4 meters, 20 readings counted from 4, a strap worn for 100 s, 1440 statuses counted from 144" in text
    assert "50 meters, 200 readings, 1440 statuses; idle time from 125 s of it." in text
    missed = "indication_to_puback_p99_s, indication_to_receipt_p99_s, home_day_memory_mb"
    assert text.endswith(f"Aim missed: {missed}.")
    assert max(map(len, text.splitlines())) <= 140


def test_how_often_a_second_is_a_rate() -> None:
    assert times_a_second(lambda: sum(range(1000)), 0.01) > 100


def publish(topic: str, payload: bytes, *, packet_id: int | None = 7, correlation: bytes = b"") -> bytes:
    properties = b"\x09" + len(correlation).to_bytes(2, "big") + correlation if correlation else b""
    body = len(topic).to_bytes(2, "big") + topic.encode()
    body += packet_id.to_bytes(2, "big") if packet_id is not None else b""
    body += bytes([len(properties)]) + properties + payload
    length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) & 0x7F | 0x80, len(body) >> 7])
    return bytes([0x30 | (0x02 if packet_id is not None else 0)]) + length + body


@pytest.mark.parametrize("cut", [1, 3, 150])
def test_packets_are_found_however_the_bytes_arrive(cut: int) -> None:
    payload = json.dumps({"readings": ["x" * 200]}).encode()
    stream = (
        publish("a/readings", payload, correlation=b"batch") + b"\x40\x02\x00\x07" + publish("s", b"", packet_id=None)
    )
    pending, found = bytearray(), []
    for at in range(0, len(stream), cut):
        pending += stream[at : at + cut]
        found += list(packets(pending))
    assert [kind for kind, _, _ in found] == [3, 4, 3]
    assert published(*found[0][1:]) == ("a/readings", 7, b"batch", payload)
    assert found[1][2] == b"\x00\x07"
    assert published(*found[2][1:]) == ("s", None, b"", b"")
    assert not pending


def test_only_the_first_passage_of_a_reading_counts() -> None:
    first, again = Passage((("A", "1"), ("B", "2")), 1.0), Passage((("A", "1"), ("A", "3")), 2.0)
    assert first_passages([first, again]) == {"A": [first, again], "B": [first]}
