"""What was measured, and digits that pair a meter, do not stand in the words of an error: those end up in logs."""

import json
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel, ValidationError

from hearthline_protocol.commands import Command, Pair
from hearthline_protocol.readings import Reading

READING: dict[str, Any] = {"kind": "blood_pressure", "values": {"systolic": {"value": "186.25", "unit": 7}}}
COMMAND: dict[str, Any] = {
    "id": str(uuid4()),
    "sent_time": "no time",
    "expires_time": "2026-11-22T07:00:00Z",
    "work": {"do": "pair", "address": "A4:C1:38:01:02:03", "model": "x", "passkey": 7654321},
}


@pytest.mark.parametrize(
    ("model", "content", "secret"),
    [(Reading, READING, "186.25"), (Command, COMMAND, "7654321"), (Pair, COMMAND, "76543")],
)
def test_a_refusal_names_the_field_and_not_what_stood_there(
    model: type[BaseModel], content: dict[str, Any], secret: str
) -> None:
    for given in (content, {"values": content, "work": content}):
        with pytest.raises(ValidationError) as refused:
            model.model_validate_json(json.dumps(given))
        assert secret not in str(refused.value)
