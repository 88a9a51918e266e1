"""Line numbers for every key of a TOML file, whatever way it is written."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hearthline_gateway.toml_lines import Path, toml_lines

DOCUMENT = '''\
# a comment with [brackets] and "quotes"
title = "a # b"
[gateway]   # another
name = 'x' # and another
"quoted.key" = 1
net . "host name" = "h"
text = """
[not.a.table]
also = "no ""quotes"" here"
"""
raw = \'\'\'
x = [
\'\'\'
list = [
  1, # one
  { a = 1, b.c = "}" },
  [ 2, 3 ],
]
[[meters]]
address = "a"
[meters.options]
deep = true
[[meters]]
address = "b"
[[meters.slots]]
user = 1
[[meters.slots]]
user = 2
[last]
when = 2026-11-22T07:04:00Z
'''


def test_every_way_to_write_a_key() -> None:
    tomllib.loads(DOCUMENT)
    assert toml_lines(DOCUMENT) == {
        ("title",): 2,
        ("gateway",): 3,
        ("gateway", "name"): 4,
        ("gateway", "quoted.key"): 5,
        ("gateway", "net"): 6,
        ("gateway", "net", "host name"): 6,
        ("gateway", "text"): 7,
        ("gateway", "raw"): 11,
        ("gateway", "list"): 14,
        ("gateway", "list", 0): 15,
        ("gateway", "list", 1): 16,
        ("gateway", "list", 1, "a"): 16,
        ("gateway", "list", 1, "b"): 16,
        ("gateway", "list", 1, "b", "c"): 16,
        ("gateway", "list", 2): 17,
        ("gateway", "list", 2, 0): 17,
        ("gateway", "list", 2, 1): 17,
        ("meters",): 19,
        ("meters", 0): 19,
        ("meters", 0, "address"): 20,
        ("meters", 0, "options"): 21,
        ("meters", 0, "options", "deep"): 22,
        ("meters", 1): 23,
        ("meters", 1, "address"): 24,
        ("meters", 1, "slots"): 25,
        ("meters", 1, "slots", 0): 25,
        ("meters", 1, "slots", 0, "user"): 26,
        ("meters", 1, "slots", 1): 27,
        ("meters", 1, "slots", 1, "user"): 28,
        ("last",): 29,
        ("last", "when"): 30,
    }


def paths(value: Any, at: Path = ()) -> set[Path]:
    """Every path in what tomllib read."""
    found = {at} if at else set()
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found.union(*(paths(inner, (*at, key)) for key, inner in items))


SCALARS = st.one_of(st.integers(-9, 9).map(str), st.booleans().map(lambda flag: str(flag).lower()), st.just("1.5"))


def quoted(text: str) -> str:
    return (
        '"' + "".join(f"\\u{ord(char):04X}" if not char.isalnum() or ord(char) > 126 else char for char in text) + '"'
    )


TEXTS = st.text(alphabet=st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=8).map(quoted)
VALUES = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=3).map(lambda items: "[" + ",\n ".join(items) + "]"),
    max_leaves=5,
)
NAMES = st.text(alphabet="abcdef.[]#= ", min_size=1, max_size=5)
TABLES = st.dictionaries(NAMES, VALUES, max_size=4)


@given(sections=st.dictionaries(NAMES, TABLES, max_size=3), elements=st.lists(TABLES, max_size=3))
def test_every_key_that_tomllib_finds_has_its_line(
    sections: dict[str, dict[str, str]], elements: list[dict[str, str]]
) -> None:
    rows: list[str] = []
    expected: dict[Path, int] = {}
    for head, path, table in [
        *((f"[{quoted(name)}]", (name,), table) for name, table in sections.items()),
        *(("[[elements]]", ("elements", number), table) for number, table in enumerate(elements)),
    ]:
        rows.append(head)
        expected[path] = len(rows)
        for key, value in table.items():
            expected[*path, key] = len(rows) + 1
            rows += f"{quoted(key)} = {value} # note".split("\n")
    text = "\n".join(rows)
    lines = toml_lines(text)
    assert expected.items() <= lines.items()
    assert set(lines) == paths(tomllib.loads(text))
