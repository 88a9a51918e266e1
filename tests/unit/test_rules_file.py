"""Rules in a file: each documented example works as it says, and what is wrong is told by rule and field."""

import json
from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.templates import TEMPLATES
from hearthline_backend.replay.csv_readings import CsvReadings
from hearthline_backend.replay.rules_file import TYPES, RulesFileError, parse_rules, read_rules
from hearthline_backend.replay.running import Running, plan_of_rules
from hearthline_backend.storage.records.plan_content import PlanContent
from scripts.reference import PAGES

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "rules"
NOT_OF_READINGS = {"missing", "technical"}
LIMIT = {"field": "glucose", "value": 54, "unit": "mg/dL"}
RULE = {
    "type": "threshold",
    "id": "low",
    "kind": "glucose",
    "direction": "below",
    "red": [LIMIT],
    "source": "s",
    "advice": "a",
}


def events(name: str) -> Iterator[dict[str, object]]:
    (rule,) = read_rules(EXAMPLES / f"{name}.toml")
    zone = ZoneInfo("Europe/Madrid")
    found = CsvReadings.read((EXAMPLES / f"{name}.csv").read_text().splitlines(), zone)
    for line in Running(plan_of_rules([rule]), zone.key).events(found.readings()):
        yield json.loads(line)
    assert found.bad == []


@pytest.mark.parametrize("name", TYPES)
def test_there_is_an_example_of_every_kind_and_it_stands_in_the_reference(name: str) -> None:
    text = (EXAMPLES / f"{name}.toml").read_text()
    (rule,) = read_rules(EXAMPLES / f"{name}.toml")
    assert rule.type == name
    assert text in PAGES["rules.md"]()


@pytest.mark.parametrize("name", sorted(TYPES.keys() - NOT_OF_READINGS))
def test_every_example_opens_an_episode_once_on_its_readings(name: str) -> None:
    assert [one["event"] for one in events(name)].count("opened") == 1


def test_what_no_reading_fires_is_told_from_what_readings_fire() -> None:
    (missing,), (battery,) = (read_rules(EXAMPLES / f"{name}.toml") for name in sorted(NOT_OF_READINGS))
    assert not isinstance(missing, ReadingRule)
    assert not isinstance(battery, ReadingRule)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda one: one.name)
def test_the_rules_of_every_template_can_be_written_as_a_file(template: object, tmp_path: Path) -> None:
    rules = plan_of_rules(template.rules)  # type: ignore[attr-defined]  # a Template
    content = {"rules": PlanContent.of(rules).as_json()["rules"]}
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(content))
    assert read_rules(path) == rules.rules


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("3 d", timedelta(days=3)),
        ("1 d 6 h", timedelta(days=1, hours=6)),
        ("36h", timedelta(hours=36)),
        ("PT90M", timedelta(minutes=90)),
        ("P3DT6H", timedelta(days=3, hours=6)),
    ],
)
def test_times_have_units(written: str, meant: timedelta) -> None:
    (rule,) = parse_rules({"rules": [RULE | {"look_back": written, "rejoin_within": "1 h"}]}, "f")
    assert isinstance(rule, ReadingRule)
    assert rule.look_back == meant


def test_toml_has_times_of_day_and_never(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        (EXAMPLES / "average.toml").read_text().replace('"12:00:00"', "13:30:00")
        + (EXAMPLES / "score.toml").read_text().replace("yellow_from = 5", 'yellow_single = "never"')
    )
    average, score = read_rules(path)
    assert isinstance(average, AverageRule)
    assert average.protocol.noon == time(13, 30)
    assert isinstance(score, ScoreRule)
    assert score.yellow_single is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "thresold"}, "rule 1 (low), expected a type of threshold, change"),
        ({"red": [LIMIT | {"value": "54"}]}, 'rule 1 (low), red 1 value: expected a number, not "54"'),
        ({"red": [{"field": "glucose", "value": 54}]}, "rule 1 (low), red 1 unit: is missing"),
        ({"red": [LIMIT | {"unit": "mmol/L"}]}, "rule low: glucose is in mg/dL, the limit in mmol/L"),
        ({"red": [LIMIT | {"value": 5400}]}, "lies between 1 and 2000 mg/dL"),
        ({"red": LIMIT}, "rule 1 (low), red: expected a list"),
        ({"red": [LIMIT | {"valu": 3}]}, "red 1 valu: is no field here"),
        ({"kind": "mood"}, "kind 'mood' is not in the table of kinds"),
        ({"direction": "under"}, "direction: expected 'above' or 'below', not \"under\""),
        ({"look_back": 7}, 'look_back: expected a time with its unit, such as "3 d", "36 h" or "P3D", not 7'),
        ({"look_back": "a week"}, "look_back: expected a time with its unit"),
        ({"look_back": "900 d"}, "a look-back lies between 1 hour and 90 days"),
        ({"source": None}, "source: expected a text in quotes"),
        ({"red": []}, "needs at least one limit"),
        ({"priority": "urgent"}, "priority: expected 'high', 'medium', 'low' or 'info'"),
    ],
)
def test_what_is_wrong_is_told_by_rule_and_field(change: dict[str, object], message: str) -> None:
    with pytest.raises(RulesFileError) as error:
        parse_rules({"rules": [RULE | change]}, "rules.toml")
    assert message in str(error.value)
    assert str(error.value).startswith("rules.toml: rule 1 (low)")


def test_every_error_of_a_file_is_told_at_once() -> None:
    wrong = [RULE | {"direction": "up"}, RULE | {"id": "other", "source": 3}, RULE]
    with pytest.raises(RulesFileError) as error:
        parse_rules({"rules": wrong}, "f")
    assert [line.split(",")[0] for line in str(error.value).splitlines()] == ["f: rule 1 (low)", "f: rule 2 (other)"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"type": "crossing", "kind": "glucose"}, "red: expected a type of crossed, changed, all, any"),
        ({"type": "all", "parts": [{"type": "crossed", "kind": "glucose"}]}, "red parts 1 field: is missing"),
        ({"type": "all", "parts": []}, "needs at least one part"),
    ],
)
def test_a_condition_is_told_by_what_it_was_meant_to_be(condition: object, message: str) -> None:
    rule = {"type": "combination", "id": "both", "red": condition, "within": "3 d", "source": "s", "advice": "a"}
    with pytest.raises(RulesFileError) as error:
        parse_rules({"rules": [rule]}, "f")
    assert message in str(error.value)
    assert "AllOf" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "a list named rules"),
        ([RULE], "a list named rules"),
        ({"rules": []}, "at least one rule"),
        ({"rules": [RULE], "rule": []}, "rule is not known beside rules"),
        ({"rules": [RULE, RULE]}, "the rule low is there twice"),
        ({"rules": ["low"]}, "rule 1, expected"),
    ],
)
def test_a_file_that_is_no_list_of_rules_is_refused(content: object, message: str) -> None:
    with pytest.raises(RulesFileError, match=message):
        parse_rules(content, "f")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rules.toml", b"[[rules]", "is no TOML"),
        ("rules.json", b"{", "is no JSON"),
        ("rules.yaml", b"rules: []", "a .toml or a .json file"),
        ("rules.toml", b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_apart(tmp_path: Path, name: str, text: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(text)
    with pytest.raises(RulesFileError, match=message):
        read_rules(tmp_path / name)
    with pytest.raises(RulesFileError, match=r"cannot be read: No such file"):
        read_rules(tmp_path / "none.toml")


def test_a_change_keeps_its_times() -> None:
    (rule,) = read_rules(EXAMPLES / "change.toml")
    assert isinstance(rule, ChangeRule)
    assert [one.within for one in rule.yellow] == [timedelta(days=3, hours=6), timedelta(days=1, hours=6)]


@pytest.mark.parametrize(
    ("field", "given", "words"),
    [
        ("id", "", "rule 1, id: expected some words"),
        ("source", " ", "rule 1, source: expected some words"),
        ("advice", "", "rule 1, advice: expected some words"),
        ("look_back", "12:00", 'rule 1 (low), look_back: expected a time with its unit, such as "3 d"'),
        ("look_back", [], "rule 1 (low), look_back: expected a time with its unit"),
        ("look_back", ["3 d", "4 d"], "rule 1 (low), look_back: expected a time with its unit"),
        ("look_back", "-3 d", "rule 1 (low), look_back: expected a time with its unit"),
    ],
)
def test_what_looks_like_a_word_or_a_time_and_is_none_is_refused(field: str, given: object, words: str) -> None:
    with pytest.raises(RulesFileError) as refused:
        parse_rules({"rules": [RULE | {field: given}]}, "a file")
    assert words in str(refused.value)
