"""A continuous stream as readings: one per stable window, never one per notification.

A window opens with the first usable notification and closes after :data:`LENGTH`, or earlier when the finger is taken
out (a notification without a value), the stream pauses for longer than :data:`PAUSE`, or the connection ends. With
fewer than :data:`ENOUGH` notifications nothing was stable and there is no reading.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Final

from hearthline_gateway.effective_time import EffectiveTime
from hearthline_gateway.finding import Finding, Measured
from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.pulse_oximeter import PlxContinuousMeasurement
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.interpret import interpret
from hearthline_gateway.normalize import reading_of
from hearthline_protocol.readings import Flag, Quality, Reading, TimeQuality

LENGTH: Final = timedelta(seconds=10)
PAUSE: Final = timedelta(seconds=5)
ENOUGH: Final = 3
"""The profile's meters notify about once a second."""


@dataclass(frozen=True, slots=True)
class StableReading:
    """A closed window: ``reading`` holds each field's median, a number the meter really printed; ``minimum`` and
    ``maximum`` are in the same units, ``seconds`` is from the first to the last notification."""

    reading: Reading
    minimum: dict[str, float]
    maximum: dict[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Sample:
    frame: Frame
    finding: Finding
    raw_values: bytes


class StableWindow:
    """The open window of one sensor. Pure: its only clock is the frames' time of receipt."""

    def __init__(self, quirks: Quirks = NO_QUIRKS) -> None:
        self._quirks = quirks
        self._samples: list[_Sample] = []

    def hear(self, frame: Frame) -> StableReading | None:
        """Take one notification of 0x2A5F; returns the window it closed, if any. Raises ``DecodeError``."""
        measurement = PlxContinuousMeasurement.decode(frame.payload, self._quirks)
        finding = interpret(measurement)
        if not finding.quality.judged:
            return self.stop()
        paused = self._samples and frame.received_time - self._samples[-1].frame.received_time > PAUSE
        closed = self.stop() if paused else None
        self._samples.append(_Sample(frame, finding, measurement.raw_values(self._quirks)))
        if frame.received_time - self._samples[0].frame.received_time >= LENGTH:
            return self.stop()
        return closed

    def stop(self) -> StableReading | None:
        """Close the window: the stream has ended."""
        samples, self._samples = self._samples, []
        return _close(samples) if len(samples) >= ENOUGH else None


def _close(samples: list[_Sample]) -> StableReading:
    first, last = samples[0].frame, samples[-1].frame
    columns = _columns(samples)
    medians = {name: column[(len(column) - 1) // 2] for name, column in columns.items()}
    finding = Finding("oxygen_saturation", _quality(medians, samples), medians, _flags(samples))
    when = EffectiveTime(last.received_time.astimezone(UTC), TimeQuality.RECEIVED, None, live=True)
    return StableReading(
        reading=reading_of(last, finding, when, b"".join(sample.raw_values for sample in samples)),
        minimum=_extremes(columns, min),
        maximum=_extremes(columns, max),
        seconds=(last.received_time - first.received_time).total_seconds(),
    )


def _columns(samples: list[_Sample]) -> dict[str, list[Measured]]:
    columns: dict[str, list[Measured]] = {}
    for sample in samples:
        for name, measured in sample.finding.values.items():
            columns.setdefault(name, []).append(measured)
    return {name: sorted(column, key=_rank) for name, column in columns.items()}


def _rank(measured: Measured) -> float:
    """ "Lower than I can measure" is below every number, "higher" above."""
    if measured.value is not None:
        return measured.value
    return float("-inf") if measured.comparator == "<" else float("inf")


def _extremes(columns: dict[str, list[Measured]], pick: Callable[[list[float]], float]) -> dict[str, float]:
    numbers = {name: [m.value for m in column if m.value is not None] for name, column in columns.items()}
    return {name: pick(found) for name, found in numbers.items() if found}


def _quality(medians: dict[str, Measured], samples: list[_Sample]) -> Quality:
    beyond = next((measured.comparator for measured in medians.values() if measured.comparator is not None), None)
    if beyond is not None:
        return Quality.BEYOND_HIGH if beyond == ">" else Quality.BEYOND_LOW
    doubtful = sum(sample.finding.quality is Quality.QUESTIONABLE for sample in samples)
    return Quality.QUESTIONABLE if 2 * doubtful >= len(samples) else Quality.VALID


def _flags(samples: list[_Sample]) -> tuple[Flag, ...]:
    """What at least half of the notifications say."""
    said = [flag for sample in samples for flag in sample.finding.flags]
    return tuple(flag for flag in Flag if 2 * said.count(flag) >= len(samples))
