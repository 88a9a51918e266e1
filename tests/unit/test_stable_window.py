"""A stream becomes one reading per stable window."""

from datetime import UTC, datetime, timedelta
from struct import pack

import pytest

from hearthline_gateway.frame import BootMoment, Frame
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.stable_window import LENGTHS, STREAMS, StableReading, StableWindow
from hearthline_protocol.readings import Window

_START = datetime(2026, 11, 22, 6, 4, tzinfo=UTC)
_NAN, _LOW = 0x07FF, 0x0802


def _frame(second: float, spo2: int, pulse: int = 72, status: int | None = None) -> Frame:
    payload = pack("<BHH", 0 if status is None else 8, spo2, pulse)
    if status is not None:
        payload += status.to_bytes(3, "little")
    return Frame("F0:F1:00:00:18:22", "2A5F", payload, _START + timedelta(seconds=second), model="nonin-3230")


def _beat(second: float, payload: str, since_boot: BootMoment | None = None) -> Frame:
    at = _START + timedelta(seconds=second)
    return Frame(
        "F0:F1:00:00:18:0D", "2A37", bytes.fromhex(payload), at, model="generic-heart-rate", since_boot=since_boot
    )


def _window(closed: StableReading) -> Window:
    assert closed.reading.window is not None
    return closed.reading.window


def _hear(window: StableWindow, *frames: Frame) -> list[StableReading]:
    return [closed for frame in frames if (closed := window.hear(frame)) is not None]


def test_ten_seconds_are_one_reading_of_medians() -> None:
    spo2 = (91, 97, 96, 97, 98, 97, 97, 96, 97, 97, 97)
    (closed,) = _hear(StableWindow(), *(_frame(second, value, 70 + second) for second, value in enumerate(spo2)))
    reading = closed.reading
    assert {name: value.value for name, value in reading.values.items()} == {"spo2": 97, "pulse": 75}
    assert (_window(closed).minimum, _window(closed).maximum) == ({"spo2": 91, "pulse": 70}, {"spo2": 98, "pulse": 80})
    assert _window(closed).seconds == 10
    assert reading.received_time == reading.effective_time == _START + timedelta(seconds=10)
    assert (reading.kind, reading.quality, reading.time_quality, reading.live) == (
        "oxygen_saturation",
        "valid",
        "received",
        True,
    )


def test_finger_out_closes_the_window() -> None:
    window = StableWindow()
    (closed,) = _hear(window, *(_frame(second, 96) for second in range(4)), _frame(4, _NAN, _NAN))
    assert (closed.reading.values["spo2"].value, _window(closed).seconds) == (96, 3)
    assert window.stop() is None


def test_the_end_of_the_stream_closes_the_window() -> None:
    window = StableWindow()
    assert _hear(window, *(_frame(second, 96) for second in range(5))) == []
    closed = window.stop()
    assert closed is not None
    assert _window(closed).seconds == 4


@pytest.mark.parametrize("frames", [[], [_frame(0, 96)], [_frame(0, 96), _frame(1, 97)]])
def test_too_few_notifications_are_no_reading(frames: list[Frame]) -> None:
    window = StableWindow()
    assert _hear(window, *frames) == []
    assert window.stop() is None


def test_a_pause_begins_a_new_window() -> None:
    window = StableWindow()
    first = _hear(
        window, *(_frame(second, 96) for second in range(3)), *(_frame(60 + second, 90) for second in range(3))
    )
    second = window.stop()
    assert second is not None
    assert [closed.reading.values["spo2"].value for closed in (*first, second)] == [96, 90]


def test_doubts_of_half_the_window_are_the_reading_s() -> None:
    window = StableWindow()
    _hear(window, _frame(0, 96, status=0x20), _frame(1, 96, status=0x20), _frame(2, 96), _frame(3, 96))
    closed = window.stop()
    assert closed is not None
    assert (closed.reading.quality, closed.reading.flags) == ("questionable", ("poor_perfusion",))


def test_one_doubt_is_not_the_reading_s() -> None:
    window = StableWindow()
    _hear(window, _frame(0, 96, status=0x20), _frame(1, 96), _frame(2, 96))
    closed = window.stop()
    assert closed is not None
    assert (closed.reading.quality, closed.reading.flags) == ("valid", ())


def test_lower_than_the_meter_can_process_ranks_below_every_number() -> None:
    window = StableWindow()
    _hear(window, _frame(0, _LOW), _frame(1, 70), _frame(2, _LOW))
    closed = window.stop()
    assert closed is not None
    assert (closed.reading.quality, closed.reading.values["spo2"].comparator) == ("beyond_low", "<")
    assert _window(closed).minimum["spo2"] == _window(closed).maximum["spo2"] == 70


def test_a_bad_notification_is_a_typed_error_and_spoils_nothing() -> None:
    window = StableWindow()
    _hear(window, *(_frame(second, 96) for second in range(3)))
    with pytest.raises(DecodeError):
        window.hear(Frame("F0:F1:00:00:18:22", "2A5F", b"\x00\x61", _START + timedelta(seconds=3)))
    assert window.stop() is not None


def test_a_minute_of_heart_rate_is_one_reading() -> None:
    (closed,) = _hear(StableWindow(), *(_beat(second, f"06{60 + second % 5:02x}") for second in range(61)))
    reading = closed.reading
    assert (reading.kind, reading.quality, reading.characteristic) == ("heart_rate", "valid", "2A37")
    assert reading.values["rate"].value == 62
    assert _window(closed) == Window(seconds=60, minimum={"rate": 60}, maximum={"rate": 64})
    assert closed.last.received_time == reading.received_time


def test_a_strap_taken_off_closes_the_window() -> None:
    window = StableWindow()
    (closed,) = _hear(window, *(_beat(second, "0648") for second in range(5)), _beat(5, "0448"))
    assert (closed.reading.values["rate"].value, _window(closed).seconds) == (72, 4)
    assert _hear(window, _beat(6, "0448"), _beat(7, "0448"), _beat(8, "0600")) == []
    assert window.stop() is None


def test_every_stream_has_its_length() -> None:
    assert LENGTHS.keys() == STREAMS


def test_notifications_of_one_moment_are_no_stable_stretch() -> None:
    window = StableWindow()
    assert _hear(window, *(_beat(0, "0648") for _ in range(9))) == []
    assert window.stop() is None


def test_a_clock_that_is_set_back_begins_a_new_window() -> None:
    window = StableWindow()
    (first,) = _hear(window, *(_beat(second, "0648") for second in (0, 1, 2, -3600, -3599, -3598)))
    second = window.stop()
    assert second is not None
    assert _window(first).seconds == _window(second).seconds == 2


def test_without_time_the_window_is_measured_from_boot() -> None:
    window = StableWindow()
    moments = (BootMoment("a", 100.0 + second) for second in range(4))
    _hear(window, *(_beat(1000 * number, "0648", moment) for number, moment in enumerate(moments)))
    closed = window.stop()
    assert closed is not None
    assert _window(closed).seconds == 3


def test_two_streams_of_one_sensor_do_not_mix() -> None:
    window = StableWindow()
    (closed,) = _hear(window, *(_beat(second, "0648") for second in range(3)), _frame(3, 97))
    assert closed.reading.kind == "heart_rate"
