"""Chronic obstructive lung disease: oxygen by its target range, pulse, temperature, and the partial NEWS2."""

from typing import Final

from hearthline_backend.domain.adjusting import OxygenTarget
from hearthline_backend.domain.rules import Limit, ThresholdRule
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.templates.oxygen import oxygen_under
from hearthline_backend.domain.templates.pressure import pulse_high
from hearthline_backend.domain.templates.template import TWO_OF_THREE, Template, missed, morning, msgid

_NAME: Final = "copd"

TARGET: Final = OxygenTarget(
    88, 92, source="BTS 2017, oxygen in adults: 88 to 92 % with chronic lung disease; BMJ 2021;372:n677: 88 %"
)

NEWS2: Final = ScoreRule(
    id=f"{_NAME}.news2",
    scale=1,
    yellow_single=None,  # each input that is bad by itself has its own rule; 91 % is usual here and would score 3
    source="NEWS2 (Royal College of Physicians, 2017): 5 to 6 is urgent, 7 or more an emergency; at home it is partial",
    advice=msgid("Call the patient: ask about breathing, alertness and oxygen in use, which no meter tells."),
)

TEMPERATURE_HIGH: Final = ThresholdRule(
    id=f"{_NAME}.temperature_high",
    kind="body_temperature",
    direction="above",
    red=(),
    yellow=(Limit("temperature", 38.1, "Cel", clears=37.8),),
    yellow_persistence=TWO_OF_THREE,
    source="NEWS2 (Royal College of Physicians, 2017): 38.1 to 39.0 °C scores 1, 39.1 °C or more scores 2",
    advice=msgid("Ask about cough and sputum: fever may begin an exacerbation."),
)

COPD: Final = Template(
    name=_NAME,
    rules=(
        oxygen_under(f"{_NAME}.oxygen_low", TARGET),
        pulse_high(_NAME, "oxygen_saturation"),
        TEMPERATURE_HIGH,
        NEWS2,
        missed("oxygen_saturation"),
    ),
    slots=(morning("oxygen_saturation"),),
    oxygen_target=TARGET,
)
