"""Logs name what went wrong and where, and never a value that a library's error repeats."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import BaseModel, ValidationError

from hearthline_backend.errors import HearthlineError
from hearthline_backend.logs import configure_logs


class _Model(BaseModel):
    number: int


@pytest.fixture
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_restored")
def test_an_exception_is_logged_without_the_values_it_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    log = structlog.get_logger("hearthline_backend.test")
    try:
        try:
            _Model.model_validate({"number": "Anna 186"})
        except ValidationError as error:
            raise HearthlineError("ours may speak") from error
    except HearthlineError:
        log.exception("it_failed", count=3)
    line = json.loads(capsys.readouterr().err.strip().splitlines()[-1])
    assert (line["event"], line["level"], line["count"]) == ("it_failed", "error", 3)
    assert "ours may speak" in line["exception"]
    assert "ValidationError" in line["exception"]
    assert __file__ in line["exception"]
    assert "Anna" not in line["exception"]


@pytest.mark.usefixtures("_restored")
def test_the_standard_librarys_warnings_take_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    logging.getLogger("elsewhere").warning("careful %s", "now")
    logging.getLogger("elsewhere").info("chatter")
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert json.loads(line)["event"] == "careful now"


@pytest.mark.usefixtures("_restored")
def test_what_is_bound_stands_in_every_line_and_level_and_form_are_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug", "json")
    log = structlog.get_logger("hearthline_backend.test")
    with structlog.contextvars.bound_contextvars(group=7):
        log.debug("batch_received", batch="one")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["group"], line["batch"], line["level"]) == ("batch_received", 7, "one", "debug")
    configure_logs("warning", "text")
    log = structlog.get_logger("hearthline_backend.test")
    log.info("chatter")
    log.warning("careful", count=2)
    (text,) = capsys.readouterr().err.strip().splitlines()
    assert not text.startswith("{")
    assert "careful" in text
    assert "count=2" in text
