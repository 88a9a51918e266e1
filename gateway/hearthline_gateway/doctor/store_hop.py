"""The store: whether the backend answers for what was sent."""

from datetime import datetime, timedelta
from typing import Final

from hearthline_gateway.ages import ago
from hearthline_gateway.control.messages import GatewayState, ProofStep
from hearthline_gateway.doctor.finding import Finding, State
from hearthline_protocol.messages import OutboxStatus

OVERDUE: Final = timedelta(seconds=60)
"""A receipt takes a second; what waits longer than this waits for somebody."""
_STEP: Final = "Look whether the backend runs and is connected to the same broker. The readings are safe here."


def receipts(outbox: OutboxStatus, state: GatewayState | None, now: datetime) -> Finding:
    """How old the last receipt is, while readings wait for one."""
    last = f"last receipt {ago(outbox.last_receipt, now)}"
    waiting = outbox.oldest_pending is not None and now - outbox.oldest_pending > OVERDUE
    silent = outbox.last_receipt is None or now - outbox.last_receipt > OVERDUE
    if waiting and silent:
        nobody = " Nobody at the broker reads what is sent." if state is not None and state.no_subscriber else ""
        words = f"{_waiting(outbox.pending)}, the oldest since {ago(outbox.oldest_pending, now)}; {last}.{nobody}"
        return Finding("store", "receipts", State.BROKEN, words, _STEP)
    return Finding("store", "receipts", State.OK, f"{_waiting(outbox.pending)}; {last}")


def proved(last: ProofStep) -> Finding:
    """How the marked reading ended."""
    if last.passed:
        return Finding("store", "proof", State.OK, f"a marked reading got its receipt in {last.seconds:.1f} s")
    hop = "store" if last.hop == "internet" else last.hop
    held = last.words.startswith("The backend keeps it aside")
    if held:
        return Finding(hop, "proof", State.SOON, last.words)
    return Finding(hop, "proof", State.BROKEN, last.words, _STEP if hop == "store" else None)


def _waiting(count: int) -> str:
    return "1 reading waits" if count == 1 else f"{count or 'no'} readings wait"
