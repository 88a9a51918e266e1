"""Weight that rises faster than a body grows is water: shared by the conditions in which heart or kidneys fail."""

from datetime import timedelta
from typing import Final

from hearthline_backend.domain.change_rule import Change, ChangeRule
from hearthline_backend.domain.templates.template import msgid

_LATER: Final = timedelta(hours=6)
"""Nobody steps on the scale at the same minute every morning."""
_A_DAY: Final = timedelta(days=1) + _LATER
_THREE_DAYS: Final = timedelta(days=3) + _LATER


def weight_up(condition: str, source: str) -> ChangeRule:
    """2 kg in 3 days or 1.36 kg in a day, against the patient's own baseline. Yellow: it wants a call within the day,
    and is red only together with other signs."""
    return ChangeRule(
        id=f"{condition}.weight_up",
        kind="body_weight",
        field="weight",
        direction="rises",
        red=(),
        yellow=(Change(2.0, "kg", _THREE_DAYS), Change(1.36, "kg", _A_DAY)),
        against="baseline",
        clears_by=0.36,
        look_back=timedelta(days=21),
        rejoin_within=timedelta(days=3),
        source=source,
        advice=msgid("Ask about breathlessness, swelling and missed water tablets; weigh again tomorrow morning."),
    )
