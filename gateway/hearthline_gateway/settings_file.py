"""Reads the settings from one TOML file and the environment, and finds every problem at once, each with its place.

An environment variable ``HEARTHLINE_GATEWAY__SECTION__SETTING`` takes the place of what the file says; a whole section
or the list of meters may be given as JSON in ``HEARTHLINE_GATEWAY__SECTION``.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hearthline_gateway.errors import GatewayError
from hearthline_gateway.settings import GatewaySettings
from hearthline_gateway.settings_table import PREFIX, Setting, section_of, settings_table
from hearthline_gateway.toml_lines import toml_lines

DEFAULT_FILE: Final = Path("/etc/hearthline/gateway.toml")
FILE_VARIABLE: Final = "HEARTHLINE_GATEWAY_CONFIG"
_AT_LINE: Final = re.compile(r"(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_CREDENTIALS: Final = re.compile(r"//[^/]*@")

_Loc = tuple[str | int, ...]


class SettingsError(GatewayError):
    """The settings cannot be used; ``problems`` names each with its place and what was expected."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def load_settings(file: Path | None, environment: Mapping[str, str]) -> GatewaySettings:
    """The settings from ``file``, else from the file that ``HEARTHLINE_GATEWAY_CONFIG`` names, else from
    ``/etc/hearthline/gateway.toml``. Raises :class:`SettingsError` with all problems."""
    named = environment.get(FILE_VARIABLE)
    asked = file or (Path(named) if named else None)
    sources = _Sources(asked or DEFAULT_FILE, needed=asked is not None or not _variables(environment))
    sources.add_environment(environment)
    settings, problems = sources.checked()
    if settings is None or problems:
        raise SettingsError(problems)
    return settings


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in sorted(environment.items()) if name.upper().startswith(PREFIX)}


class _Sources:
    """The merged values, and where each came from."""

    def __init__(self, file: Path, *, needed: bool) -> None:
        self.file = file
        self.values: dict[str, Any] = {}
        self.problems: list[str] = []
        self._lines: dict[_Loc, int] = {}
        self._origins: dict[_Loc, str] = {}
        self._read(needed=needed)

    def _read(self, *, needed: bool) -> None:
        try:
            text = self.file.read_text(encoding="utf-8")
            self.values = tomllib.loads(text)
        except FileNotFoundError as error:
            if not needed:
                return
            raise SettingsError(
                (f"there is no settings file {self.file}: write one, or name yours by --config or {FILE_VARIABLE}",)
            ) from error
        except OSError as error:
            raise SettingsError(
                (f"{self.file} cannot be read ({error.strerror}): let the gateway's user read it",)
            ) from error
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise SettingsError(
                (f"{self.file.name} line {line}: expected UTF-8 text; save the file as UTF-8",)
            ) from error
        except tomllib.TOMLDecodeError as error:
            raise SettingsError((self._broken(str(error)),)) from error
        self._lines = toml_lines(text)

    def _broken(self, message: str) -> str:
        found = _AT_LINE.fullmatch(message)
        if found is None:
            return f"{self.file.name} is not valid TOML: {message}"
        reason, line, column = found.groups()
        if line is None:
            return f"{self.file.name}, at its end: not valid TOML: {reason}"
        return f"{self.file.name} line {line}, column {column}: not valid TOML: {reason}"

    def add_environment(self, environment: Mapping[str, str]) -> None:
        """Let the variables take the place of what the file says."""
        for name, value in _variables(environment).items():
            loc = tuple(name[len(PREFIX) :].lower().split("__"))
            self._origins[loc] = name
            if len(loc) > 1:
                self._put(loc, value)
                continue
            try:
                self.values[loc[0]] = json.loads(value)
            except json.JSONDecodeError:
                if loc[0] in GatewaySettings.model_fields:
                    self.problems.append(f"{name}: expected the whole of [{loc[0]}] as JSON")
                else:
                    self.values[loc[0]] = value

    def _put(self, loc: tuple[str, ...], value: str) -> None:
        table: Any = self.values
        for part in loc[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                self.problems.append(f"{self._origins[loc]}: {_dotted(loc[:-1])} is not a section; remove the variable")
                return
        table[loc[-1]] = value

    def checked(self) -> tuple[GatewaySettings | None, tuple[str, ...]]:
        """The settings, if they are good, and every problem."""
        try:
            settings = GatewaySettings.model_validate(self.values, context={"folder": self.file.parent})
        except ValidationError as error:
            found = [problem for details in error.errors() for problem in self._problems_of(details)]
            return None, (*self.problems, *found)
        return settings, tuple(self.problems)

    def _problems_of(self, details: ErrorDetails) -> list[str]:
        loc: _Loc = tuple(details["loc"])
        kind = details["type"]
        if kind == "missing":
            return [self._missing(setting, loc) for setting in _needed(loc)]
        if kind == "extra_forbidden":
            return [self._unknown(loc)]
        setting = _setting_at(loc)
        if setting is None:
            return [self._of_section(loc, details)]
        return [f"{self._place(loc)}: {self._called(loc)}expected {setting.expected}{_got(setting, details)}"]

    def _of_section(self, loc: _Loc, details: ErrorDetails) -> str:
        where = f"{self._place(loc)}: " + (f"{_dotted(loc)}: " if loc else "")
        if details["type"] == "value_error":
            return where + str(details["ctx"]["error"])
        wanted = f"[[{_dotted(loc)}]] tables" if loc == ("meters",) else f"a table [{_dotted(loc)}] of settings"
        return f"{where}expected {wanted}"

    def _missing(self, setting: Setting, loc: _Loc) -> str:
        name = setting.name.replace("[]", f"[{loc[1]}]" if len(loc) > 1 and isinstance(loc[1], int) else "")
        return f"{self._place(loc[:-1])}: {name} is missing: expected {setting.expected}"

    def _unknown(self, loc: _Loc) -> str:
        meant = _meant(loc)
        variable = next((name for path, name in self._origins.items() if path[: len(loc)] == loc), None)
        if variable is not None and loc not in self._lines:
            hint = None if meant is None else PREFIX + "__".join(str(part) for part in meant).upper()
            return f"{variable} is not a setting" + _did_you_mean(hint)
        hint = None if meant is None else _dotted(meant)
        return f"{self._place(loc)}: {_dotted(loc)} is not a setting" + _did_you_mean(hint)

    def _called(self, loc: _Loc) -> str:
        return "" if loc in self._origins else f"{_dotted(loc)}: "  # the variable's name already says it

    def _origin(self, loc: _Loc) -> str | None:
        return next((self._origins[loc[:end]] for end in range(len(loc), 0, -1) if loc[:end] in self._origins), None)

    def _place(self, loc: _Loc) -> str:
        variable = self._origin(loc)
        if variable is not None:
            return variable
        line = next((self._lines[loc[:end]] for end in range(len(loc), 0, -1) if loc[:end] in self._lines), None)
        return self.file.name if line is None else f"{self.file.name} line {line}"


def _dotted(loc: _Loc) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _general(loc: _Loc) -> str:
    return re.sub(r"\[\d+\]", "[]", _dotted(loc))


def _setting_at(loc: _Loc) -> Setting | None:
    """The setting that a place belongs to; one that is a table has every place in it."""
    name = _general(loc)
    return next(
        (
            setting
            for setting in settings_table()
            if setting.name == name or (setting.type == "table" and name.startswith(f"{setting.name}."))
        ),
        None,
    )


def _needed(loc: _Loc) -> list[Setting]:
    """What must be given where ``loc`` is missing: one setting, or all that its section needs."""
    name = _general(loc)
    return [
        setting
        for setting in settings_table()
        if setting.needed and (setting.name == name or setting.name.startswith(f"{name}."))
    ]


def _meant(loc: _Loc) -> _Loc | None:
    """The nearest name beside it, else the same name in another section."""
    near = get_close_matches(str(loc[-1]), _names_in(loc[:-1]), n=1)
    if near:
        return (*loc[:-1], near[0])
    elsewhere = [tuple(setting.name.split(".")) for setting in settings_table() if "[]" not in setting.name]
    return next((found for found in elsewhere if found[-1] == loc[-1]), None)


def _names_in(section: _Loc) -> list[str]:
    model: type[BaseModel] | None = GatewaySettings
    for part in section:
        if isinstance(part, str) and model is not None:
            field = model.model_fields.get(part)
            model = None if field is None else section_of(field)
    return [] if model is None else list(model.model_fields)


def _did_you_mean(name: str | None) -> str:
    return "; remove it" if name is None else f"; did you mean {name}?"


def _got(setting: Setting, details: ErrorDetails) -> str:
    if setting.secret:
        return ", got something else"
    value = details["input"]
    shown = repr(_CREDENTIALS.sub("//***@", value) if isinstance(value, str) else value)
    reason = f" ({details['ctx']['error']})" if details["type"] == "value_error" else ""
    return f", got {shown if len(shown) <= 80 else shown[:77] + '...'}{reason}"
