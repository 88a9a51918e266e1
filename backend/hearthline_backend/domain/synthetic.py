"""The watchdog's own rule: what a synthetic reading has to say so that an alert follows from it.

It is judged as any rule is, so that an answer proves judging. No person's heart beats so fast, and no patient's plan
has this rule.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from hearthline_backend.domain.evaluation import Evaluation, evaluate
from hearthline_backend.domain.observation import Observation, Observed
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Limit, ThresholdRule

KIND: Final = "heart_rate"
FIELD: Final = "rate"
UNIT: Final = "/min"
LIMIT: Final = 330.0
"""Per minute. A synthetic reading at or over it is answered by an alert; any other is only stored."""
RULE: Final = ThresholdRule(
    id="synthetic",
    kind=KIND,
    direction="above",
    red=(Limit(FIELD, LIMIT, UNIT),),
    yellow=(),
    source="Hearthline: the watchdog's reading",
    advice="",
)
_SINCE: Final = datetime(2000, 1, 1, tzinfo=UTC)


def hours_home(at: datetime) -> UUID:
    """Whose the synthetic readings of one hour are: nobody's, and an hour's own, so that an hour can be erased."""
    return uuid5(NAMESPACE_URL, f"hearthline:synthetic:{at.astimezone(UTC):%Y-%m-%dT%H}")


def alerting(readings: Iterable[Observed]) -> list[UUID]:
    """Which of these readings the rule fires at, in order of effective time."""
    plan = Plan(
        patient_id=hours_home(_SINCE),
        version=1,
        valid_from=_SINCE,
        conditions=(),
        rules=(RULE,),
        slots=(),
        reason="the watchdog's",
    )
    looked_at: Iterable[Evaluation] = evaluate([Observation.of(one) for one in readings], (plan,), RULE.id)
    return [one.observation.reading_id for one in looked_at if one.fired]
