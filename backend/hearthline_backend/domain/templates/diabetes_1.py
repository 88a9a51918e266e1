"""Diabetes type 1: glucose several times a day, and blood pressure."""

from typing import Final

from hearthline_backend.domain.templates.glucose import glucose_average, glucose_high, glucose_low
from hearthline_backend.domain.templates.pressure import pressure_average, pressure_high
from hearthline_backend.domain.templates.template import (
    TWO_OF_THREE,
    Template,
    evening,
    midday,
    missed,
    morning,
    msgid,
)

_NAME: Final = "diabetes_1"

DIABETES_1: Final = Template(
    name=_NAME,
    rules=(
        glucose_low(_NAME, TWO_OF_THREE),
        glucose_high(_NAME, msgid("Ask about ketones, missed insulin and illness, then a second reading.")),
        glucose_average(_NAME, least=14),
        pressure_high(_NAME),
        pressure_average(_NAME),
        missed("glucose"),
        missed("blood_pressure"),
    ),
    slots=(morning("glucose"), midday("glucose"), evening("glucose"), morning("blood_pressure")),
)
