"""One of many values, as one parameter: a mark for each would make every number of them another statement to plan."""

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection


def among(
    connection: AsyncConnection, column: Column[Any], values: Collection[UUID | int | str]
) -> ColumnElement[bool]:
    """Whether ``column`` holds one of ``values``; with none of them it does not."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    kept = json.dumps([one.hex if isinstance(one, UUID) else one for one in values])  # as SQLite keeps them
    return column.in_(select(func.json_each(kept).table_valued("value").c.value))
