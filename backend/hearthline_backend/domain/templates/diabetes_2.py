"""Diabetes type 2: glucose and blood pressure."""

from typing import Final

from hearthline_backend.domain.rules import Persistence
from hearthline_backend.domain.templates.glucose import glucose_average, glucose_high, glucose_low
from hearthline_backend.domain.templates.pressure import pressure_average, pressure_high
from hearthline_backend.domain.templates.template import Template, missed, morning, msgid

_NAME: Final = "diabetes_2"

DIABETES_2: Final = Template(
    name=_NAME,
    rules=(
        glucose_low(_NAME, Persistence(1, 1)),  # measured once a day: a second reading would be tomorrow's
        glucose_high(_NAME, msgid("Ask about thirst, illness and missed tablets, then a second reading.")),
        glucose_average(_NAME, least=5),
        pressure_high(_NAME),
        pressure_average(_NAME),
        missed("glucose"),
        missed("blood_pressure"),
    ),
    slots=(morning("glucose"), morning("blood_pressure")),
)
