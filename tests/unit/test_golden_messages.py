"""Messages of every released schema stay readable, and come out again as they went in."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from hearthline_backend.ingest.batch import read_batch
from hearthline_protocol.commands import Command, CommandReply
from hearthline_protocol.configuration import DesiredConfiguration, ReportedConfiguration
from hearthline_protocol.messages import GatewayStatus, ReadingsBatch, Receipt

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden"
MODELS: dict[str, type[BaseModel]] = {
    "readings": ReadingsBatch,
    "receipt": Receipt,
    "status": GatewayStatus,
    "command": Command,
    "reply": CommandReply,
    "desired": DesiredConfiguration,
    "reported": ReportedConfiguration,
}
FILES = sorted(GOLDEN.rglob("*.json"))


def test_there_is_one_of_each() -> None:
    assert {path.stem.split("-")[0] for path in FILES} == set(MODELS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_golden_message_still_means_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    model = MODELS[path.stem.split("-")[0]]
    message = model.model_validate_json(text)
    assert _said(json.loads(message.model_dump_json())) == _said(json.loads(text))


@pytest.mark.parametrize(
    "path", sorted(GOLDEN.rglob("readings*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_readings_name_the_oldest_schema_that_can_say_them(path: Path) -> None:
    batch = ReadingsBatch.model_validate_json(path.read_text(encoding="utf-8"))
    assert batch.schema_version == max(reading.schema_needed for reading in batch.readings)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("schema-2/readings*.json")), ids=lambda path: str(path.stem))
def test_the_backend_takes_every_reading_of_schema_2(path: Path) -> None:
    taken = read_batch(path.read_bytes(), datetime(2026, 11, 22, 7, tzinfo=UTC))
    assert taken.refused == ()
    assert taken.readings == ReadingsBatch.model_validate_json(path.read_bytes()).readings


def _said(content: Any) -> Any:
    """What a message says, without the fields that say nothing: later versions add some."""
    if isinstance(content, dict):
        return {name: _said(value) for name, value in content.items() if value not in (None, [], {}, 0, False)}
    return [_said(item) for item in content] if isinstance(content, list) else content
