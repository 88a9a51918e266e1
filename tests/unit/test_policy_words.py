"""Every reason for which nobody is called has words: nobody is shown the name of a stage."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import hearthline_backend.alerting as alerting
from hearthline_backend.storage.records.alerts import AlertState
from hearthline_backend.web.views.policy_words import reason_words
from hearthline_protocol.readings import Quality

NOW = datetime(2026, 11, 22, 2, 12, tzinfo=UTC)
NEVER_DECIDES = {
    *("a_patients_own", "needs_somebody", "not_paused", "not_snoozed", "within_page_age", "judged_now"),
    *("red_is_never_quiet", "no_quiet_hours", "on_call", "worse_than_snoozed", "not_called_yet", "care_team"),
    *("intake_without_break", "questionable_counts_and_is_marked"),
}
"""Reasons of stages that only ever say yes with them."""


def _reasons(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """What the answers of a function may give as their reason."""
    assigned = {
        target.id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Answer":
            given = node.args[2]
            given = assigned.get(given.id, given) if isinstance(given, ast.Name) else given
            branches = [given.body, given.orelse] if isinstance(given, ast.IfExp) else [given]
            found |= {one.value for one in branches if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found


def test_every_reason_of_every_policy_has_words() -> None:
    found: set[str] = set()
    for path in Path(alerting.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found |= _reasons(node)
    assert {"snoozed", "late", "technician_only", "nobody_on_call"} <= found
    found |= {one.value for one in Quality if not one.judged}
    found |= {one.value for one in AlertState if one is not AlertState.OPEN}
    silent = {
        one
        for one in found - NEVER_DECIDES
        if reason_words({"reason": one, "detail": f"until {NOW.isoformat()}"}, NOW) == one.replace("_", " ")
    }
    assert silent == set()
