"""What the decode command says: one JSON object a frame, errors in the same shape."""

import io
import json
from time import process_time
from typing import Any

import pytest

from hearthline_gateway.decode import decode_line, decode_stream, dump
from hearthline_gateway.gatt.characteristics import MEASUREMENTS
from hearthline_protocol.readings import Reading

_ALL = "1e ba00 7000 8900 ea07 0b 16 07 04 00 4e00 01 0400"


def _stream(text: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    decode_stream(io.StringIO(text), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_frame_in_the_profile_s_words_and_as_readings() -> None:
    assert decode_line("2A35", _ALL) == {
        "characteristic": "2A35",
        "measurement": {
            "systolic": 186,
            "diastolic": 112,
            "mean_arterial_pressure": 137,
            "unit": "mmHg",
            "time_stamp": "2026-11-22T07:04:00",
            "pulse_rate": 78,
            "user_id": 1,
            "measurement_status": {"raw": 4, "flags": ["irregular_pulse_detected"]},
        },
        "readings": [
            {
                "kind": "blood_pressure",
                "quality": "valid",
                "values": {
                    "systolic": _value(186, "mm[Hg]"),
                    "diastolic": _value(112, "mm[Hg]"),
                    "mean": _value(137, "mm[Hg]"),
                    "pulse": _value(78, "/min"),
                },
                "device_time": "2026-11-22T07:04:00",
                "flags": ["irregular_pulse"],
            }
        ],
    }


def _value(number: int, unit: str) -> dict[str, Any]:
    return {"value": number, "unit": unit, "as_measured": {"number": number, "unit": unit, "precision": 0}}


def test_specials_have_names_and_the_json_is_strict() -> None:
    answer = decode_line("2A35", "04 fe07 0208 0008 ff07")
    assert [answer["measurement"][name] for name in ("systolic", "diastolic", "mean_arterial_pressure")] == [
        "+INFINITY",
        "-INFINITY",
        "NRes",
    ]
    assert answer["measurement"]["pulse_rate"] == "NaN"
    (reading,) = answer["readings"]
    assert reading["quality"] == "beyond_high"
    assert reading["values"]["systolic"] == {"value": None, "unit": "mm[Hg]", "comparator": ">", "as_measured": None}
    assert "NaN" not in dump(answer).replace('"NaN"', "")


def test_a_reserved_status_and_reserved_flags_are_shown() -> None:
    measurement = decode_line("2A35", "f0 7800 5000 5d00 58ff")["measurement"]
    assert measurement["measurement_status"] == {"raw": 0xFF58, "flags": []}
    assert measurement["reserved_flags"] == 0xE0


def test_a_single_notification_of_a_stream_shows_its_readings_entry() -> None:
    (reading,) = decode_line("2A5F", "00 6200 4800")["readings"]
    assert (reading["kind"], reading["quality"], reading["device_time"]) == ("oxygen_saturation", "valid", None)


def test_what_measures_no_person_has_no_readings() -> None:
    assert decode_line("2A19", "57") == {"characteristic": "2A19", "measurement": {"level": 87}, "readings": []}


@pytest.mark.parametrize(
    "written", ["2A35", "2a35", "0x2A35", "0X2a35", "00002a35-0000-1000-8000-00805f9b34fb"], ids=str
)
def test_ways_to_write_a_characteristic(written: str) -> None:
    assert decode_line(written, _ALL)["characteristic"] == "2A35"


@pytest.mark.parametrize(
    "written", ["0062004800", "00 62 00 48 00", "00:62:00:48:00", "00-62-00-48-00", "0x0062004800"]
)
def test_ways_to_write_a_frame(written: str) -> None:
    assert decode_line("2A5E", written)["measurement"]["spo2"] == 98


@pytest.mark.parametrize(
    ("arguments", "characteristic", "kind", "missing"),
    [
        (("2A35", "004800"), "2A35", "TruncatedError", "diastolic"),
        (("2A35", ""), "2A35", "TruncatedError", "flags"),
        (("2AFF", "00"), "2AFF", "UnknownCharacteristicError", None),
        (("2A35", "0x"), "2A35", "TruncatedError", "flags"),
        (("2A35", "0g"), "2A35", "BadHexError", None),
        (("2A35", "004"), "2A35", "BadHexError", None),
        (("pressure", "00"), None, "BadUuidError", None),
        (("", "00"), None, "BadUuidError", None),
        (("2A35", "00", "no-such-meter"), "2A35", "UnknownModelError", None),
    ],
)
def test_errors_have_one_shape(
    arguments: tuple[str, ...], characteristic: str | None, kind: str, missing: str | None
) -> None:
    answer = decode_line(*arguments)
    assert answer.keys() == {"characteristic", "error"}
    assert answer["characteristic"] == characteristic
    assert (answer["error"]["type"], answer["error"]["missing"]) == (kind, missing)
    assert answer["error"]["message"]


def test_a_stream_answers_every_line_once() -> None:
    answers = _stream("2A5E 0062004800\n\n2A35\n2A35 004800 beurer-bm85\na b c d\n2A19 64")
    assert [answer.get("error", {}).get("type") for answer in answers] == [
        None,
        "BadLineError",
        "TruncatedError",
        "TruncatedError",
        "BadLineError",
        None,
    ]


def test_a_stream_honours_the_model_of_each_line() -> None:
    frame = "566a0047000000ea07080b121f00003f000000"
    plain, quirky = _stream(f"2A35 {frame}\n2A35 {frame} beurer-bm85\n")
    assert plain["measurement"]["pulse_rate"] != quirky["measurement"]["pulse_rate"] == 63


def test_a_stream_counts_its_errors() -> None:
    assert decode_stream(io.StringIO("2A19 64\n2A19\nx\n"), io.StringIO()) == 2


@pytest.mark.parametrize("characteristic", MEASUREMENTS)
def test_readings_entries_use_the_contract_s_field_names(characteristic: str) -> None:
    frame = "06" + "00" * 5 if characteristic == "2AA7" else "00" * 20  # the one whose first byte is its size
    answer = decode_line(characteristic, frame)
    for reading in answer["readings"]:
        assert reading.keys() <= Reading.model_fields.keys()


def test_five_thousand_lines_a_second() -> None:
    """The limit leaves room for a loaded machine: measured in the process's own time, usually a fifth of it."""
    lines = io.StringIO(f"2A35 {_ALL.replace(' ', '')}\n" * 5000)
    started = process_time()
    decode_stream(lines, io.StringIO())
    assert process_time() - started < 1.0
