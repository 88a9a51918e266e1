"""Whether any other process uses the stores: what copies them must not be overtaken."""

from sqlalchemy import text

from hearthline_backend.errors import HearthlineError
from hearthline_backend.storage.record_rows import connected, sqlite_file
from hearthline_backend.storage.sqlite_files import left_alone

_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hearthline%'"
    " AND datname = current_database() AND pid <> pg_backend_pid()"
)


class OthersRunError(HearthlineError):
    """Another process of Hearthline is connected."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} connections of Hearthline to the records are open; stop the backend and its workers first"
        )


async def nobody_else(records_url: str) -> None:
    """Raises :class:`OthersRunError` or :class:`~hearthline_backend.storage.sqlite_files.InUseError`, which say what to
    stop, or ``StoreUnavailableError``. Ask before opening anything: every process of Hearthline has Records open."""
    file = sqlite_file(records_url)
    if file is not None:
        if file.exists():
            left_alone(file)
        return
    async with connected(records_url) as connection:
        count = int((await connection.execute(_OTHERS)).scalar_one())
    if count:
        raise OthersRunError(count)
