"""Broker and site held in turn (SIGSTOP): the operator is called once, told which hop it is, and once that all is
good."""

from pathlib import Path

import pytest

from tests.fixtures.backend_process import backend_process
from tests.fixtures.broker import running_broker
from tests.fixtures.stalled import hold, stalled
from tests.fixtures.watching import be_impatient, watching


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)


async def test_one_process_and_its_broker(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path / "broker") as broker,
        backend_process(tmp_path / "data", broker, command="serve", OPERATIONS_PORT="0") as backend,
    ):
        ready = f"http://127.0.0.1:{(await backend.said('answering_operations'))['port']}/readyz"
        async with watching(tmp_path, mqtt_url=broker.url, site_url=backend.url, ready_urls=(ready,)) as watched:
            await watched.good()
            assert watched.calls == [], "nobody is called for a start"
            broker.pause()
            await stalled(watched, broker.resume, "broker", "ready")
            await stalled(watched, hold(backend), "site", "ready", "receipt")
