"""The gateway itself: does it run, does it know the time, has it room, is its outbox whole."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from hearthline_gateway.ages import ago
from hearthline_gateway.clock import clock_synchronised
from hearthline_gateway.control.messages import GatewayState
from hearthline_gateway.doctor.finding import Finding, State
from hearthline_gateway.outbox import rows
from hearthline_gateway.settings import GatewaySettings
from hearthline_protocol.messages import OutboxStatus

DISK_LOW_BYTES: Final = 500_000_000
DISK_FULL_BYTES: Final = 50_000_000
"""Below this SQLite's log and the system's own no longer fit beside each other for long."""
_CHECKED_WHOLE_BYTES: Final = 200_000_000
"""A larger outbox is not read from end to end: on a memory card that takes minutes."""


def free_bytes(folder: Path) -> int:
    """Room on the disk of a folder, or of the nearest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def process(state: GatewayState | None, not_reached: str | None, now: datetime) -> Finding:
    """``not_reached`` is why a gateway that may run cannot be asked."""
    if state is not None:
        since = ago(state.status.started_time, now)
        return Finding("gateway", "process", State.OK, f"release {state.status.version} runs, started {since}")
    if not_reached is not None:
        return Finding("gateway", "process", State.UNKNOWN, not_reached, "Run this with sudo, then look again.")
    return Finding(
        "gateway",
        "process",
        State.BROKEN,
        "no gateway runs here.",
        "systemctl start hearthline-gateway; why it ended: journalctl -u hearthline-gateway -n 50",
    )


def configuration(state: GatewayState) -> Iterator[Finding]:
    """What the backend wants, and whether it could be done; and what the gateway itself complains of."""
    problem = state.configuration.problem
    if problem is not None:
        yield Finding("gateway", "configuration", State.SOON, problem)
    for complaint in state.status.problems:
        if complaint != problem:
            yield Finding("gateway", "complaint", State.SOON, complaint)


def clock(
    settings: GatewaySettings, waiting_for_time: int, synchronised: Callable[[], bool | None] = clock_synchronised
) -> Finding:
    """Whether this machine knows the time. Readings that wait for it make that a break."""
    if synchronised() is True:
        return Finding("gateway", "clock", State.OK, "synchronised")
    if settings.gateway.trust_clock:
        return Finding("gateway", "clock", State.OK, "not synchronised, trusted by gateway.trust_clock")
    step = (
        "timedatectl status; switch the time service on: timedatectl set-ntp true, and let it out of the home's network"
    )
    if waiting_for_time:
        words = f"not synchronised, and {waiting_for_time} readings wait for the time."
        return Finding("gateway", "clock", State.BROKEN, words, step)
    return Finding("gateway", "clock", State.SOON, "not synchronised: meters' clocks are not set", step)


def disk(folder: Path, free: Callable[[Path], int] = free_bytes) -> Finding:
    """Room for the outbox."""
    room = free(folder)
    words = f"{room / 1e6:,.0f} MB free at {folder}"
    step = f"Make room on the disk of {folder}: journalctl --vacuum-size=100M; apt-get clean"
    if room < DISK_FULL_BYTES:
        return Finding("gateway", "disk", State.BROKEN, f"{words}: readings can soon not be kept.", step)
    if room < DISK_LOW_BYTES:
        return Finding("gateway", "disk", State.SOON, words, step)
    return Finding("gateway", "disk", State.OK, words)


def outbox(path: Path, status: OutboxStatus | None) -> Iterator[Finding]:
    """Whether the file is whole, and whether anything was lost. ``status`` is the running gateway's word."""
    try:
        there, readable = path.exists(), os.access(path, os.R_OK)
    except PermissionError:
        there, readable = True, False
    if not there:
        yield Finding("gateway", "outbox", State.UNKNOWN, f"there is no {path} yet: the gateway has not run")
        return
    if not readable:
        step = "Run with sudo: it is read by the gateway's user alone."
        yield Finding("gateway", "outbox", State.UNKNOWN, f"{path} may not be read", step)
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            found = "ok" if path.stat().st_size > _CHECKED_WHOLE_BYTES else _health(db)
            status = rows.status(db) if status is None else status
            lost = status.given_up or sum(int(rows.fact(db, f"dropped_for_{why}") or 0) for why in ("age", "space"))
    except sqlite3.Error as error:
        yield Finding(
            "gateway",
            "outbox",
            State.BROKEN,
            f"{path} cannot be read ({error}).",
            "Copy the file for support and restart the gateway: it sets a damaged outbox aside and begins a new one.",
        )
        return
    if found != "ok":
        step = "Copy the file for support and restart the gateway: it sets a damaged outbox aside and begins a new one."
        yield Finding("gateway", "outbox", State.BROKEN, f"{path} is damaged ({found}).", step)
    else:
        yield Finding(
            "gateway", "outbox", State.OK, f"whole; {status.pending} readings wait, {status.rejected} rejected"
        )
    if lost:
        words = f"{lost} readings were given up without a receipt, by age or for want of space"
        yield Finding("gateway", "loss", State.SOON, words, "Tell the care team; raise outbox.max_megabytes.")
    if status.set_aside:
        words = f"{status.set_aside} damaged outboxes lie beside {path}"
        yield Finding(
            "gateway", "set aside", State.SOON, words, "Send them to support; look at the memory card's health."
        )


def _health(db: sqlite3.Connection) -> str:
    return str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
