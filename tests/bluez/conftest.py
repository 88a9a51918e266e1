"""bluetoothd runs for the whole session; a failed test tells what it said meanwhile."""

import os
from collections.abc import Generator, Iterator
from typing import Any, Final

import pytest
import structlog

from tests.bluez.daemon import LOG, Daemon

IN_GUEST: Final = os.environ.get("HEARTHLINE_GUEST") == "1"
collect_ignore_glob = [] if IN_GUEST else ["test_*.py"]
"""The tests take over the machine's Bluetooth: they are for the guest alone."""
_SAID_BEFORE = pytest.StashKey[int]()


@pytest.fixture(scope="session", autouse=True)
def plain_log() -> None:
    """Short lines, with the milliseconds that matter here."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=True),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@pytest.fixture(scope="session", autouse=True)
def daemon() -> Iterator[Daemon]:
    """bluetoothd, running."""
    bluetoothd = Daemon()
    bluetoothd.start()
    yield bluetoothd
    bluetoothd.kill()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", f"nothing is skipped in the guest: {report.longrepr}"
    if call.when == "setup":
        item.stash[_SAID_BEFORE] = LOG.stat().st_size if LOG.exists() else 0
    elif report.failed:
        with LOG.open("rb") as log:
            log.seek(item.stash.get(_SAID_BEFORE, 0))
            report.sections.append(("bluetoothd", log.read().decode(errors="replace")))
    return report
