"""The settings as one table, from which the checks, the messages and the documentation are made."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hearthline_gateway.settings import GatewaySettings

PREFIX: Final = "HEARTHLINE_GATEWAY__"
"""What the name of every environment variable for a setting begins with."""


class Setting(NamedTuple):
    """One line of the table. ``name`` is dotted, ``meters[]`` standing for each meter; ``environment`` is the variable
    that takes its place. ``default`` is empty where it must be given (``needed``) or where its absence means something;
    a ``secret`` is never shown in a message."""

    name: str
    environment: str
    type: str
    default: str
    needed: bool
    expected: str
    help: str
    secret: bool


def settings_table() -> tuple[Setting, ...]:
    """All settings, in the order in which a file would list them."""
    return tuple(_settings(GatewaySettings, ""))


def _settings(model: type[BaseModel], prefix: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is None:
            yield _row(f"{prefix}{name}", field)
        else:
            yield from _settings(section, f"{prefix}{name}{'.' if field.annotation is section else '[].'}")


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model behind a table or an array of tables; None for a plain setting."""
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _row(name: str, field: FieldInfo) -> Setting:
    extra: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    default = "" if field.is_required() or field.default is None else _as_toml(field.default)
    return Setting(
        name=name,
        environment=PREFIX + name.partition("[]")[0].replace(".", "__").upper(),
        type=_type_name(field.annotation),
        default=default,
        needed=field.is_required(),
        expected=str(extra["expected"]),
        help=field.description or "",
        secret=bool(extra["secret"]),
    )


def _as_toml(default: object) -> str:
    if isinstance(default, tuple):
        return "" if not default else f"[{', '.join(map(str, default))}]"
    return str(default).lower() if isinstance(default, bool) else str(default)


def _type_name(annotation: Any) -> str:
    """The type as TOML calls it."""
    if get_origin(annotation) is dict:
        return "table"
    if get_origin(annotation) is tuple:
        return "array"
    for kind in (annotation, *get_args(annotation)):
        if kind is bool:
            return "boolean"
        if kind is int:
            return "integer"
        if kind is float:
            return "number"
    return "string"
