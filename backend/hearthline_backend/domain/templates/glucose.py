"""Rules about glucose that both kinds of diabetes share.

A limit counts as passed at its own value, and the ADA's levels begin beyond theirs: under 70 and under 54, over 180 and
over 250 mg/dL. So the limits lie between the steps that meters print, in mg/dL and in mmol/L alike: 3.9 mmol/L is
70.3 mg/dL and no alert, 13.9 mmol/L is 250.4 mg/dL and none either; 33.3 mmol/L is 599.9 mg/dL and a crisis, as
600 mg/dL is.
"""

from datetime import timedelta
from typing import Final

from hearthline_backend.domain.rules import Limit, Persistence, Priority, ThresholdRule
from hearthline_backend.domain.templates.template import TWO_OF_THREE, msgid
from hearthline_backend.domain.trend_rules import MovingAverageRule

LEVEL_1: Final = 69.9
LEVEL_2: Final = 53.9
VERY_HIGH: Final = 250.5
CRISIS: Final = 599.5
EIGHT_PER_CENT: Final = 183.0

_LOOK_BACK: Final = timedelta(days=2)
_REJOIN: Final = timedelta(hours=12)


def glucose_low(condition: str, yellow_persistence: Persistence) -> ThresholdRule:
    """Level 2 is red at once; level 1 yellow."""
    return ThresholdRule(
        id=f"{condition}.glucose_low",
        kind="glucose",
        direction="below",
        red=(Limit("glucose", LEVEL_2, "mg/dL", clears=LEVEL_1),),
        yellow=(Limit("glucose", LEVEL_1, "mg/dL"),),
        yellow_persistence=yellow_persistence,
        look_back=_LOOK_BACK,
        rejoin_within=_REJOIN,
        source="ADA Standards of Care 2025: level 2 under 54 mg/dL (3.0 mmol/L), level 1 under 70 mg/dL (3.9 mmol/L)",
        advice=msgid("Ask for 15 g of sugar now and a second reading after 15 minutes."),
    )


def glucose_high(condition: str, advice: str) -> ThresholdRule:
    """Over 250 mg/dL in two of three; a single one only where it is a crisis, or the meter says HI."""
    return ThresholdRule(
        id=f"{condition}.glucose_high",
        kind="glucose",
        direction="above",
        red=(Limit("glucose", CRISIS, "mg/dL"),),
        yellow=(Limit("glucose", VERY_HIGH, "mg/dL"),),
        yellow_persistence=TWO_OF_THREE,
        look_back=_LOOK_BACK,
        rejoin_within=_REJOIN,
        source="ADA Standards of Care 2025: over 250 mg/dL (13.9 mmol/L) is very high; ADA 2024, hyperglycaemic "
        "crises: 600 mg/dL (33.3 mmol/L) and more is one, and where most meters show HI",
        advice=advice,
    )


def glucose_average(condition: str, least: int) -> MovingAverageRule:
    """The week's mean where it would mean a HbA1c of 8 %: for the next review, not for tonight."""
    return MovingAverageRule(
        id=f"{condition}.glucose_average",
        kind="glucose",
        field="glucose",
        direction="above",
        red=(),
        yellow=(Limit("glucose", EIGHT_PER_CENT, "mg/dL", clears=EIGHT_PER_CENT - 10),),
        span=timedelta(days=7),
        least=least,
        look_back=timedelta(days=8),
        rejoin_within=timedelta(days=7),
        priority=Priority.LOW,
        source="ADAG study (Diabetes Care 2008;31:1473): a mean of 183 mg/dL is a HbA1c of 8 %",
        advice=msgid("Glucose is high all week: look at meals and doses at the next review."),
    )
