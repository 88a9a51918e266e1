"""Every kind of rule against a second opinion: slow, and written from the reference alone."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.replaying import Replay
from hearthline_backend.replay.csv_readings import COLUMNS, CsvReadings
from hearthline_backend.replay.rules_file import parse_rules
from hearthline_backend.replay.running import Running, plan_of_rules
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Quality, Value
from tests.fixtures.rule_kinds import START, ZONE
from tests.fixtures.rule_oracle import Event, Measured, events

RuleTable = dict[str, Any]

WEIGHTS: Final = ("78", "79.3", "80", "80.36", "80.7", "81.36", "82", "83.1")
VALUES: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "body_weight": {"weight": WEIGHTS},
    "oxygen_saturation": {
        "spo2": ("82", "85", "88", "90", "91.5", "92", "92.4", "94", "97"),
        "pulse": ("38", "60", "95", "111", "140"),
    },
    "blood_pressure": {
        "systolic": ("85", "101", "131", "135", "139.5", "152", "165", "221"),
        "diastolic": ("60", "84", "84.9", "86", "95"),
    },
    "body_temperature": {"temperature": ("34.9", "35.04", "36.55", "38.05", "39.1")},
    "respiratory_rate": {"rate": ("8", "12", "21", "25")},
}
"""Numbers on both sides of every limit below, at it, and between two steps of a scale."""
QUALITIES: Final = (*["valid"] * 14, "questionable", "failed", "not_patient", "beyond_low", "beyond_high")
HOURS: Final = (1, 6, 12, 24, 30, 48, 96)


def spans(least: int = 1) -> st.SearchStrategy[int]:
    return st.sampled_from([one for one in HOURS if one >= least])


def hours(number: int) -> str:
    return f"{number // 24} d {number % 24} h" if number >= 24 else f"{number} h"


@st.composite
def levels(draw: st.DrawFn, field: str, unit: str, choices: Sequence[str], *, above: bool) -> RuleTable:
    """A red limit, a yellow one or both, some with a value at which they clear."""
    ranked = sorted((float(one) for one in choices), reverse=not above)
    low = draw(st.integers(1, len(ranked) - 2))
    found: RuleTable = {}
    asked = draw(st.sampled_from(["red", "yellow", "both", "both"]))
    for level, place in (("yellow", low), ("red", draw(st.integers(low + 1, len(ranked) - 1)))):
        if asked in (level, "both"):
            limit: RuleTable = {"field": field, "value": ranked[place], "unit": unit}
            if draw(st.booleans()):
                limit["clears"] = ranked[draw(st.integers(0, place - 1))]
            found[level] = [limit]
    return found


@st.composite
def general(draw: st.DrawFn, kind: str, look_back: int) -> RuleTable:
    rejoin = draw(st.sampled_from([0, *(one for one in HOURS if one <= look_back)]))
    return {
        "type": kind,
        "id": "rule",
        "source": "a test",
        "advice": "a test",
        "look_back": hours(look_back),
        "rejoin_within": hours(rejoin),
    }


@st.composite
def thresholds(draw: st.DrawFn) -> RuleTable:
    look_back, above = draw(spans(12)), draw(st.booleans())
    rule = draw(general("threshold", look_back))
    rule |= {"kind": "blood_pressure", "direction": "above" if above else "below"}
    for field in draw(st.sampled_from([("systolic",), ("diastolic",), ("systolic", "diastolic")])):
        more = draw(levels(field, "mm[Hg]", VALUES["blood_pressure"][field], above=above))
        for level, limits in more.items():
            rule[level] = [*rule.get(level, []), *limits]
    for level in ("red", "yellow"):
        m = draw(st.integers(1, 4))
        lasting = draw(st.sampled_from([0, 0, *(one for one in HOURS if one <= look_back)]))
        rule[f"{level}_persistence"] = {"n": draw(st.integers(1, m)), "m": m, "lasting": hours(lasting)}
    return rule


@st.composite
def changes(draw: st.DrawFn) -> RuleTable:
    based = draw(st.booleans())
    withins = draw(st.lists(spans(6), min_size=1, max_size=2, unique=True))
    span = draw(spans(12))
    rule = draw(general("change", max(withins) + span * based + 24))
    rule |= {
        "kind": "body_weight",
        "field": "weight",
        "direction": draw(st.sampled_from(["rises", "falls"])),
        "against": "baseline" if based else "window",
        "baseline_span": hours(span),
        "baseline_least": draw(st.integers(1, 4)),
        "clears_by": draw(st.sampled_from([0.0, 0.3])),
    }
    for within in withins:
        amount = draw(st.sampled_from([0.36, 0.7, 1.36]))
        for level in draw(st.sampled_from([("red",), ("yellow",), ("yellow", "red")])):
            one = {"amount": amount, "unit": "kg", "within": hours(within)}
            rule[level] = [*rule.get(level, []), one]
            amount += 0.64
    return rule


@st.composite
def averages(draw: st.DrawFn) -> RuleTable:
    days = draw(st.integers(2, 5))
    least = draw(st.integers(1, days))
    above = draw(st.booleans())
    rule = draw(general("average", days * 24 + 24))
    rule |= {"kind": "blood_pressure", "direction": "above" if above else "below"}
    for field in draw(st.sampled_from([("systolic",), ("systolic", "diastolic")])):
        for level, limits in draw(levels(field, "mm[Hg]", VALUES["blood_pressure"][field], above=above)).items():
            rule[level] = [*rule.get(level, []), *limits]
    rule["protocol"] = {
        "days": days,
        "least_days": least,
        "drop_days": draw(st.integers(0, least - 1)),
        "a_session": draw(st.integers(1, 2)),
        "apart": draw(st.sampled_from(["0 s", "1 min", "30 min"])),
        "noon": draw(st.sampled_from(["12:00:00", "10:00:00"])),
    }
    return rule


@st.composite
def moving_averages(draw: st.DrawFn) -> RuleTable:
    based, above = draw(st.booleans()), draw(st.booleans())
    span, usual = draw(spans(6)), draw(spans(12))
    rule = draw(general("moving_average", span + usual * based + draw(st.sampled_from([12, 48]))))
    rule |= {
        "kind": "body_weight",
        "field": "weight",
        "direction": "above" if above else "below",
        "span": hours(span),
        "least": draw(st.integers(1, 3)),
        "against": "baseline" if based else "limit",
        "baseline_span": hours(usual),
    }
    if based:
        return rule | draw(levels("weight", "kg", ("0.1", "0.5", "1", "1.5", "2"), above=True))
    return rule | draw(levels("weight", "kg", WEIGHTS, above=above))


@st.composite
def cusums(draw: st.DrawFn) -> RuleTable:
    rule = draw(general("cusum", draw(st.sampled_from([24, 96, 240]))))
    rule |= {
        "kind": "body_weight",
        "field": "weight",
        "direction": draw(st.sampled_from(["above", "below"])),
        "slack": draw(st.sampled_from([0.0, 0.3, 1.0])),
        "baseline_least": draw(st.integers(1, 4)),
    }
    return rule | draw(levels("weight", "kg", ("0.3", "0.7", "1.4", "3", "6"), above=True))


CROSSED: Final = st.sampled_from(
    [
        {
            "type": "crossed",
            "kind": "oxygen_saturation",
            "field": "spo2",
            "direction": "below",
            "value": 92,
            "unit": "%",
        },
        {
            "type": "crossed",
            "kind": "blood_pressure",
            "field": "systolic",
            "direction": "above",
            "value": 152,
            "unit": "mm[Hg]",
        },
    ]
)
CHANGED: Final = st.builds(
    lambda direction, amount: {
        "type": "changed",
        "kind": "body_weight",
        "field": "weight",
        "direction": direction,
        "amount": amount,
        "unit": "kg",
    },
    st.sampled_from(["rises", "falls"]),
    st.sampled_from([0.36, 1.36, 2.0]),
)
CONDITIONS: Final = st.recursive(
    CROSSED | CHANGED,
    lambda inner: st.builds(
        lambda word, parts: {"type": word, "parts": parts},
        st.sampled_from(["all", "any"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)


@st.composite
def combinations(draw: st.DrawFn) -> RuleTable:
    within = draw(spans(6))
    rule = draw(general("combination", within + 24)) | {"within": hours(within)}
    for level in draw(st.sampled_from([("red",), ("yellow",), ("yellow", "red")])):
        rule[level] = draw(CONDITIONS.filter(lambda one: _depth(one) <= 4))
    return rule


def _depth(condition: RuleTable) -> int:
    return 1 + max((_depth(part) for part in condition.get("parts", ())), default=0)


@st.composite
def scores(draw: st.DrawFn) -> RuleTable:
    within, yellow = draw(spans(6)), draw(st.sampled_from([1, 3, 5]))
    rule = draw(general("score", within + 24))
    rule |= {
        "scale": draw(st.sampled_from([1, 2])),
        "within": hours(within),
        "red_from": draw(st.sampled_from([6, 7, "never"])),
        "yellow_from": draw(st.sampled_from([yellow, "never"])),
        "yellow_single": draw(st.sampled_from([2, 3, "never"])),
    }
    if rule["red_from"] == rule["yellow_from"] == rule["yellow_single"] == "never":
        rule["yellow_single"] = 3
    oxygen = draw(st.sampled_from([None, True, False]))
    return rule if oxygen is None else rule | {"on_oxygen": oxygen}


RULES: Final = {
    "threshold": thresholds(),
    "change": changes(),
    "average": averages(),
    "moving_average": moving_averages(),
    "cusum": cusums(),
    "combination": combinations(),
    "score": scores(),
}
KINDS_OF: Final = {
    "threshold": ("blood_pressure",),
    "average": ("blood_pressure",),
    "score": ("oxygen_saturation", "blood_pressure", "body_temperature", "respiratory_rate"),
    "combination": ("body_weight", "oxygen_saturation", "blood_pressure"),
}


@st.composite
def series(draw: st.DrawFn, kinds: Sequence[str]) -> list[Measured]:
    """Readings that come in a rhythm of hours or of days, some of them at the very same time."""
    found: list[Measured] = []
    at, step = START, draw(st.sampled_from([15, 180, 720]))
    for number in range(draw(st.integers(1, 28))):
        at += timedelta(minutes=step * draw(st.integers(0, 4)))
        kind, quality = draw(st.sampled_from(sorted(kinds))), draw(st.sampled_from(QUALITIES))
        values = {name: draw(st.sampled_from(choices)) for name, choices in VALUES[kind].items()}
        if len(values) > 1 and draw(st.integers(0, 9)) == 0:
            del values[draw(st.sampled_from(sorted(values)))]
        if quality == "failed" or (quality.startswith("beyond") and draw(st.booleans())):
            values = {}
        elif quality.startswith("beyond"):
            name = draw(st.sampled_from(sorted(values)))
            values[name] = ("<" if quality == "beyond_low" else ">") + values[name]
        found.append(Measured(at, number, kind, quality, values))
    return draw(st.permutations(found))


def observed(one: Measured) -> Observation:
    fields = KINDS[one.kind].fields
    values = {
        name: Value(
            value=float(text.lstrip("<>")),
            unit=fields[name].unit,
            comparator=text[:1] if text[:1] in "<>" else None,
        )
        for name, text in one.values.items()
    }
    return Observation(UUID(int=one.number + 1), one.kind, Quality(one.quality), one.at, one.at, values)


def replayed(rule: RuleTable, readings: Sequence[Measured]) -> list[Event]:
    replay = Replay((plan_of_rules(parse_rules({"rules": [rule]}, "a test")),), ZONE)
    return [
        Event(one.at, one.turn.value, None if one.level is None else one.level.value)
        for reading in sorted((observed(one) for one in readings), key=lambda one: one.order)
        for one in replay.see(reading)
    ]


@pytest.mark.parametrize("kind", RULES)
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_every_rule_says_what_the_reference_says(kind: str, data: st.DataObject) -> None:
    rule = data.draw(RULES[kind])
    readings = data.draw(series(KINDS_OF.get(kind, ("body_weight",))))
    assert replayed(rule, readings) == events(rule, readings, ZONE)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.randoms(use_true_random=False))
def test_a_file_of_readings_in_any_order_tells_and_counts_them(data: st.DataObject, chance: Random) -> None:
    """As ``hearthline replay`` prints it: local times without offset, rows in any order, some twice."""
    rules = [data.draw(RULES[kind]) | {"id": kind} for kind in ("threshold", "combination", "change")]
    readings = _one_a_moment(data.draw(series(("blood_pressure", "body_weight", "oxygen_saturation"))))
    zone = ZoneInfo(ZONE)
    rows = [
        f"{one.at.astimezone(zone).isoformat()},{one.kind},{name},{text},{KINDS[one.kind].fields[name].unit}"
        for one in readings
        for name, text in one.values.items()
    ]
    rows += rows[::3]
    chance.shuffle(rows)
    read = CsvReadings.read([",".join(COLUMNS), *rows], zone)
    running = Running(plan_of_rules(parse_rules({"rules": rules}, "a test")), ZONE)
    lines = [json.loads(line) for line in running.events(read.readings())]
    summary = json.loads(running.summary(len(read.bad)))
    assert [one["time"] for one in lines] == sorted(one["time"] for one in lines)

    counted: dict[str, dict[str, int]] = {}
    for rule in rules:
        told = [one for one in lines if one["rule"] == rule["id"]]
        expected = events(rule, readings, ZONE)
        assert [(datetime.fromisoformat(one["time"]), one["event"]) for one in told] == [
            (one.at, "worsened" if one.event == "returned" else one.event) for one in expected
        ]
        assert all(one["level"] == its.level for one, its in zip(told, expected, strict=True) if its.level)
        worst: list[str] = []
        for one in expected:
            worst += [one.level or ""] if one.event == "opened" else []
            worst[-1] = "red" if one.level == "red" else worst[-1]
        if worst:
            counted[rule["id"]] = {level: worst.count(level) for level in ("yellow", "red") if level in worst}
    assert summary["episodes"] == counted
    assert (summary["readings"], summary["skipped"]) == (len(readings), 0)
    times = [one.at for one in readings]
    weeks = max((max(times) - min(times)) / timedelta(weeks=1), 1.0) if times else 1.0
    total = sum(sum(levels.values()) for levels in counted.values())
    assert summary["alerts_per_patient_week"] == pytest.approx(total / weeks, abs=0.0005)


def _one_a_moment(readings: Sequence[Measured]) -> list[Measured]:
    """Of each kind one at a time, with a value; of one time in the order of their kinds' names."""
    first = {(one.at, one.kind): one for one in readings if one.values}
    return [one._replace(number=sorted(KINDS).index(one.kind), quality="valid") for one in first.values()]
