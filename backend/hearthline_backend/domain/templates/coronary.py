"""Coronary disease: blood pressure and pulse under treatment, and weight as the first sign of a failing heart."""

from typing import Final

from hearthline_backend.domain.templates.pressure import (
    pressure_average,
    pressure_high,
    pressure_low,
    pulse_high,
    pulse_low,
)
from hearthline_backend.domain.templates.template import Template, missed, morning
from hearthline_backend.domain.templates.weight import weight_up

_NAME: Final = "coronary"

CORONARY: Final = Template(
    name=_NAME,
    rules=(
        pressure_high(_NAME),
        pressure_low(_NAME),
        pulse_high(_NAME),
        pulse_low(_NAME),
        pressure_average(_NAME),
        weight_up(_NAME, "ESC 2021, heart failure: more than 2 kg in 3 days; EJHF 2013: 1.36 kg in a day"),
        missed("blood_pressure"),
        missed("body_weight"),
    ),
    slots=(morning("blood_pressure"), morning("body_weight")),
)
