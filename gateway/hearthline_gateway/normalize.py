"""Hop 3: from a frame to readings. Pure: no I/O, no clock; the same frame heard twice gives the same ids.

Normalise a frame as soon as it is heard to make it durable, and again with ``alone`` known when its connection has
ended: the id stays, only the time and ``live`` may become better.
"""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from hearthline_gateway.advertised import xiaomi_scale
from hearthline_gateway.advertised.xiaomi_scale import XiaomiWeighing
from hearthline_gateway.effective_time import EffectiveTime, reconcile
from hearthline_gateway.finding import Finding, Measured
from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.body_composition import BodyCompositionMeasurement
from hearthline_gateway.gatt.characteristics import STREAMS, PersonMeasurement, decode
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.interpret import interpret
from hearthline_gateway.meter_models import MeterModel
from hearthline_protocol.identity import reading_id
from hearthline_protocol.readings import AsMeasured, Quality, Reading, Value

UNKNOWN_USER: Final = 255
"""The user id by which cuffs and scales say that they do not know the person."""


def quirks_of(model: MeterModel | None) -> Quirks:
    """How the model departs from its profile."""
    if model is None:
        return NO_QUIRKS
    return Quirks(frozenset(model.big_endian), frozenset(model.unflagged), model.ketone_meal)


def normalize(frame: Frame, *, zone: ZoneInfo, quirks: Quirks = NO_QUIRKS) -> tuple[Reading, ...]:
    """The readings in a frame; raises ``DecodeError``.

    None for a clock, a battery, and for a notification of a continuous stream, which is no reading by itself: see
    :class:`hearthline_gateway.stable_window.StableWindow`. None for the context of a glucose measurement, which
    :mod:`hearthline_gateway.glucose_join` adds to its reading. None for a continuous glucose sensor either: its records
    carry nothing but minutes since their session began, so that one of today and one of the last sensor are the same
    bytes, and would be one id; they become readings once sessions are kept track of. ``zone`` is the home's.
    """
    if frame.characteristic in xiaomi_scale.SERVICES:
        return (_advertised(frame, zone),)
    measurement = decode(frame.characteristic, frame.payload, quirks)
    if frame.characteristic in STREAMS or not isinstance(measurement, PersonMeasurement):
        return ()
    finding = interpret(measurement)
    if isinstance(measurement, BodyCompositionMeasurement) and finding.quality is Quality.FAILED:
        return ()  # a stub beside a weight: the weighing itself is the reading, and no analysis was promised
    when = reconcile(
        finding.usable_stamp,
        received=frame.received_time,
        zone=zone,
        clock=frame.clock,
        just_measured=frame.first and frame.alone,
    )
    return (reading_of(frame, finding, when, measurement.raw_values(quirks)),)


def _advertised(frame: Frame, zone: ZoneInfo) -> Reading:
    weighing = XiaomiWeighing.decode(frame.characteristic, frame.payload)
    finding = xiaomi_scale.finding_of(weighing)
    just_measured = frame.first and frame.alone
    when = reconcile(finding.usable_stamp, received=frame.received_time, zone=zone, just_measured=just_measured)
    return reading_of(frame, finding, when, weighing.raw_values())


def reading_of(frame: Frame, finding: Finding, when: EffectiveTime, raw_values: bytes) -> Reading:
    """Put a reading together. ``raw_values`` are the value fields as they came over the air.

    A meter that does not know the person sends no slot worth keeping: ``user_slot`` is then None, and only a meter that
    is one patient's alone speaks for them. The id keeps what the meter sent.
    """
    return Reading(
        id=reading_id(
            sensor=frame.sensor,
            characteristic=frame.characteristic,
            user_slot=finding.user_id,
            device_time=finding.time_stamp,
            sequence=finding.sequence,
            raw_values=raw_values,
            received_time=frame.received_time,
        ),
        kind=finding.kind,
        quality=finding.quality,
        values=_values(finding.values),
        flags=tuple(flag.value for flag in finding.flags),
        device_time=finding.clock_face,
        received_time=frame.received_time,
        effective_time=when.instant,
        clock_offset_s=when.clock_offset_s,
        time_quality=when.quality,
        live=when.live,
        sensor=frame.sensor,
        user_slot=None if finding.user_id == UNKNOWN_USER else finding.user_id,
        sequence=finding.sequence,
        characteristic=frame.characteristic,
        model=frame.model,
        context={name: said if isinstance(said, str) else value_of(said) for name, said in finding.context.items()},
    )


def _values(values: Mapping[str, Measured]) -> dict[str, Value]:
    return {name: value_of(measured) for name, measured in values.items()}


def value_of(measured: Measured) -> Value:
    """As it travels."""
    as_measured = None
    if measured.number is not None:
        as_measured = AsMeasured(number=measured.number, unit=measured.measured_unit, precision=measured.precision)
    return Value(value=measured.value, unit=measured.unit, comparator=measured.comparator, as_measured=as_measured)
