"""From a frame to its readings in this home: its model's quirks, its zone, and the circumstances told beside it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from hearthline_gateway.dating import of_unknown_time, stand_in
from hearthline_gateway.effective_time import measured_just_now
from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.gatt.glucose_context import GlucoseMeasurementContext
from hearthline_gateway.gatt.glucose_measurement import GlucoseMeasurement
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.glucose_join import complete_alone, joined
from hearthline_gateway.meter_models import UnknownModelError
from hearthline_gateway.meter_models import model as meter_model
from hearthline_gateway.normalize import normalize, quirks_of
from hearthline_protocol.readings import Flag, Reading, TimeBounds

CONTEXT: Final = GlucoseMeasurementContext.characteristic


class ContextMissingError(DecodeError):
    """A record means nothing without the circumstances that it announced, and they did not come."""

    def __init__(self, characteristic: str) -> None:
        super().__init__(
            "the record's circumstances did not come, and without them nobody can tell glucose from ketone bodies. "
            "The record is asked for again at the next connection",
            characteristic=characteristic,
            missing="context",
        )


class FrameReader:
    """Reads frames. Pure but for the files of the meter models."""

    def __init__(self, zone: ZoneInfo) -> None:
        """``zone`` is the home's."""
        self._zone = zone

    def readings(self, frame: Frame, context: Frame | None = None) -> tuple[Reading, ...]:
        """What the frame brings, ``context`` joined to it; raises ``DecodeError``."""
        found = normalize(frame, zone=self._zone, quirks=quirks(frame))
        return found if context is None else tuple(map(self.joining(context), found))

    def unknown(
        self, frame: Frame, bounds: TimeBounds, context: Frame | None = None, *, recent: bool
    ) -> tuple[Reading, ...]:
        """The same where of the frame's time only bounds are known; ``recent`` is whether it can be of this moment.

        Whether it was measured just as it was heard needs no date: see ``effective_time.measured_just_now``.
        """
        standing = replace(frame, received_time=stand_in(bounds), clock=None, since_boot=None)
        return tuple(
            of_unknown_time(reading, bounds, live=recent and _just_now(reading, frame))
            for reading in self.readings(standing, context)
        )

    def joining(self, context: Frame) -> Callable[[Reading], Reading]:
        """What adds the circumstances in a frame of 0x2A34 to a reading; raises ``DecodeError``."""
        quirk = quirks(context)
        decoded = GlucoseMeasurementContext.decode(context.payload, quirk)
        return lambda reading: joined(reading, decoded, quirk)

    def awaits_context(self, frame: Frame) -> bool:
        """Whether the frame says that its circumstances follow; raises ``DecodeError``."""
        return (
            frame.characteristic == GlucoseMeasurement.characteristic
            and GlucoseMeasurement.decode(frame.payload, quirks(frame)).context_information_follows
        )

    def record_number(self, frame: Frame) -> int:
        """The number of a glucose record; raises ``DecodeError``."""
        return GlucoseMeasurement.decode(frame.payload, quirks(frame)).sequence_number

    def must_be_complete_alone(self, frame: Frame) -> None:
        """Raises :class:`ContextMissingError` where a record means nothing without the circumstances it announced."""
        if not complete_alone(quirks(frame)):
            raise ContextMissingError(frame.characteristic)

    def belongs(self, context: Frame, frame: Frame) -> bool:
        """Whether ``context`` tells the circumstances of ``frame``; raises ``DecodeError``."""
        if frame.characteristic != GlucoseMeasurement.characteristic:
            return False
        told = GlucoseMeasurementContext.decode(context.payload, quirks(context))
        return told.sequence_number == self.record_number(frame)


def quirks(frame: Frame) -> Quirks:
    """How the frame's meter departs from its profile."""
    if frame.model is None:
        return NO_QUIRKS
    try:
        return quirks_of(meter_model(frame.model))
    except UnknownModelError:  # a frame from before an update that renamed the model
        return NO_QUIRKS


def _just_now(reading: Reading, frame: Frame) -> bool:
    return measured_just_now(
        None if Flag.CLOCK_NOT_SET.value in reading.flags else reading.device_time,
        received=frame.received_time,
        clock=frame.clock,
        just_measured=frame.first and frame.alone,
    )
