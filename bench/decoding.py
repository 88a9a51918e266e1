"""Decodes a second of every characteristic, and readings a second of those that measure a person."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, get_args
from zoneinfo import ZoneInfo

from bench.frames import FRAMES
from bench.speed import times_a_second
from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.characteristics import MEASUREMENTS, STREAMS, PersonMeasurement
from hearthline_gateway.normalize import normalize
from hearthline_gateway.stable_window import StableWindow

_RECEIVED: Final = datetime(2026, 11, 22, 7, 4, 30, tzinfo=UTC)
_SENSOR: Final = "F0:F1:00:00:18:10"
_ZONE: Final = ZoneInfo("Europe/Madrid")
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Decoding:
    """By 16-bit UUID: ``decoded`` frames a second, and ``read`` a second as well, from the frame to the reading that
    the outbox keeps; a notification of a stream is read into its open window."""

    decoded: Mapping[str, float]
    read: Mapping[str, float]


def measure(seconds: float) -> Decoding:
    """``seconds`` of processor time for each figure."""
    return Decoding(
        {name: times_a_second(_decode(name), seconds) for name in MEASUREMENTS},
        {name: times_a_second(_read(name), seconds) for name in _of_a_person()},
    )


def _of_a_person() -> Iterator[str]:
    return (name for name, kind in MEASUREMENTS.items() if issubclass(kind, get_args(PersonMeasurement)))


def _decode(characteristic: str) -> Callable[[], object]:
    decode, payload = MEASUREMENTS[characteristic].decode, FRAMES[characteristic]
    return lambda: decode(payload)


def _read(characteristic: str) -> Callable[[], object]:
    frame = Frame(_SENSOR, characteristic, FRAMES[characteristic], _RECEIVED, first=True, alone=True)
    if characteristic not in STREAMS:
        return lambda: normalize(frame, zone=_ZONE)
    return _Stream(frame).hear


class _Stream:
    """A second further with every notification."""

    def __init__(self, frame: Frame) -> None:
        self._frame, self._window = frame, StableWindow()

    def hear(self) -> None:
        frame = self._frame
        self._frame = Frame(
            frame.sensor, frame.characteristic, frame.payload, frame.received_time + _SECOND, first=True, alone=True
        )
        self._window.hear(self._frame)
