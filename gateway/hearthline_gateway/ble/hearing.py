"""What one connection brings, in order, with the meter's clock beside it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.frame import Frame, MeterClock


class Hearing:
    """Frames of one connection.

    Frames wait until the meter's clock has been read, because what a meter sends before that carries the same wrong
    clock.

    What a meter tells because it was asked for its stored records is a replay: none of it is marked as the connection's
    first, so that only a stamp close to its receipt can make it live. See :meth:`asked_for`.
    """

    def __init__(self, meter: ConfiguredMeter, hand_on: Callable[[Frame], None], now: Callable[[], datetime]) -> None:
        self._meter = meter
        self._hand_on = hand_on
        self._now = now
        self._waiting: list[Frame] | None = []
        self._clock: MeterClock | None = None
        self._replaying = False
        self._single: Callable[[bytes], bool] | None = None
        self.frames = 0
        """How many frames this connection brought."""

    def hear(self, characteristic: str, payload: bytes) -> None:
        """Take one value."""
        received = self._now()
        judge, self._single = self._single, None
        single = judge is not None and judge(payload)
        frame = Frame(
            sensor=self._meter.address,
            characteristic=characteristic,
            payload=payload,
            received_time=received,
            model=self._meter.model.name,
            clock=self._clock,
            first=single if self._replaying else self.frames == 0,
            alone=single,
        )
        self.frames += 1
        if self._waiting is None:
            self._hand_on(frame)
        else:
            self._waiting.append(frame)

    def asked_for(self, single: Callable[[bytes], bool] | None = None) -> None:
        """From now on the meter tells stored records. ``single`` is given where exactly one is new since it was last
        asked; that record's bytes are put to it, and where it says that the record was just measured, the record is the
        one measurement that this connection is about, whatever the meter's clock says."""
        self._replaying, self._single = True, single

    def clock_read(self, clock: MeterClock | None) -> None:
        """The clock as it was before anybody set it, None where there is none to read: hand on what waited for it."""
        if self._waiting is None:
            return
        self._clock = clock
        waiting, self._waiting = self._waiting, None
        for frame in waiting:
            self._hand_on(replace(frame, clock=clock))

    def clock_set(self, clock: MeterClock) -> None:
        """The clock as it reads after it was set: what the meter measures from now on carries the new time."""
        if self._clock is not None:
            self._clock = replace(self._clock, set_ahead_of_utc=clock.ahead_of_utc, set_at=clock.read_at)
