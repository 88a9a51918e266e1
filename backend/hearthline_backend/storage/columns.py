"""What the tables of Records are made of: one naming of constraints, and the columns that occur everywhere."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Uuid, text

from hearthline_backend.storage.utc_date_time import UtcDateTime

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Id = BigInteger().with_variant(Integer, "sqlite")


def number_id() -> Column[int]:
    """A counted key, for what only grows."""
    return Column("id", _Id, primary_key=True, autoincrement=True)


def uuid_id() -> Column[UUID]:
    """A key that may leave the building."""
    return Column("id", Uuid, primary_key=True)


def to(name: str, target: str, *, null: bool = False, **more: Any) -> Column[Any]:
    """A foreign key."""
    return Column(name, ForeignKey(target), nullable=null, **more)


def moment(name: str, *, null: bool = False) -> Column[datetime]:
    """An instant in UTC."""
    return Column(name, UtcDateTime, nullable=null)


def where(condition: str) -> dict[str, Any]:
    """An index of some rows only."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}
