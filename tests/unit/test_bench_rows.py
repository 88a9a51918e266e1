"""The rows every benchmark prints: the shape of their JSON and what is said of an aim."""

import json

import pytest

from bench.rows import Row, as_json, as_table, missed

ROWS = (Row("slow_s", 1.25, "s", aim=1.0), Row("quick_s", 0.123456, "s", aim=0.4), Row("size_mb", 57.17, "MB"))


def test_the_json_holds_the_rows_and_nothing_else() -> None:
    assert json.loads(as_json(ROWS)) == {
        "rows": [
            {"name": "slow_s", "value": 1.25, "unit": "s", "aim": 1.0, "ok": False},
            {"name": "quick_s", "value": 0.1235, "unit": "s", "aim": 0.4, "ok": True},
            {"name": "size_mb", "value": 57.17, "unit": "MB", "aim": None, "ok": None},
        ]
    }


def test_the_json_of_a_run_that_failed_has_no_row() -> None:
    assert json.loads(as_json(())) == {"rows": []}


@pytest.mark.parametrize(("value", "ok"), [(0.9999, True), (1.0, False), (1.00001, False)])
def test_an_aim_is_met_only_below_it(value: float, ok: bool) -> None:
    assert Row("time_s", value, "s", aim=1.0).ok is ok


def test_the_table_has_a_line_a_row_and_says_which_aim_was_missed() -> None:
    lines = as_table(ROWS).splitlines()
    assert [line.split()[0] for line in lines] == ["slow_s", "quick_s", "size_mb"]
    assert lines[0].endswith("aim < 1: MISSED")
    assert lines[1].endswith("aim < 0.4: met")
    assert lines[2].endswith("57.17 MB")
    assert missed(ROWS) == (ROWS[0],)
