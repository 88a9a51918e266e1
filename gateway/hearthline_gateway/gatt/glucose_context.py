"""Glucose Measurement Context (0x2A34): the circumstances of the Glucose Measurement with the same sequence number.

Source: Bluetooth SIG, Glucose Service 1.0.1, and the GATT Specification Supplement.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Literal, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.named import named
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks

_CARBOHYDRATE: Final = 0x01
_MEAL: Final = 0x02
_TESTER_HEALTH: Final = 0x04
_EXERCISE: Final = 0x08
_MEDICATION: Final = 0x10
_MEDICATION_LITRES: Final = 0x20
_HBA1C: Final = 0x40
_EXTENDED_FLAGS: Final = 0x80


class Carbohydrate(IntEnum):
    """The meal that the carbohydrates belong to. 0 and 8 to 255 are reserved."""

    BREAKFAST = 1
    LUNCH = 2
    DINNER = 3
    SNACK = 4
    DRINK = 5
    SUPPER = 6
    BRUNCH = 7


class Meal(IntEnum):
    """When it was measured. 0 and 6 to 255 are reserved."""

    PREPRANDIAL = 1
    """Before a meal."""
    POSTPRANDIAL = 2
    """After a meal."""
    FASTING = 3
    CASUAL = 4
    """Snacks, drinks and the like."""
    BEDTIME = 5


class Tester(IntEnum):
    """Who measured. 0 and 4 to 14 are reserved."""

    SELF = 1
    HEALTH_CARE_PROFESSIONAL = 2
    LAB_TEST = 3
    NOT_AVAILABLE = 15


class Health(IntEnum):
    """How the person was. 0 and 6 to 14 are reserved."""

    MINOR_HEALTH_ISSUES = 1
    MAJOR_HEALTH_ISSUES = 2
    DURING_MENSES = 3
    UNDER_STRESS = 4
    NO_HEALTH_ISSUES = 5
    NOT_AVAILABLE = 15


class Medication(IntEnum):
    """What was taken. 0 and 6 to 255 are reserved."""

    RAPID_ACTING_INSULIN = 1
    SHORT_ACTING_INSULIN = 2
    INTERMEDIATE_ACTING_INSULIN = 3
    LONG_ACTING_INSULIN = 4
    PRE_MIXED_INSULIN = 5


class ExerciseDuration(IntEnum):
    """Longer than the field can say: 65 535 s or more."""

    OVERRUN = 0xFFFF


@dataclass(frozen=True, slots=True)
class GlucoseMeasurementContext:
    """``carbohydrate`` in kg, ``exercise_duration`` in seconds, ``exercise_intensity`` and ``hba1c`` in percent,
    ``medication`` in ``medication_unit``. An id and its quantity come together or not at all, as do tester and health,
    and the two of exercise. Reserved values stay plain numbers."""

    characteristic: ClassVar[str] = "2A34"

    sequence_number: int
    extended_flags: int | None = None
    carbohydrate_id: Carbohydrate | int | None = None
    carbohydrate: Number | None = None
    meal: Meal | int | None = None
    tester: Tester | int | None = None
    health: Health | int | None = None
    exercise_duration: ExerciseDuration | int | None = None
    exercise_intensity: int | None = None
    medication_id: Medication | int | None = None
    medication: Number | None = None
    medication_unit: Literal["kg", "L"] = "kg"
    hba1c: Number | None = None
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        flags = cursor.unsigned(1, "flags")
        sequence_number = cursor.unsigned(2, "sequence_number")
        extended_flags = cursor.unsigned(1, "extended_flags") if flags & _EXTENDED_FLAGS else None
        eaten, meal = flags & _CARBOHYDRATE, flags & _MEAL
        carbohydrate_id = named(Carbohydrate, cursor.unsigned(1, "carbohydrate_id")) if eaten else None
        carbohydrate = cursor.sfloat("carbohydrate") if eaten else None
        meal_named = named(Meal, cursor.unsigned(1, "meal")) if meal else None
        tester, health = _tester_health(cursor) if flags & _TESTER_HEALTH else (None, None)
        moved, taken = flags & _EXERCISE, flags & _MEDICATION
        return cls(
            sequence_number=sequence_number,
            extended_flags=extended_flags,
            carbohydrate_id=carbohydrate_id,
            carbohydrate=carbohydrate,
            meal=meal_named,
            tester=tester,
            health=health,
            exercise_duration=named(ExerciseDuration, cursor.unsigned(2, "exercise_duration")) if moved else None,
            exercise_intensity=cursor.unsigned(1, "exercise_intensity") if moved else None,
            medication_id=named(Medication, cursor.unsigned(1, "medication_id")) if taken else None,
            medication=cursor.sfloat("medication") if taken else None,
            medication_unit="L" if flags & _MEDICATION_LITRES else "kg",
            hba1c=cursor.sfloat("hba1c") if flags & _HBA1C else None,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "flags", self._flags())
        composer.unsigned(2, "sequence_number", self.sequence_number)
        composer.unsigned(1, "extended_flags", self.extended_flags)
        composer.unsigned(1, "carbohydrate_id", self.carbohydrate_id)
        composer.sfloat("carbohydrate", self.carbohydrate)
        composer.unsigned(1, "meal", self.meal)
        if self.tester is not None and self.health is not None:
            composer.unsigned(1, "tester_health", self.health << 4 | self.tester)
        composer.unsigned(2, "exercise_duration", self.exercise_duration)
        composer.unsigned(1, "exercise_intensity", self.exercise_intensity)
        composer.unsigned(1, "medication_id", self.medication_id)
        composer.sfloat("medication", self.medication)
        composer.sfloat("hba1c", self.hba1c)
        return composer.frame(self.trailing)

    def _flags(self) -> int:
        return (
            (_CARBOHYDRATE if self.carbohydrate_id is not None else 0)
            | (_MEAL if self.meal is not None else 0)
            | (_TESTER_HEALTH if self.tester is not None else 0)
            | (_EXERCISE if self.exercise_duration is not None else 0)
            | (_MEDICATION if self.medication_id is not None else 0)
            | (_MEDICATION_LITRES if self.medication_unit == "L" else 0)
            | (_HBA1C if self.hba1c is not None else 0)
            | (_EXTENDED_FLAGS if self.extended_flags is not None else 0)
        )


def _tester_health(cursor: Cursor) -> tuple[Tester | int, Health | int]:
    octet = cursor.unsigned(1, "tester_health")
    return named(Tester, octet & 0x0F), named(Health, octet >> 4)
