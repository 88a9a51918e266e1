"""Why nobody was called: the policy's own reasons, in words for the care team."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hearthline_backend.web.language import _
from hearthline_backend.web.times import stamp

_UNTIL = "until "


def nobody_called(policy: Mapping[str, Any], now: datetime) -> str:
    """Nobody was called: the rule is snoozed until 09:00. Empty where somebody was, or will be at once.

    ``policy`` is what the policy decided, as an alert's history keeps it.
    """
    stages = policy.get("stages", ())
    if policy.get("call") is not None or not stages:
        return ""
    # After some a "no" leads to a stage of its own, which decides: a red that is late is a task.
    deciding = next((stage for stage in reversed(stages) if not stage["passes"]), stages[-1])
    return _("Nobody was called: {reason}.").format(reason=reason_words(deciding, now))


def called_all_the_same(policy: Mapping[str, Any], now: datetime) -> str:
    """Why a call went out although the rule is snoozed; empty where it is not."""
    for stage in policy.get("stages", ()):
        if stage["reason"] == "worse_than_snoozed":
            return _("Worse than what is snoozed until {time}: it came through.").format(time=_time(stage, now))
    return ""


def reason_words(stage: Mapping[str, Any], now: datetime) -> str:
    """One stage's reason, to stand after a colon."""
    words = {
        "failed": _("the reading has no value"),
        "not_patient": _("the reading is not of the patient"),
        "synthetic": _("it only tests the service"),
        "nothing_new": _("nothing new happened"),
        "eased": _("it is less bad than before"),
        "cleared": _("it is back within limits"),
        "returned": _("it is past its limit again, and somebody was called for it before"),
        "cleared_already": _("it was back within limits already"),
        "paused": _("the patient is away until {time}"),
        "snoozed": _("the rule is snoozed until {time}") if _time(stage, now) else _("the rule is snoozed"),
        "late": _("the reading is too old to be called as if it were now"),
        "time_unknown": _("nobody can say when it was measured"),
        "newer_reading_exists": _("it arrived late, and a newer reading exists. It is to be reviewed"),
        "another_reading_was_corrected": _("it was judged before, and only another reading was corrected"),
        "quiet_hours": _("it is yellow, and quiet hours last until {time}"),
        "nobody_on_call": _("nobody is on call"),
        "technician_only": _("a technician is told instead"),
        "called_before": _("somebody was called for it before"),
        "acknowledged": _("somebody has it"),
        "newest_of_its_kind": _("it arrived late"),
        "resolved": _("somebody has resolved it"),
        "withdrawn": _("later data took it back"),
    }
    text = words.get(stage["reason"])
    return stage["reason"].replace("_", " ") if text is None else text.format(time=_time(stage, now))


def _time(stage: Mapping[str, Any], now: datetime) -> str:
    detail = stage.get("detail") or ""
    return stamp(datetime.fromisoformat(detail.removeprefix(_UNTIL)), now) if detail.startswith(_UNTIL) else ""
