"""Renal failure: weight and blood pressure tell of water, a slow pulse of potassium, fever of an infected access."""

from typing import Final

from hearthline_backend.domain.rules import Limit, ThresholdRule
from hearthline_backend.domain.templates.pressure import pressure_average, pressure_high, pressure_low
from hearthline_backend.domain.templates.template import TWO_OF_THREE, Template, evening, missed, morning, msgid
from hearthline_backend.domain.templates.weight import weight_up

_NAME: Final = "renal"

PULSE_LOW: Final = ThresholdRule(
    id=f"{_NAME}.pulse_low",
    kind="blood_pressure",
    direction="below",
    red=(Limit("pulse", 40, "/min"),),
    yellow=(Limit("pulse", 50, "/min"),),
    yellow_persistence=TWO_OF_THREE,
    source="NEWS2 (Royal College of Physicians, 2017): pulse 40 /min or less scores 3, 41 to 50 scores 1; "
    "UK Kidney Association 2023: a slow pulse is a sign of high potassium",
    advice=msgid("Ask about weakness; potassium may be high: arrange a blood test today."),
)

TEMPERATURE_HIGH: Final = ThresholdRule(
    id=f"{_NAME}.temperature_high",
    kind="body_temperature",
    direction="above",
    red=(Limit("temperature", 39.1, "Cel", clears=38.5),),
    yellow=(Limit("temperature", 38.1, "Cel", clears=37.8),),
    source="NEWS2 (Royal College of Physicians, 2017): 38.1 to 39.0 °C scores 1, 39.1 °C or more scores 2",
    advice=msgid("Ask about shivering and about the dialysis access: fever may be an infection of it."),
)

RENAL: Final = Template(
    name=_NAME,
    rules=(
        weight_up(
            _NAME,
            "ESC 2021, heart failure: more than 2 kg in 3 days, the same water; no trial has a figure for failing "
            "kidneys: set the patient's own where a dry weight is known",
        ),
        pressure_high(_NAME),
        pressure_low(_NAME),
        pressure_average(_NAME),
        PULSE_LOW,
        TEMPERATURE_HIGH,
        missed("body_weight"),
        missed("blood_pressure"),
    ),
    slots=(morning("body_weight"), morning("blood_pressure"), evening("blood_pressure")),
)
