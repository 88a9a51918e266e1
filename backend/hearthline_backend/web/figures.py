"""Numbers as a person reads them: the meter's own precision, the unit beside, words for what is no number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from babel.numbers import format_decimal

from hearthline_backend.domain.phrases import Amount, amount
from hearthline_backend.web.language import _, current
from hearthline_protocol.kinds import KINDS, UNIT_TEXT
from hearthline_protocol.readings import Flag, Quality, Reading, Value

NBSP: Final = "\u00a0"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit, both as text. ``unit`` is empty only where there is no number (``number`` is words)."""

    number: str
    unit: str

    def __str__(self) -> str:
        return f"{self.number}{NBSP}{self.unit}" if self.unit else self.number


def kind_name(kind: str) -> str:
    """What a kind is called on a screen."""
    names = {
        "blood_pressure": _("Blood pressure"),
        "oxygen_saturation": _("Oxygen"),
        "body_weight": _("Weight"),
        "body_composition": _("Body composition"),
        "body_temperature": _("Temperature"),
        "glucose": _("Glucose"),
        "heart_rate": _("Pulse"),
        "respiratory_rate": _("Breathing rate"),
        "peak_flow": _("Peak flow"),
    }
    return names.get(kind, kind)


def field_name(kind: str, field: str) -> str:
    """What a field is called; the kind's own name where it has only one number that matters."""
    names = {
        "systolic": _("Systolic"),
        "diastolic": _("Diastolic"),
        "mean": _("Mean pressure"),
        "pulse": _("Pulse"),
        "bmi": _("BMI"),
        "fat": _("Fat"),
        "muscle": _("Muscle"),
        "water": _("Water"),
        "fev1": _("FEV1"),
    }
    return names.get(field, kind_name(kind))


def device_name(device: str) -> str:
    """What a meter is called."""
    names = {
        "cuff": _("Cuff"),
        "oximeter": _("Oximeter"),
        "scale": _("Scale"),
        "thermometer": _("Thermometer"),
        "glucose_meter": _("Glucose meter"),
        "heart_rate_strap": _("Heart rate strap"),
    }
    return names.get(device, device)


def condition_name(condition: str) -> str:
    """What the template of a condition is called."""
    names = {
        "hypertension": _("High blood pressure"),
        "heart_failure": _("Heart failure"),
        "copd": _("COPD"),
        "diabetes": _("Diabetes"),
        "diabetes_1": _("Diabetes type 1"),
        "diabetes_2": _("Diabetes type 2"),
        "coronary": _("Coronary disease"),
        "coronary_disease": _("Coronary disease"),
        "renal": _("Renal failure"),
        "renal_failure": _("Renal failure"),
        "depression": _("Depression"),
    }
    return names.get(condition, condition.replace("_", " ").capitalize())


def main_fields(kind: str) -> tuple[str, ...]:
    """The fields without which a reading of this kind has no value, in the order they are said."""
    found = KINDS.get(kind)
    if found is None:
        return ()
    return found.required or tuple(found.fields)[:1]


def unit_text(unit: str) -> str:
    """The text printed beside a number."""
    return UNIT_TEXT.get(unit, unit)


def number_text(number: float, decimals: int) -> str:
    """A number by locale with a real minus."""
    pattern = "#,##0" + ("." + "0" * decimals if decimals > 0 else "")
    return format_decimal(number, format=pattern, locale=current().locale).replace("-", "−")


def decimals_of(kind: str, field: str, value: Value | None = None) -> int:
    """Printed decimals: as the meter said where its unit is ours, else the kind's own step.

    A scale sends steps of 0.005 kg and shows 71.4 kg: zeros behind the kind's own step are the profile's, not the
    meter's, and are left out.
    """
    known = KINDS[kind].fields.get(field) if kind in KINDS else None
    usual = _places(known.step if known is not None else 1.0)
    measured = value.as_measured if value is not None else None
    if measured is None or value is None or measured.unit != value.unit:
        return usual
    places = max(0, measured.precision)
    while places > usual and _is_whole(measured.number * 10 ** (places - 1)):
        places -= 1
    return places


def _places(step: float) -> int:
    return next((places for places in range(4) if _is_whole(step * 10**places)), 3)


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-6


def plain_figure(kind: str, field: str, number: float) -> Figure:
    """A number that no meter said, such as a limit, with what decimals it has: up to one more than meters print, since
    a limit of 53.9 mg/dL is not one of 54 mg/dL, and one of 1.36 kg not one of 1.4 kg."""
    return amount_figure(amount(kind, field, number, finer=1))


def stepped_figure(kind: str, field: str, number: float) -> Figure:
    """A number that is worked out from several, such as a mean, to the step that meters print."""
    return amount_figure(amount(kind, field, number))


def amount_figure(one: Amount) -> Figure:
    """A number of the domain's, with the decimals it is to be said with."""
    return Figure(number_text(float(one.rounded), one.decimals), unit_text(one.unit))


def value_figure(kind: str, field: str, value: Value) -> Figure:
    """One value of a reading. Beyond the meter's reach it carries < or >, or its words where the limit is unknown."""
    if value.value is None:
        return Figure(
            _("Lower than the meter can show") if value.comparator == "<" else _("Higher than the meter can show"), ""
        )
    text = number_text(value.value, decimals_of(kind, field, value))
    return Figure(f"{value.comparator}{NBSP}{text}" if value.comparator else text, unit_text(value.unit))


def reading_figure(reading: Reading) -> Figure:
    """The figure a reading stands for: 186/112 mmHg, 95 %, or "No value"."""
    values = [(field, reading.values[field]) for field in main_fields(reading.kind) if field in reading.values]
    if not values or reading.quality is Quality.FAILED:
        return Figure(_("No value"), "")
    figures = [value_figure(reading.kind, field, value) for field, value in values]
    return Figure("/".join(figure.number for figure in figures), figures[0].unit)


def side_figure(reading: Reading, field: str = "pulse") -> Figure | None:
    """A second number of a reading, such as the pulse of a cuff."""
    value = reading.values.get(field)
    return None if value is None else value_figure(reading.kind, field, value)


def quality_words(reading: Reading) -> list[str]:
    """What one must know about a reading beside its number; empty for a valid one without findings."""
    said: list[str] = []
    if reading.quality is Quality.FAILED:
        said.append(_("The meter measured nothing"))
    if reading.quality is Quality.BEYOND_LOW:
        said.append(_("Lower than the meter can measure"))
    if reading.quality is Quality.BEYOND_HIGH:
        said.append(_("Higher than the meter can measure"))
    if reading.quality is Quality.NOT_PATIENT:
        said.append(_("Not a measurement of the patient"))
    words = _flag_words()
    said.extend(words[flag] for flag in reading.flags if flag in words)
    if reading.quality is Quality.QUESTIONABLE and not said:
        said.append(_("The meter marked this as questionable"))
    return said


def _flag_words() -> Mapping[str, str]:
    return {
        Flag.IRREGULAR_PULSE: _("Irregular pulse"),
        Flag.BODY_MOVEMENT: _("Movement during the measurement"),
        Flag.CUFF_TOO_LOOSE: _("Cuff too loose"),
        Flag.IMPROPER_POSITION: _("Arm not in the right position"),
        Flag.WEAK_SIGNAL: _("Weak signal"),
        Flag.POOR_PERFUSION: _("Cold or pale finger"),
        Flag.SENSOR_FAULT: _("The sensor reported a fault"),
        Flag.EARLY_ESTIMATE: _("Early estimate"),
        Flag.CLOCK_NOT_SET: _("The meter’s clock was not set"),
        Flag.STRIP_ERROR: _("The test strip was wrong, badly inserted or pulled too soon"),
        Flag.SAMPLE_TOO_SMALL: _("Too little blood on the test strip"),
        Flag.TEMPERATURE_OUT_OF_RANGE: _("The meter was too warm or too cold"),
    }
