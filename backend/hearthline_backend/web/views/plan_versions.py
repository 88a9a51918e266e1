"""The history of a plan: which version, since when, by whom, why, and what it said otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from hearthline_backend.domain.plans import Plan
from hearthline_backend.web.language import _
from hearthline_backend.web.times import day_stamp
from hearthline_backend.web.views.plan_changes import change_lines


@dataclass(frozen=True, slots=True)
class Version:
    """One version. ``changes`` is empty of the first one."""

    time: str
    text: str
    reason: str
    changes: tuple[str, ...]


def versions(history: Sequence[Plan], now: datetime) -> tuple[Version, ...]:
    """The newest first."""
    changes = {after.version: change_lines(before, after) for before, after in pairwise(history)}
    return tuple(
        Version(
            day_stamp(plan.valid_from, now),
            _("Version {version}").format(version=plan.version)
            if plan.author is None
            else _("Version {version}, {who}").format(version=plan.version, who=plan.author),
            plan.reason,
            changes.get(plan.version, ()),
        )
        for plan in reversed(history)
    )
