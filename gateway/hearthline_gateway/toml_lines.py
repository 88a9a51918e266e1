"""Where each setting stands in a TOML file: key path to line number, which :mod:`tomllib` does not tell.

Only for text that :mod:`tomllib` has accepted, so that nothing here has to judge it. Understands tables, arrays of
tables, dotted and quoted keys, inline tables and arrays over several lines.
"""

import json
import re
from typing import Final

Path = tuple[str | int, ...]

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE: Final = re.compile(r"[^,\]}\n#]*")
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_STRING: Final = re.compile(
    r"""
    \"{3} (?: \\. | [^\\] )*? \"{3,5}   # text over several lines, with escapes
    | '{3} .*? '{3,5}                    # the same, taken literally
    | \" (?: \\. | [^"\\\n] )* \"       # on one line, with escapes
    | ' [^'\n]* '                        # on one line, taken literally
    """,
    re.DOTALL | re.VERBOSE,
)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counts: dict[Path, int] = {}
        self.lines: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._array_header()
            elif self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> Path:
        line = self._line()
        self._at += 1
        table = self._resolve(self._key())
        self._expect("]")
        self.lines.setdefault(table, line)
        return table

    def _array_header(self) -> Path:
        line = self._line()
        self._at += 2
        key = self._key()
        self._expect("]]")
        array = (*self._resolve(key[:-1]), key[-1])
        number = self._counts.get(array, 0)
        self._counts[array] = number + 1
        table = (*array, number)
        self.lines.setdefault(array, line)
        self.lines[table] = line
        return table

    def _resolve(self, key: Path) -> Path:
        """A header's key with the number of the current element after every array of tables in it."""
        path: Path = ()
        for part in key:
            path = (*path, part)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = (*table, *self._key())
        self._expect("=")
        for end in range(len(table) + 1, len(path) + 1):
            self.lines.setdefault(path[:end], line)
        self._value(path)

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            quoted = _STRING.match(self._text, self._at)
            found = quoted or _BARE_KEY.match(self._text, self._at)
            if found is None:
                raise ValueError(f"line {self._line()}: a key was expected")
            parts.append(_unquoted(found[0]) if quoted else found[0])
            self._at = found.end()
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return tuple(parts)
            self._at += 1

    def _value(self, path: Path) -> None:
        self._skip(_SPACE)
        string = _STRING.match(self._text, self._at)
        if string is not None:
            self._at = string.end()
        elif self._text.startswith("[", self._at):
            self._array(path)
        elif self._text.startswith("{", self._at):
            self._inline_table(path)
        else:
            self._skip(_BARE_VALUE)

    def _array(self, path: Path) -> None:
        self._at += 1
        number = 0
        while not self._closes("]"):
            self.lines[*path, number] = self._line()
            self._value((*path, number))
            self._comma()
            number += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while not self._closes("}"):
            self._pair(path)
            self._comma()

    def _closes(self, end: str) -> bool:
        self._skip(_BLANK)
        if not self._text.startswith(end, self._at):
            return False
        self._at += 1
        return True

    def _comma(self) -> None:
        self._skip(_BLANK)
        if self._text.startswith(",", self._at):
            self._at += 1

    def _expect(self, mark: str) -> None:
        self._skip(_SPACE)
        if not self._text.startswith(mark, self._at):
            raise ValueError(f"line {self._line()}: {mark!r} was expected")
        self._at += len(mark)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found is not None else self._at

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1


def _unquoted(text: str) -> str:
    if text.startswith("'"):
        return text[1:-1]
    unescaped: str = json.loads(text)
    return unescaped


def toml_lines(text: str) -> dict[Path, int]:
    """The line of every key, table and array element in a valid TOML document, by its path from the top."""
    reader = _Reader(text)
    reader.document()
    return reader.lines
