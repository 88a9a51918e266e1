"""High blood pressure.

The averages of NICE NG136 (135/85 mmHg) judge a week of readings and never a single one.
"""

from typing import Final

from hearthline_backend.domain.templates.pressure import (
    pressure_average,
    pressure_high,
    pressure_low,
    pulse_high,
    pulse_low,
)
from hearthline_backend.domain.templates.template import Template, evening, missed, morning

_NAME: Final = "hypertension"

HYPERTENSION: Final = Template(
    name=_NAME,
    rules=(
        pressure_high(_NAME),
        pressure_low(_NAME),
        pulse_high(_NAME),
        pulse_low(_NAME),
        pressure_average(_NAME),
        missed("blood_pressure"),
    ),
    slots=(morning("blood_pressure"), evening("blood_pressure")),
)
