"""The mail server is away for an hour: nobody who was to be called is missing, and what came twice says so."""

from pathlib import Path

from tests.crash.notifier_away import away
from tests.fixtures.records import Engine


async def test_an_hour_without_a_mail_server_costs_no_call(tmp_path: Path, records_engine: Engine) -> None:
    found = await away(tmp_path, records_engine, alerts=2)
    assert found.wrong == []
    assert found.calls == found.arrived == 2 * 3
    assert found.repeats >= 2, "the first call of each had arrived without our knowing"
