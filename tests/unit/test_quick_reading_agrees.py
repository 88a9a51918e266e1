"""What the hot path takes, the contract's model takes with the same meaning, however the JSON is spelt."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.ingest.batch import read_batch
from hearthline_backend.ingest.quick_batch import quick_batch
from hearthline_backend.quick_reading import QuickReading
from hearthline_protocol.readings import Reading

NOW: Final = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
_VALUE: Final = {
    "value": "128.0",
    "unit": '"mm[Hg]"',
    "comparator": "null",
    "as_measured": '{"number": 128, "unit": "mm[Hg]", "precision": 0}',
}
_FIELDS: Final = {
    "id": '"019aa9f3-5e00-8000-8000-000000000001"',
    "kind": '"body_weight"',
    "quality": '"valid"',
    "flags": '["irregular_pulse"]',
    "device_time": '"2026-11-22T07:04:00"',
    "received_time": '"2026-11-22T07:30:00Z"',
    "effective_time": '"2026-11-22T07:29:55.250Z"',
    "clock_offset_s": "1.5",
    "time_quality": '"synced"',
    "live": "true",
    "sensor": '"C0:00:00:00:00:01"',
    "user_slot": "1",
    "sequence": "7",
    "characteristic": '"2A9D"',
    "model": '"test scale"',
    "synthetic": "false",
}
_TIMES: Final = (
    "2026-11-22T07:30:00+00:00", "2026-11-22t07:30:00z", "2026-11-22 07:30:00Z", "2026-11-22T07:30:60Z",
    "2016-12-31T23:59:60Z", "2026-11-22T07:30:00+25:00", "2026-11-22T07:30:00+23:59", "2026-11-22T07:30:00-00:00",
    "2026-11-22T07:30:00+0000", "2026-11-22T07:30:00+00", "2026-11-22T07:30Z", "2026-11-22T07:30:00.123456789Z",
    "2026-11-22T07:29:59.9999999Z", "2026-11-22T07:29:59.9999994Z", "2026-11-22T07:30:00.1234560Z",
    "2026-11-22T07:30:00.Z", "2026-11-22T07:30:00,5Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
    "0000-01-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T07:30:00",
    "2026-11-22T07:30:00\\u005a", "\\u0032026-11-22T07:30:00Z", " 2026-11-22T07:30:00Z", "2026-11-22T07:30:00Z\\n",
    "2026-11-22T07:30:00\u22120:00", "\uff12026-11-22T07:30:00Z", "9999-12-31T23:59:59Z",
    "1999-12-31T23:59:59.9999999Z", "1999-12-31T23:59:59.9999999+00:00", "2026-11-22T07:30:00.1234567+00:00",
    "2026-11-22",
)  # fmt: skip
_NUMBERS: Final = (
    "0", "-0", "-0.0", "1", "7.0", "7.5", "1e2", "1E2", "70e-1", "0.7e1", "01", "+7", ".5", "5.", "1e", "0x10",
    "255", "256", "-1", "-129", "128", "129", "4294967295", "4294967296", "18446744073709551616", "9" * 30, "9" * 400,
    "1e999", "-1e999", "1e308", "1e-999", "0.30000000000000004", "9007199254740993", "9007199254740993.0",
    "80.00000000000000000000000000001", "1.00000000000000011102230246251565404236316680908203125", "NaN", "Infinity",
    "-Infinity",
)  # fmt: skip
_TEXTS: Final = (
    '""', '"a"', '"mm[Hg]"', '"kg"', '"\\u006bg"', '"k\\u0067"', '"\\u0000"', '"a\x00b"', '"a\tb"', '"\x7f"',
    '"\\ud800"', '"\\udc00"', '"\\ud83d\\ude00"', '"\\ud800\\ud800"', '"\\x41"', '"\\/"', '"\\u12"',
    '"\U0001f600"', '"\uffff"',
    '"' + "a" * 80 + '"', '"' + "a" * 81 + '"', '"' + "\U0001f600" * 80 + '"', '"' + "\\ud83d\\ude00" * 81 + '"',
    '"valid"', '"v\\u0061lid"', '"VALID"', '"failed"', '"questionable"', '"not_patient"', '"beyond_high"', '"unknown"',
    '"received"', '"<"', '"\\u003e"', '"2a9d"', '"2A9D\\n"', '"2A9D5"', '"\uff12A9D"', '"c0:00:00:00:00:01"',
    '"2026-11-22T07:04:00Z"', '"2026-11-22T07:04:00\\n"', '"\uff12026-11-22T07:04:00"', '"0000-00-00T00:00:00"',
    '"99999-999-999T999:999:999"', '"019AA9F3-5E00-8000-8000-00000000000A"', '"019aa9f35e0080008000000000000001"',
    '"{019aa9f3-5e00-8000-8000-000000000001}"', '"urn:uuid:019aa9f3-5e00-8000-8000-000000000001"',
    '"019aa9f3-5e008000-8000-000000000001"',
)  # fmt: skip
_OTHER: Final = (
    "null", "true", "false", "[]", "{}", "[1]", '["a", "b"]', '[null]', '{"weight": {"value": 80, "unit": "kg"}}',
    '{"weight": {"value": null, "unit": "kg"}}',
    '{"weight": {"value": 80, "unit": "kg"}, "bmi": {"value": null, "unit": "kg/m2"}}',
    '{"weight": {"value": null, "unit": "kg", "comparator": ">"}}',
    '{"weight": {"value": 1, "value": 80, "unit": "kg"}}', '{"weight": 1, "weight": {"value": 80, "unit": "kg"}}',
    '{"number": 80, "unit": "kg", "precision": 1.0}', "[" * 2_000 + "]" * 2_000, "tru", "undefined", "'a'",
)  # fmt: skip
_TOKENS: Final = st.one_of(
    st.sampled_from(_TIMES).map(lambda text: f'"{text}"'),
    st.sampled_from(_NUMBERS),
    st.sampled_from(_TEXTS),
    st.sampled_from(_OTHER),
    st.floats(0, 500).map(repr),
    st.integers(-10, 600).map(str),
)
_NAMES: Final = st.sampled_from(
    [
        "kind",
        "k\\u0069nd",
        "\\u0076alue",
        "value",
        "Kind",
        "context",
        "window",
        "time_bounds",
        "x",
        "",
        "model",
        "\\ud800",
    ]
)
_GAPS: Final = st.sampled_from(["", " ", "\n", "\t \r\n"] * 4 + ["\x0b", "\u00a0", "/**/"])


@st.composite
def _object(draw: st.DrawFn, fields: dict[str, str]) -> str:
    """An object of these fields, some of them changed, left out, twice, renamed, in any order."""
    found = [[f'"{name}"', text] for name, text in fields.items()]
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 1, 2]))):
        one = draw(st.integers(0, len(found) - 1))
        match draw(st.sampled_from(["change", "change", "change", "remove", "twice", "rename", "swap"])):
            case "change":
                found[one][1] = draw(_TOKENS)
            case "remove" if len(found) > 1:
                del found[one]
            case "twice":
                found.insert(draw(st.integers(0, len(found))), [found[one][0], draw(_TOKENS)])
            case "rename":
                found[one][0] = f'"{draw(_NAMES)}"'
            case _:
                other = draw(st.integers(0, len(found) - 1))
                found[one], found[other] = found[other], found[one]
    gap = draw(_GAPS)
    return "{" + f",{gap}".join(f"{name}:{gap}{text}" for name, text in found) + f"{gap}}}"


@st.composite
def _payloads(draw: st.DrawFn) -> bytes:
    """A batch, spelt in every way that anybody could think of."""
    value = {"value": "80.5", "unit": '"kg"', "comparator": "null", "as_measured": draw(_object(_MEASURED))}
    values = {"weight": draw(_object(value))}
    if draw(st.booleans()):
        values["bmi"] = draw(_object({"value": "24", "unit": '"kg/m2"'}))
    fields = _FIELDS | {"values": draw(_object(values))}
    for name in ("received_time", "effective_time"):
        if draw(st.integers(0, 3)) == 0:
            fields[name] = f'"{draw(st.sampled_from(_TIMES))}"'
    readings = f"[{draw(_object(fields))}]"
    payload = bytearray(draw(_object({"schema": draw(st.sampled_from(["1", "2"])), "readings": readings})).encode())
    if draw(st.integers(0, 9)) == 0:
        payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
    return bytes(payload)


_MEASURED: Final = {"number": "80.5", "unit": '"kg"', "precision": "1"}


def _meaning(reading: Reading | QuickReading) -> dict[str, Any]:
    """Every field as what it means: the same for both models."""
    found = {name: getattr(reading, name) for name in QuickReading.__struct_fields__}
    found["device_time"] = None if reading.device_time is None else str(reading.device_time)
    found["received_time"] = reading.received_time.astimezone(UTC)
    found["effective_time"] = reading.effective_time.astimezone(UTC)
    found["values"] = {
        name: (
            repr(value.value),
            value.unit,
            value.comparator,
            value.as_measured and (repr(value.as_measured.number), value.as_measured.unit, value.as_measured.precision),
        )
        for name, value in reading.values.items()
    }
    return found


def _check(payload: bytes) -> int:
    """How many readings the hot path took; each of them is what the contract's model makes of it."""
    rows = quick_batch(payload, NOW)
    if rows is None:
        return 0
    rows = [(quick, body) for quick, body in rows if quick.sensor == "C0:00:00:00:00:01"]  # as the register has it
    if not rows:
        return 0
    batch = read_batch(payload, NOW)
    assert batch.refused == ()
    assert [_meaning(reading) for reading in batch.readings] == [_meaning(quick) for quick, _ in rows]
    for (quick, body), reading in zip(rows, batch.readings, strict=True):
        assert Reading.model_validate_json(body) == reading, "what is kept is read again as what it was"
        assert _meaning(quick) == _meaning(reading)
    return len(rows)


@given(payload=_payloads())
@settings(max_examples=2000, deadline=None)
def test_what_the_hot_path_takes_means_the_same_to_the_contract(payload: bytes) -> None:
    _check(payload)


def _with(name: str, text: str) -> bytes:
    fields = _FIELDS | {"values": '{"weight": {"value": 80.5, "unit": "kg"}}', name: text}
    reading = ", ".join(f'"{name}": {text}' for name, text in fields.items())
    return f'{{"schema": 1, "readings": [{{{reading}}}]}}'.encode()


@pytest.mark.parametrize("name", [*_FIELDS, "values"])
def test_every_spelling_of_every_field(name: str) -> None:
    texts = [f'"{text}"' for text in _TIMES] + [*_NUMBERS, *_TEXTS, *_OTHER]
    assert _check(_with("synthetic", "false")) == 1, "the hot path takes what is right"
    for text in texts:
        _check(_with(name, text))
