"""What a backup says of itself: what it holds, by what release it was made, and how to see that it is whole."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Final = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Part(_Frozen):
    """One member of the archive: lines of one table, or of readings. ``bytes`` is its length."""

    name: str
    rows: Annotated[int, Field(ge=0)]
    bytes: Annotated[int, Field(ge=0)]
    sha256: str


class Column(_Frozen):
    """A column of a table and how its values are written: see ``storage/record_rows.py``."""

    name: str
    type: Literal["uuid", "instant", "bytes", "json", "integer", "real", "boolean", "text"]


class TableContent(_Frozen):
    """One table of Records."""

    name: str
    columns: tuple[Column, ...]
    rows: Annotated[int, Field(ge=0)]


class Manifest(_Frozen):
    """``schema_revision`` is the one of Records. ``made_at`` is when their snapshot was taken: the backup's moment.

    ``readings`` counts lines in the parts ``readings/``, ``changed`` those in ``changed/``, which stand in their place.
    """

    format: Literal[1] = FORMAT
    id: UUID
    made_at: datetime
    release: str
    schema_revision: str
    tables: tuple[TableContent, ...]
    readings: Annotated[int, Field(ge=0)]
    changed: Annotated[int, Field(ge=0)]
    settings: dict[str, Any]
    parts: tuple[Part, ...]
