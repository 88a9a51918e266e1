"""Words of the site: all of them can be translated, numbers carry units, ages and times read as the design says."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateRuntimeError, UndefinedError

import hearthline_backend.web as web_package
from hearthline_backend.domain.rules import ThresholdRule
from hearthline_backend.domain.templates import TEMPLATES
from hearthline_backend.web.figures import Figure, number_text, plain_figure, stepped_figure
from hearthline_backend.web.language import Language, speaking
from hearthline_backend.web.rendering import ENVIRONMENT
from hearthline_backend.web.times import age_text, footer_stamp, spoken_stamp, stamp, when
from hearthline_backend.web.views.findings import findings
from hearthline_protocol.readings import AsMeasured, Value
from tests.fixtures.readings import pressure

WEB = Path(web_package.__file__).parent
NOW = datetime(2026, 11, 22, 2, 12, tzinfo=UTC)
STOCKHOLM = Language.of("en", "Europe/Stockholm")
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_CLASSES = re.compile(r"\{% block main_class %\}.*?\{% endblock %\}")
_TAG = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)
_SPOKEN = re.compile(r'(?:aria-label|placeholder|title|alt)="([^"]*)"')
_SAME_EVERYWHERE = {"Hearthline", "kbd", "Esc", "Enter", "a", "r", "s", "n", "j", "k"}


@pytest.mark.parametrize("path", sorted((WEB / "templates").glob("*.html")), ids=lambda path: path.name)
def test_every_word_of_a_template_can_be_translated(path: Path) -> None:
    text = _JINJA.sub(" ", _CLASSES.sub("", path.read_text()))
    spoken = " ".join(_SPOKEN.findall(text))
    words = set(re.findall(r"[A-Za-z]{1,}", _TAG.sub(" ", text) + " " + spoken))
    assert words - _SAME_EVERYWHERE == set()


def test_every_text_is_found_by_the_translators_tools() -> None:
    found = []
    for path in sorted((WEB / "templates").glob("*.html")):
        options = {"trimmed": "false"}
        found += list(extract("jinja2.ext:babel_extract", BytesIO(path.read_bytes()), options=options))
    texts = {message if isinstance(message, str) else message[0] for _line, message, *_rest in found}
    assert "Acknowledge" in texts
    assert "Not an emergency service. If a life is in danger, call %(number)s." in texts
    python = set()
    for path in sorted(WEB.rglob("*.py")):
        for _line, message, *_rest in extract("python", BytesIO(path.read_bytes()), keywords={"_": None, "n_": (1, 2)}):
            python.add(message if isinstance(message, str) else message[0])
    assert "{n} red alert has nobody yet" in python
    assert len(texts | python) > 300


def test_a_value_without_its_unit_or_age_cannot_be_rendered() -> None:
    macros = ENVIRONMENT.from_string("{% import 'macros.html' as m %}{{ m.value(figure, at) }}")
    at = when(NOW - timedelta(minutes=8), NOW)
    assert "mmHg" in macros.render(figure=Figure("186/112", "mmHg"), at=at)
    assert "No value" in macros.render(figure=Figure("No value", ""), at=at)
    with pytest.raises(TemplateRuntimeError, match="without its unit"):
        macros.render(figure=Figure("186/112", ""), at=at)
    with pytest.raises(TemplateRuntimeError, match="without its age"):
        macros.render(figure=Figure("186/112", "mmHg"), at=None)
    with pytest.raises(UndefinedError):
        macros.render(figure=Figure("186/112", "mmHg"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (12, "12 s"),
        (89, "89 s"),
        (90, "1 min"),
        (8 * 60, "8 min"),
        (3 * 3600 + 60, "3 h"),
        (44 * 3600, "1 d 20 h"),
        (48 * 3600, "2 d"),
        (3 * 86400 + 3600, "3 d"),
        (19 * 86400, "19 d"),
        (-5, "0 s"),
    ],
)
def test_ages(seconds: int, text: str) -> None:
    assert age_text(timedelta(seconds=seconds)) == text.replace(" ", "\u00a0")


def test_minutes_count_where_silence_does() -> None:
    assert age_text(timedelta(hours=8, minutes=31), exact=True) == "8\u00a0h\u00a031\u00a0min"
    assert age_text(timedelta(hours=13, minutes=31), exact=True) == "13\u00a0h"


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000)))
def test_an_age_never_breaks_over_a_line(age: timedelta) -> None:
    assert " " not in age_text(age)


def test_times_are_told_in_the_zone_of_the_person_looking() -> None:
    with speaking(STOCKHOLM):
        assert stamp(NOW, NOW) == "03:12"
        assert stamp(NOW - timedelta(hours=20), NOW) == "Sat 21 Nov 07:12"
        assert stamp(NOW - timedelta(days=400), NOW) == "18 Oct 2025 04:12"
        assert spoken_stamp(NOW - timedelta(hours=20), NOW) == "Yesterday 07:12"
        assert spoken_stamp(NOW - timedelta(days=3), NOW) == "Thursday 19 November 03:12"
        assert footer_stamp(NOW) == "Sun 22 Nov 2026, 03:12, Stockholm time"
    with speaking(Language.of("es", "Europe/Madrid")):
        assert stamp(NOW - timedelta(hours=20), NOW) == "sáb 21 nov 07:12"


def test_numbers_are_written_by_locale_with_a_real_minus() -> None:
    with speaking(STOCKHOLM):
        assert number_text(1227, 0) == "1,227"
        assert number_text(-61, 0) == "−61"
        assert number_text(84.25, 1) == "84.2"
    with speaking(Language.of("sv", "Europe/Stockholm")):
        assert number_text(84.2, 1) == "84,2"


@pytest.mark.parametrize(
    ("kind", "field", "number", "text"),
    [
        ("glucose", "glucose", 53.9, "53.9 mg/dL"),
        ("glucose", "glucose", 180.0, "180 mg/dL"),
        ("body_weight", "weight", 1.36, "1.36 kg"),
        ("blood_pressure", "systolic", 0.5, "0.5 mmHg"),
        ("oxygen_saturation", "spo2", 92, "92 %"),
    ],
)
def test_a_limit_is_shown_as_it_was_set(kind: str, field: str, number: float, text: str) -> None:
    with speaking(STOCKHOLM):
        assert str(plain_figure(kind, field, number)).replace("\u00a0", " ") == text


def test_a_mean_is_shown_to_the_step_that_meters_print() -> None:
    with speaking(STOCKHOLM):
        assert stepped_figure("blood_pressure", "systolic", 121.62).number == "122"
        assert stepped_figure("body_weight", "weight", 80.27).number == "80.3"


@pytest.mark.parametrize(
    ("mmol", "stored", "lead", "rest"),
    [
        (3.0, 54.0, "", "Glucose 54 mg/dL is over the lower limit of 53.9 mg/dL."),
        (2.9, 52.2, "Glucose 52.2 mg/dL is 1.7 mg/dL under the red limit of 53.9 mg/dL.", ""),
    ],
)
def test_a_converted_value_and_its_limit_add_up(mmol: float, stored: float, lead: str, rest: str) -> None:
    red = next(one for one in TEMPLATES["diabetes_1"].rules if one.id == "diabetes_1.glucose_low")
    assert isinstance(red, ThresholdRule)
    only_red = replace(red, yellow=())
    measured = AsMeasured(number=mmol, unit="mmol/L", precision=1)
    reading = pressure(kind="glucose", values={"glucose": Value(value=stored, unit="mg/dL", as_measured=measured)})
    with speaking(STOCKHOLM):
        (found,) = findings(only_red, reading)
    assert (found.lead.replace("\u00a0", " "), found.rest.replace("\u00a0", " ")) == (lead, rest)
