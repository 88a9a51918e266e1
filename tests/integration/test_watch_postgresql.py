"""PostgreSQL held (SIGSTOP): the operator is called, /readyz says which store, and all is good again by itself."""

import json
from pathlib import Path

import pytest

from tests.fixtures.backend_process import backend_process
from tests.fixtures.broker import running_broker
from tests.fixtures.postgresql import migrated_database, running_postgresql
from tests.fixtures.stalled import stalled
from tests.fixtures.watching import be_impatient, watching


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)


async def test_records_that_do_not_answer_are_told_and_named_by_readyz(tmp_path: Path) -> None:
    with running_postgresql() as server:
        async with (
            running_broker(tmp_path / "broker") as broker,
            migrated_database(server) as url,
            backend_process(
                tmp_path / "data", broker, command="serve", OPERATIONS_PORT="0", RECORDS_URL=url
            ) as backend,
        ):
            operations = f"http://127.0.0.1:{(await backend.said('answering_operations'))['port']}"
            ready = (f"{operations}/readyz",)
            async with watching(tmp_path, mqtt_url=broker.url, site_url=backend.url, ready_urls=ready) as watched:
                await watched.good()
                server.hold()
                try:
                    await watched.until(lambda: bool(watched.calls))
                    status, text = await backend.get("/readyz", url=operations)
                except BaseException:
                    server.let_go()
                    raise
                failed = {one["check"]: one["next_step"] for one in json.loads(text)["checks"] if not one["ok"]}
                assert status == 503
                assert "records" in failed
                await stalled(watched, server.let_go, "receipt", "ready", "alert", "site", before=0)
