"""The field ``kept``: a reading as its gateway said it, byte for byte, in less than a third of its characters.

The server's work grows with what it is sent, and much of a reading's JSON stands in every other one too. Each such
phrase is written as one control character: JSON has none, so that whatever a record holds, the way back is one. Records
of earlier releases are the JSON as it is, which means itself.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

_FREE: Final = [*range(0x01, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20)]
"""JSON has tab, line feed and carriage return, between its parts."""
_PHRASES: Final = (
    '{"gateway":"',
    '","stored_us":',
    ',"body":{"id":"',
    '","kind":"blood_pressure","quality":"valid","values":{"systolic":{"value":',
    '","kind":"body_weight","quality":"valid","values":{"weight":{"value":',
    '","quality":"valid","values":{"',
    '","kind":"',
    ',"unit":"mm[Hg]","comparator":null,"as_measured":{"number":',
    ',"unit":"mm[Hg]","precision":0}},"',
    '":{"value":',
    ',"unit":"',
    '","comparator":null,"as_measured":{"number":',
    '","precision":',
    '}}},"flags":[],"device_time":"',
    '","received_time":"',
    '","effective_time":"',
    '","clock_offset_s":',
    ',"time_quality":"',
    '","live":',
    ',"sensor":"',
    '","user_slot":null,"sequence":null,"characteristic":"',
    '","model":"',
    '","synthetic":false}',
    ',"unit":"mm[Hg]","as_measured":{"number":',
    ',"unit":"/min","as_measured":{"number":',
    '","as_measured":{"number":',
    '}}},"device_time":"',
    '","characteristic":"',
)
"""Each stands for what it always did, and none is ever changed. There is a sign for each, and none is left."""
_WORDS: Final = tuple((phrase, chr(sign)) for phrase, sign in zip(_PHRASES, _FREE, strict=True))
_PRESSURE, _WEIGHT = _PHRASES[3:5]
_OF_PRESSURE: Final = (*_WORDS[2:4], *_WORDS[7:23])
_OF_WEIGHT: Final = (_WORDS[2], _WORDS[4], *_WORDS[9:23])
"""What can be in a reading of this kind: to look for a phrase that is not there costs as much as to find it."""
_NULL: Final = '"comparator":null'
"""Gateways of earlier releases say what a reading does not say."""
_LEAN: Final = (*_WORDS[9:11], _WORDS[25], _WORDS[12], _WORDS[26], *_WORDS[14:20], _WORDS[27], _WORDS[21])
_LEAN_PRESSURE: Final = (*_WORDS[2:4], *_WORDS[23:25], _WORDS[8], *_LEAN)
_LEAN_WEIGHT: Final = (_WORDS[2], _WORDS[4], *_LEAN)
_KIND_AT: Final = len('{"id":"00000000-0000-8000-8000-000000000000')
_BLANKS: Final = bytes.maketrans(b"\n\r\t", b"   ")


class Kept(msgspec.Struct, frozen=True, gc=False):
    """``stored_us`` is the backend's clock in microseconds since 1970-01-01 UTC. ``at_us`` is there where the point's
    own time cannot say the effective time."""

    gateway: str
    stored_us: int
    body: msgspec.Raw
    at_us: int | None = None


_DECODER: Final = msgspec.json.Decoder(Kept)


@lru_cache(maxsize=4096)
def beginning(gateway: str) -> str:
    """How the records of a gateway begin, for between the quotes of a string field. The digits of ``stored_us`` follow,
    and :func:`end`."""
    return _in_quotes(f'{{"gateway":{msgspec.json.encode(gateway).decode()},"stored_us":')


def end(body: bytes, at_us: int | None = None) -> str:
    """How the record of a reading goes on behind its stored time, likewise.

    Line breaks become blanks: InfluxDB's CSV does not keep them.
    """
    if b"\n" in body or b"\r" in body or b"\t" in body:
        body = body.translate(_BLANKS)
    elsewhere = "" if at_us is None else f',"at_us":{at_us}'
    text, words = body.decode(), _WORDS
    if text.startswith(_PRESSURE, _KIND_AT):
        words = _OF_PRESSURE if _NULL in text else _LEAN_PRESSURE
    elif text.startswith(_WEIGHT, _KIND_AT):
        words = _OF_WEIGHT if _NULL in text else _LEAN_WEIGHT
    return _in_quotes(f'{elsewhere},"body":{text}}}', words)


def kept_record(text: str) -> Kept:
    """What a field says."""
    for phrase, sign in _WORDS:
        text = text.replace(sign, phrase)
    return _DECODER.decode(text)


def _in_quotes(text: str, words: Iterable[tuple[str, str]] = _WORDS) -> str:
    for phrase, sign in words:
        text = text.replace(phrase, sign)
    return text.replace("\\", "\\\\").replace('"', '\\"')
