"""The record of a reading in InfluxDB: byte for byte what was said, however it is written."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.storage.influxdb import kept_record
from tests.fixtures.readings import pressure

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
_GOLDEN = (
    "\x01home-0001\x021795427269119831\x03019c0000-0000-8000-8000-000000000001\x04126.0\x08126.0\x0bdiastolic\x0c78.0"
    "\x0878.0\x0bpulse\x0c67.0\x0e/min\x0f67.0\x0e/min\x100\x112026-11-23T05:38:19\x122026-11-23T05:38:19Z\x13"
    "2026-11-23T05:38:19Z\x140.0\x15synced\x16true\x17C2:48:4C:B0:00:00\x182A35\x19cuff\x1a}"
)
_LEAN = (
    "\x01home-0001\x021795427269119831\x03019c0000-0000-8000-8000-000000000001\x04126.0\x1b126.0\x0bdiastolic\x0c78.0"
    "\x1b78.0\x0bpulse\x0c67.0\x1c67.0\x0e/min\x100\x1e2026-11-23T05:38:19\x122026-11-23T05:38:19Z\x13"
    '2026-11-23T05:38:19Z\x140.0\x15synced\x16true\x17C2:48:4C:B0:00:00\x1f2A35\x19cuff"}}'
)
"""The same of a gateway that leaves out what a reading does not say."""


def _field(gateway: str, stored_us: int, body: bytes, at_us: int | None = None) -> str:
    """What stands between the quotes of the field."""
    return f"{kept_record.beginning(gateway)}{stored_us}{kept_record.end(body, at_us)}"


def _read(field: str) -> str:
    """As InfluxDB reads it: a backslash says that a quote or a backslash follows."""
    return re.sub(r"\\([\"\\])", r"\1", field)


@given(gateway=_text, model=_text, said=st.sampled_from([False, True]), at_us=st.none() | st.integers())
def test_a_record_gives_back_every_byte(gateway: str, model: str, at_us: int | None, *, said: bool) -> None:
    body = pressure(model=model, flags=(model,)).model_dump_json(exclude_defaults=said).encode()
    kept = kept_record.kept_record(_read(_field(gateway, 7, body, at_us)))
    assert (kept.gateway, kept.stored_us, bytes(kept.body), kept.at_us) == (gateway, 7, body, at_us)


@given(_text)
def test_a_text_that_looks_like_a_record_is_only_a_text(text: str) -> None:
    body = json.dumps({"model": f'{text}","synthetic":false}}{text}'}).encode()
    assert bytes(kept_record.kept_record(_read(_field("home-0001", 7, body))).body) == body


def test_a_record_that_is_the_json_itself_is_read_too() -> None:
    body = pressure().model_dump_json()
    kept = kept_record.kept_record(f'{{"gateway":"home-0001","stored_us":7,"body":{body}}}')
    assert (kept.gateway, kept.stored_us, bytes(kept.body)) == ("home-0001", 7, body.encode())


@pytest.mark.parametrize("record", [_GOLDEN, _LEAN])
def test_a_record_on_a_disk_is_read_for_ever(record: str) -> None:
    kept = kept_record.kept_record(record)
    said = json.loads(bytes(kept.body))
    assert (kept.gateway, kept.stored_us) == ("home-0001", 1795427269119831)
    assert {name: one["as_measured"]["number"] for name, one in said["values"].items()} == {
        "systolic": 126.0,
        "diastolic": 78.0,
        "pulse": 67.0,
    }
    assert (said["sensor"], said["characteristic"], said["model"]) == ("C2:48:4C:B0:00:00", "2A35", "cuff")
    assert _read(_field("home-0001", 1795427269119831, bytes(kept.body))) == record


@pytest.mark.parametrize("lean", [False, True])
def test_a_gateway_s_reading_takes_less_than_half_of_its_json(*, lean: bool) -> None:
    reading = pressure(model="A cuff", device_time="2026-11-23T05:38:19")
    body = reading.model_dump_json(exclude_defaults=lean).encode()
    assert len(_field("home-0001", 1795427269119831, body)) < len(body) / 2
