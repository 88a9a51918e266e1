"""One of many values, as one parameter: a mark for each would make every number of them another statement to plan.

:func:`among` is for a statement that is put together as it is needed; :func:`among_given` for one that is put together
once, since that takes longer than executing it.
"""

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Text, any_, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection


def among(
    connection: AsyncConnection, column: Column[Any], values: Collection[UUID | int | str]
) -> ColumnElement[bool]:
    """Whether ``column`` holds one of ``values``; with none of them it does not."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    return column.in_(select(func.json_each(_as_kept(values)).table_valued("value").c.value))


def among_given(dialect: str, column: Column[Any], name: str) -> ColumnElement[bool]:
    """The same of the values that :func:`given` makes of the parameter ``name`` when the statement is executed."""
    if dialect == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(column.type)))
    return column.in_(select(func.json_each(bindparam(name, type_=Text)).table_valued("value").c.value))


def given(dialect: str, values: Collection[UUID | int | str]) -> list[UUID | int | str] | str:
    """The parameter of :func:`among_given`."""
    return list(values) if dialect == "postgresql" else _as_kept(values)


def _as_kept(values: Collection[UUID | int | str]) -> str:
    return json.dumps([one.hex if isinstance(one, UUID) else one for one in values])  # as SQLite keeps them
