"""Messages of every released schema stay readable, and come out again as they went in."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from hearthline_protocol.messages import GatewayStatus, ReadingsBatch, Receipt

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden"
MODELS: dict[str, type[BaseModel]] = {"readings": ReadingsBatch, "receipt": Receipt, "status": GatewayStatus}
FILES = sorted(GOLDEN.rglob("*.json"))


def test_there_is_one_of_each() -> None:
    assert {path.stem.split("-")[0] for path in FILES} == set(MODELS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_golden_message_still_means_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    model = MODELS[path.stem.split("-")[0]]
    message = model.model_validate_json(text)
    assert _said(json.loads(message.model_dump_json())) == _said(json.loads(text))


def _said(content: Any) -> Any:
    """What a message says, without the fields that say nothing: later versions add some."""
    if isinstance(content, dict):
        return {name: _said(value) for name, value in content.items() if value not in (None, [], {}, 0, False)}
    return [_said(item) for item in content] if isinstance(content, list) else content
