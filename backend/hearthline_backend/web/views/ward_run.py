"""A backtest of the team's patients as the page shows it, on its way and at its end."""

from dataclasses import dataclass

from hearthline_backend.web.language import _, n_
from hearthline_backend.web.views.plan_preview import ComparedRule, Totals, compared, totals
from hearthline_backend.web.ward_backtests import RunState, WardRun, shared_rules


@dataclass(frozen=True, slots=True)
class WardView:
    """``total`` is 0 while it waits for its turn. ``totals`` and ``rules`` are there once it has ended."""

    token: str
    running: bool
    done: int
    total: int
    text: str
    totals: Totals | None
    rules: tuple[ComparedRule, ...]


def ward_run(run: WardRun) -> WardView:
    """How far it is, or what it found."""
    running = run.state is RunState.RUNNING
    ids = shared_rules(run.changes)
    rules = tuple(compared(one, run.found) for one in run.changes if one.rule.id in ids)
    return WardView(
        token=run.token,
        running=running,
        done=run.done,
        total=run.total or 0,
        text=_text(run),
        totals=None if running else totals(run.found, set(ids)),
        rules=() if running else rules,
    )


def _text(run: WardRun) -> str:
    if run.total is None and run.state is RunState.RUNNING:
        return _("Waits for its turn: another one is under way.")
    seen = n_("{done} of {n} patient looked at.", "{done} of {n} patients looked at.", run.total or 0).format(
        done=run.done, n=run.total or 0
    )
    if run.state is RunState.STOPPED:
        return _("Stopped. {seen} What follows is of these.").format(seen=seen)
    if run.state is RunState.FAILED:
        return _("The readings could not be fetched. {seen} Alerts are not affected. Try again later.").format(
            seen=seen
        )
    return seen
