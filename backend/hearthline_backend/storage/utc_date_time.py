"""An instant as a column: UTC in every engine, with its zone in Python."""

from datetime import UTC, datetime
from typing import Final

import msgspec
from sqlalchemy import DateTime, Dialect, TypeDecorator

_AS_JSON: Final = msgspec.json.Encoder().encode
_WITH_FRACTION: Final = 29


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. SQLite has no zone, so UTC is kept there and put back on the way out; a naive value is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC on the way in."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """UTC on the way out."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def sqlite_text(utc: datetime) -> str:
    """An instant in UTC as :class:`UtcDateTime` keeps it in SQLite, for statements that go past it."""
    text = _AS_JSON(utc).decode()  # "2026-11-05T07:04:00.123456Z" in quotes, at a tenth of what isoformat takes
    return f"{text[1:11]} {text[12:27]}" if len(text) == _WITH_FRACTION else f"{text[1:11]} {text[12:20]}.000000"
