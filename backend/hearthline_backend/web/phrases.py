"""Sentences of the domain in the language of the person looking."""

from datetime import timedelta

from hearthline_backend.domain.phrases import Amount, Phrase, Said, span_parts
from hearthline_backend.web.figures import NBSP, number_text, unit_text
from hearthline_backend.web.language import _, n_


def say(phrase: Phrase) -> str:
    """The phrase with its numbers, by locale."""
    return _(phrase.msgid).format(**{name: _said(value) for name, value in phrase.values.items()})


def advised(advice: str) -> str:
    """What a rule advises, where several conditions share it each one's words."""
    return " ".join(_(line) for line in advice.split("\n"))


def _said(value: Said) -> str:
    if isinstance(value, Phrase):
        return say(value)
    if isinstance(value, Amount):
        return f"{number_text(float(value.rounded), value.decimals)}{NBSP}{unit_text(value.unit)}"
    if isinstance(value, timedelta):
        return span_text(value)
    if isinstance(value, tuple):
        return ", ".join(say(one) for one in value)
    return str(value)


def span_text(span: timedelta) -> str:
    """A time that a rule looks at: 3 days, 12 h."""
    parts = span_parts(span)
    if len(parts) == 1 and parts[0][1] == "d":
        return n_("{n} day", "{n} days", parts[0][0]).format(n=parts[0][0])
    return " ".join(f"{number}{NBSP}{unit}" for number, unit in parts)
