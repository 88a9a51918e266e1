"""Heart failure: weight against the patient's own baseline, oxygen, blood pressure, and weight and oxygen together."""

from datetime import timedelta
from typing import Final

from hearthline_backend.domain.combination_rule import AllOf, Changed, CombinationRule, Crossed
from hearthline_backend.domain.rules import Limit, ThresholdRule
from hearthline_backend.domain.templates.pressure import pressure_low_treated, pulse_high, pulse_low
from hearthline_backend.domain.templates.template import TWO_OF_THREE, Template, missed, morning, msgid
from hearthline_backend.domain.templates.weight import weight_up

_NAME: Final = "heart_failure"

OXYGEN_LOW: Final = ThresholdRule(
    id=f"{_NAME}.oxygen_low",
    kind="oxygen_saturation",
    direction="below",
    red=(Limit("spo2", 89, "%", clears=91),),
    yellow=(Limit("spo2", 92, "%", clears=94),),
    yellow_persistence=TWO_OF_THREE,
    source="ESC 2021, heart failure: under 90 % needs oxygen; NHS oximetry@home (2021): 92 % or less is urgent, "
    "93 to 94 % needs attention",
    advice=msgid("Ask about breathlessness, warm the hand, then a second reading at rest."),
)

DECOMPENSATION: Final = CombinationRule(
    id=f"{_NAME}.decompensation",
    red=AllOf(
        (
            Changed("body_weight", "weight", "rises", 1.36, "kg"),
            Crossed("oxygen_saturation", "spo2", "below", 92, "%"),
        )
    ),
    yellow=None,
    within=timedelta(days=3),
    source="EJHF 2013: weight that rises 1.36 kg; NHS oximetry@home (2021): 92 % or less is urgent",
    advice=msgid("Call the patient now: weight is up and oxygen is down. Ask about breathlessness at rest."),
)

HEART_FAILURE: Final = Template(
    name=_NAME,
    rules=(
        weight_up(
            _NAME,
            "ESC 2021, heart failure: more than 2 kg in 3 days; EJHF 2013: 1.36 kg in a day finds twice as many, "
            "limits of one's own most",
        ),
        OXYGEN_LOW,
        DECOMPENSATION,
        pressure_low_treated(_NAME),
        pulse_high(_NAME),
        pulse_low(_NAME),
        missed("body_weight"),
        missed("blood_pressure"),
        missed("oxygen_saturation"),
    ),
    slots=(morning("body_weight"), morning("blood_pressure"), morning("oxygen_saturation")),
)
