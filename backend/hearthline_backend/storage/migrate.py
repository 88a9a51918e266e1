"""Brings the schema of Records to the version this code speaks, or to another one."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from hearthline_backend.errors import HearthlineError
from hearthline_backend.storage.records.engine import open_engine
from hearthline_backend.storage.records.unavailable import told_when_unavailable

_STEPS: Final = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME: Final = 0x4865617274687301
"""PostgreSQL's advisory lock of who migrates. SQLite has one writer anyway."""


class SchemaTooNewError(HearthlineError):
    """The database was written by a newer release, whose schema this one cannot know."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"the records are at schema {found}, which this release does not know. "
            "Start the release that wrote them, or restore the backup made before its upgrade."
        )
        self.found = found


async def migrate(url: str, revision: str = "head") -> None:
    """Bring the database behind a SQLAlchemy URL to ``revision``: all steps in one transaction, or none.

    Processes that start at the same time wait for each other: the first one migrates. Raises
    :class:`SchemaTooNewError` where a newer release was here before, and
    :class:`~hearthline_backend.storage.ports.StoreUnavailableError` where the database cannot be reached.
    """
    engine = open_engine(url, hurried=False)
    try:
        with told_when_unavailable():
            async with engine.begin() as connection:
                if engine.dialect.name == "postgresql":
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
                await connection.run_sync(_run, revision)
    finally:
        await engine.dispose()


def _run(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_STEPS))
    config.attributes["connection"] = connection
    steps = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(connection).get_current_revision()
    known = [step.revision for step in steps.walk_revisions()]  # the newest first
    if found is not None and found not in known:
        raise SchemaTooNewError(found)
    wanted = steps.get_current_head() if revision == "head" else revision
    if found is not None and wanted in known and known.index(wanted) > known.index(found):
        command.downgrade(config, wanted)
    elif revision == "base":
        command.downgrade(config, "base")
    elif found != wanted:
        command.upgrade(config, revision)


def known_revisions() -> list[str]:
    """Every revision this release knows, the newest first."""
    config = Config()
    config.set_main_option("script_location", str(_STEPS))
    return [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
