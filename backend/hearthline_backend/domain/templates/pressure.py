"""Rules about blood pressure and pulse that several conditions share, each limit with its source."""

from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.rules import Limit, Persistence, Priority, ThresholdRule
from hearthline_backend.domain.templates.template import TWO_OF_THREE, msgid


def pressure_high(condition: str) -> ThresholdRule:
    """A single home reading of 180 or 120 is red; 160 or 100 needs two of three."""
    return ThresholdRule(
        id=f"{condition}.pressure_high",
        kind="blood_pressure",
        direction="above",
        red=(Limit("systolic", 180, "mm[Hg]"), Limit("diastolic", 120, "mm[Hg]")),
        yellow=(Limit("systolic", 160, "mm[Hg]"), Limit("diastolic", 100, "mm[Hg]")),
        yellow_persistence=TWO_OF_THREE,
        source="NICE NG136: 180/120 mmHg is the threshold for severe, 160/100 mmHg for stage 2, both in the clinic",
        advice=msgid("Ask for 5 minutes of rest, then a second reading."),
    )


def pressure_low(condition: str) -> ThresholdRule:
    """A single reading of 90 is red, 100 needs two of three."""
    return ThresholdRule(
        id=f"{condition}.pressure_low",
        kind="blood_pressure",
        direction="below",
        red=(Limit("systolic", 90, "mm[Hg]"),),
        yellow=(Limit("systolic", 100, "mm[Hg]"),),
        yellow_persistence=TWO_OF_THREE,
        source="NEWS2 (Royal College of Physicians, 2017): systolic 90 mmHg or less scores 3, 91 to 100 scores 2",
        advice=msgid("Ask about dizziness and falls, then a second reading while seated."),
    )


def pressure_low_treated(condition: str) -> ThresholdRule:
    """For those whom treatment keeps low: red needs two readings in a row, yellow is in the middle of NEWS2's band."""
    return ThresholdRule(
        id=f"{condition}.pressure_low",
        kind="blood_pressure",
        direction="below",
        red=(Limit("systolic", 89, "mm[Hg]"),),
        yellow=(Limit("systolic", 95, "mm[Hg]"),),
        red_persistence=Persistence(2, 2),
        yellow_persistence=TWO_OF_THREE,
        source="ESC 2021, heart failure: under 90 mmHg is hypotension, here in two readings in a row; "
        "NEWS2 (Royal College of Physicians, 2017): 91 to 100 mmHg scores 2, of which treatment uses the upper half",
        advice=msgid("Ask about dizziness and falls, then a second reading while seated."),
    )


def pressure_average(condition: str) -> AverageRule:
    """The week's average, never a single reading."""
    return AverageRule(
        id=f"{condition}.pressure_average",
        kind="blood_pressure",
        direction="above",
        red=(),
        yellow=(Limit("systolic", 135, "mm[Hg]"), Limit("diastolic", 85, "mm[Hg]")),
        priority=Priority.LOW,
        source="NICE NG136: a home average of 135/85 mmHg or more over 4 to 7 days, the first left out, is stage 1",
        advice=msgid("Treatment may not be enough: look at the week's readings at the next review."),
    )


def pulse_high(condition: str, kind: str = "blood_pressure") -> ThresholdRule:
    """A single pulse of 131 is red, 111 needs two of three. ``kind`` is what the pulse is measured with."""
    return ThresholdRule(
        id=f"{condition}.pulse_high",
        kind=kind,
        direction="above",
        red=(Limit("pulse", 131, "/min"),),
        yellow=(Limit("pulse", 111, "/min"),),
        yellow_persistence=TWO_OF_THREE,
        source="NEWS2 (Royal College of Physicians, 2017): pulse 131 /min or more scores 3, 111 to 130 scores 2",
        advice=msgid("Ask for 5 minutes of rest, then a second reading."),
    )


def pulse_low(condition: str) -> ThresholdRule:
    """A single pulse of 40 is red."""
    return ThresholdRule(
        id=f"{condition}.pulse_low",
        kind="blood_pressure",
        direction="below",
        red=(Limit("pulse", 40, "/min"),),
        yellow=(),
        source="NEWS2 (Royal College of Physicians, 2017): pulse 40 /min or less scores 3",
        advice=msgid("Ask about dizziness and about tablets that slow the pulse, then a second reading."),
    )
