"""The reading as it travels from hop 3 to the store: kind, quality, values in one unit, times, id."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from hearthline_protocol.device_time import DeviceTimeText


class Quality(StrEnum):
    """What a reading is worth; exactly one per reading."""

    VALID = "valid"
    FAILED = "failed"
    """The meter measured nothing: no value, never judged, counted."""
    BEYOND_LOW = "beyond_low"
    """Lower than the meter can process: judged as past every low limit."""
    BEYOND_HIGH = "beyond_high"
    """Higher than the meter can process: judged as past every high limit."""
    QUESTIONABLE = "questionable"
    """Movement, cuff fit, position or weak signal: stored, judged, marked."""
    NOT_PATIENT = "not_patient"
    """Control solution, intermediate cuff pressure, guest: kept apart, never judged."""

    @property
    def judged(self) -> bool:
        """Whether rules may look at a reading of this quality."""
        return self not in NOT_JUDGED


NOT_JUDGED = (Quality.FAILED, Quality.NOT_PATIENT)
"""The qualities of which no rule sees anything."""


class TimeQuality(StrEnum):
    """How far ``effective_time`` can be trusted."""

    SYNCED = "synced"
    """The meter's clock was read and agreed with ours."""
    CORRECTED = "corrected"
    """The meter's clock was read, was wrong, and its offset was applied."""
    ASSUMED = "assumed"
    """The stamp is taken as the home's local time; the offset was not measured."""
    RECEIVED = "received"
    """No stamp: the gateway's clock at arrival."""
    UNKNOWN = "unknown"
    """Only bounds are known; a person has to look."""


class Flag(StrEnum):
    """Findings beside the value; none of them is a quality."""

    IRREGULAR_PULSE = "irregular_pulse"
    BODY_MOVEMENT = "body_movement"
    CUFF_TOO_LOOSE = "cuff_too_loose"
    IMPROPER_POSITION = "improper_position"
    PULSE_RATE_HIGH = "pulse_rate_high"
    PULSE_RATE_LOW = "pulse_rate_low"
    WEAK_SIGNAL = "weak_signal"
    POOR_PERFUSION = "poor_perfusion"
    SENSOR_FAULT = "sensor_fault"
    EARLY_ESTIMATE = "early_estimate"
    CLOCK_NOT_SET = "clock_not_set"
    STRIP_ERROR = "strip_error"
    SAMPLE_TOO_SMALL = "sample_too_small"
    TEMPERATURE_OUT_OF_RANGE = "temperature_out_of_range"


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:  # its offset takes it over an edge of the calendar
        raise ValueError("a moment between the years 1 and 9999 in UTC is expected") from error


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A moment with its zone, kept in UTC. A time without offset is refused."""

Address = Annotated[str, Field(pattern=r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$")]
"""A Bluetooth device address, upper case with colons."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AsMeasured(_Strict):
    """What the meter said. ``precision`` counts the printed decimal places (2.0 has 1; a number to tens has -1)."""

    number: Finite
    unit: str
    precision: Annotated[int, Field(ge=-128, le=128)]


class Value(_Strict):
    """A number with its UCUM unit. ``comparator`` marks a value beyond what the meter can process; ``value`` is then
    the meter's limit, or null where the meter did not say it."""

    value: Finite | None
    unit: str
    comparator: Literal["<", ">"] | None = None
    as_measured: AsMeasured | None = None

    @model_validator(mode="after")
    def _number_or_comparator(self) -> "Value":
        if self.value is None and self.comparator is None:
            raise ValueError("a value needs a number, or a comparator where the meter only said low or high")
        return self


class Window(_Strict):
    """The stable stretch of a continuous stream that a reading sums up: its values are the medians, these the extremes
    by field, in the values' units."""

    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    minimum: dict[str, Finite]
    maximum: dict[str, Finite]


class TimeBounds(_Strict):
    """Between which two moments it was measured, where nothing better can be known. ``latest`` is null where the
    gateway still did not know the time when it sent the reading: the backend's clock at its arrival is then the
    latest."""

    earliest: Instant
    latest: Instant | None = None


ContextWord = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]


class Reading(_Strict):
    """One measurement, complete: what it measured, what it is worth, when it happened and which meter sent it.

    Kind and units are not checked here but at the backend's edge against the table of kinds, so that a reading with one
    bad field is answered by name instead of failing its whole batch.
    """

    id: UUID
    kind: Annotated[str, Field(max_length=64)]
    quality: Quality
    values: dict[str, Value]
    flags: tuple[str, ...] = ()
    device_time: DeviceTimeText | None = None
    received_time: Instant
    effective_time: Instant
    clock_offset_s: Finite | None = None
    """How far the meter's clock was ahead of UTC when measured or assumed, in seconds; null where no stamp was used."""
    time_quality: TimeQuality
    live: bool = False
    """True when the gateway saw it measured just now: a record never seen before, first of its connection."""
    sensor: Address
    user_slot: Annotated[int, Field(ge=0, le=255)] | None = None
    sequence: Annotated[int, Field(ge=0, le=0xFFFF_FFFF)] | None = None
    characteristic: Annotated[str, Field(pattern=r"^[0-9A-F]{4}$")]
    model: Annotated[str, Field(max_length=80)] | None = None
    context: dict[ContextWord, ContextWord | Value] = Field(default_factory=dict)
    """Circumstances in the profile's words, such as ``meal: fasting`` or ``sample_type: capillary_whole_blood``, and
    quantities that belong to them, such as ``carbohydrate: 45 g``. Since schema 2."""
    window: Window | None = None
    """Set for a continuous stream. Since schema 2."""
    time_bounds: TimeBounds | None = None
    """Set where ``time_quality`` is ``unknown``; ``effective_time`` is then the latest, or the earliest where the
    gateway knows no latest. Since schema 2."""
    synthetic: bool = False
    """Written by the watchdog to prove the chain; never shown among a patient's readings."""

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What schema 2 added is left out where it is empty, so that a backend of schema 1 takes the reading."""
        said: dict[str, Any] = serialize(self)
        return {name: value for name, value in said.items() if value or name not in _SINCE_2}

    @property
    def schema_needed(self) -> int:
        """The oldest version of the contract that can say this reading."""
        return 2 if any(getattr(self, name) for name in _SINCE_2) else 1


_SINCE_2 = ("context", "window", "time_bounds")
