"""A continuous stream as readings: one per stable window, never one per notification.

A window opens with the first usable notification and closes when it is long enough (:data:`LENGTHS`), or earlier when
the sensor is taken off (a notification without a value), the stream pauses for longer than :data:`PAUSE`, the gateway's
clock is set back, or the connection ends. With fewer than :data:`ENOUGH` notifications, or all of them at one moment,
nothing was stable and there is no reading.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Final

from hearthline_gateway.effective_time import EffectiveTime
from hearthline_gateway.finding import Finding, Measured
from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.characteristics import STREAMS as STREAMS  # noqa: PLC0414 - part of this module's face
from hearthline_gateway.gatt.heart_rate import HeartRateMeasurement
from hearthline_gateway.gatt.pulse_oximeter import PlxContinuousMeasurement
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.interpret import interpret
from hearthline_gateway.normalize import reading_of
from hearthline_protocol.readings import Flag, Quality, Reading, TimeQuality, Window

LENGTHS: Final[Mapping[str, timedelta]] = {
    PlxContinuousMeasurement.characteristic: timedelta(seconds=10),
    HeartRateMeasurement.characteristic: timedelta(seconds=60),
}
"""How long a window lasts. An oximeter is worn for one measurement; a strap for hours, and a resting rate is counted
over a minute."""
PAUSE: Final = timedelta(seconds=5)
ENOUGH: Final = 3
"""The profile's meters notify about once a second."""

_KINDS: Final[Mapping[str, type[PlxContinuousMeasurement | HeartRateMeasurement]]] = {
    kind.characteristic: kind for kind in (PlxContinuousMeasurement, HeartRateMeasurement)
}


@dataclass(frozen=True, slots=True)
class StableReading:
    """A closed window: ``reading`` holds each field's median, a number the meter really printed, and its ``window``
    the extremes; ``last`` is the last notification in it."""

    reading: Reading
    last: Frame


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
        """Take one notification of one of :data:`STREAMS`; returns the window it closed, if any. Raises
        ``DecodeError``, and ``KeyError`` for what is no stream."""
        measurement = _KINDS[frame.characteristic].decode(frame.payload, self._quirks)
        finding = interpret(measurement)
        if not finding.quality.judged:
            return self.stop()
        closed = None if self._continues(frame) else self.stop()
        self._samples.append(_Sample(frame, finding, measurement.raw_values(self._quirks)))
        if _between(self._samples[0].frame, frame) >= LENGTHS[frame.characteristic]:
            return self.stop()
        return closed

    def stop(self) -> StableReading | None:
        """Close the window: the stream has ended."""
        samples, self._samples = self._samples, []
        if len(samples) < ENOUGH or _between(samples[0].frame, samples[-1].frame) <= timedelta():
            return None
        return _close(samples)

    def _continues(self, frame: Frame) -> bool:
        """Whether the frame belongs to the open window; one that is none yet takes any."""
        if not self._samples:
            return True
        last = self._samples[-1].frame
        return last.characteristic == frame.characteristic and timedelta() <= _between(last, frame) <= PAUSE


def _between(earlier: Frame, later: Frame) -> timedelta:
    """By the clock that cannot be set, where both frames know it."""
    first, last = earlier.since_boot, later.since_boot
    if first is not None and last is not None and first.boot_id == last.boot_id:
        return timedelta(seconds=last.seconds - first.seconds)
    return later.received_time - earlier.received_time


def _close(samples: list[_Sample]) -> StableReading:
    last = samples[-1].frame
    columns = _columns(samples)
    medians = {name: column[(len(column) - 1) // 2] for name, column in columns.items()}
    finding = Finding(samples[0].finding.kind, _quality(medians, samples), medians, _flags(samples))
    when = EffectiveTime(last.received_time.astimezone(UTC), TimeQuality.RECEIVED, None, live=True)
    reading = reading_of(last, finding, when, b"".join(sample.raw_values for sample in samples))
    window = Window(
        seconds=_between(samples[0].frame, last).total_seconds(),
        minimum=_extremes(columns, min),
        maximum=_extremes(columns, max),
    )
    return StableReading(reading.model_copy(update={"window": window}), last)


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
