"""A weighing that a scale sends in two frames: its Weight Measurement, then its Body Composition Measurement.

Scales of some makers leave stamp, person and weight out of the second frame, since the first has just said them
(Beurer BF 720: flags 0x0398). Alone such a frame is nobody's and of no time, cannot turn litres of water into percent,
and every replay of it would be another reading. So it is completed before anything else happens to it, with what the
scale itself said a moment before: the same two frames, heard twice, are the same reading. Scales send the weight first;
one weight completes one analysis.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.body_composition import BodyCompositionMeasurement
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.gatt.weight_scale import WeightMeasurement

WITHIN: Final = timedelta(seconds=60)
"""A body analysis takes seconds; a frame that comes later than this is of another weighing."""


@dataclass(frozen=True, slots=True)
class _Weighing:
    frame: Frame
    weight: WeightMeasurement


class Weighings:
    """The last weighing of every connected scale. Pure: its only clock is the frames' time of receipt."""

    def __init__(self) -> None:
        self._last: dict[str, _Weighing] = {}
        self._completed_last: dict[str, tuple[Frame, Frame]] = {}

    def complete(self, frame: Frame) -> Frame:
        """The frame, completed where it is the second of a weighing, and completed again where it is offered again,
        because it could not be kept. A frame that cannot be decoded stays as it is: whoever reads it next says so."""
        before = self._completed_last.get(frame.sensor)
        if before is not None and frame == before[0]:
            return before[1]
        try:
            if frame.characteristic == WeightMeasurement.characteristic:
                self._last[frame.sensor] = _Weighing(frame, WeightMeasurement.decode(frame.payload))
            elif frame.characteristic == BodyCompositionMeasurement.characteristic:
                return self._completed(frame, BodyCompositionMeasurement.decode(frame.payload))
        except DecodeError:
            self.forget(frame.sensor)
        return frame

    def forget(self, sensor: str) -> None:
        """The connection has ended: what comes next is another weighing."""
        self._last.pop(sensor, None)
        self._completed_last.pop(sensor, None)

    def _completed(self, frame: Frame, body: BodyCompositionMeasurement) -> Frame:
        last = self._last.get(frame.sensor)
        if not body.multiple_packets:
            self._last.pop(frame.sensor, None)
        if last is None or not timedelta() <= frame.received_time - last.frame.received_time <= WITHIN:
            return frame
        whole = _joined(body, last.weight)
        completed = frame if whole is None else replace(frame, payload=whole.encode())
        self._completed_last[frame.sensor] = frame, completed
        return completed


def _joined(body: BodyCompositionMeasurement, weighing: WeightMeasurement) -> BodyCompositionMeasurement | None:
    """None where they say different things of the same, and so are not of one weighing."""
    if body.time_stamp not in (None, weighing.time_stamp) or body.user_id not in (None, weighing.user_id):
        return None
    weight = weighing.weight if weighing.weight_unit == body.mass_unit else None
    return replace(
        body,
        time_stamp=weighing.time_stamp,
        user_id=weighing.user_id,
        weight=body.weight if body.weight is not None else weight,
    )
