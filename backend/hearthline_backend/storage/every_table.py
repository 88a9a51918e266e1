"""Every table of Records, wherever it is defined: for what has to know them all, such as migrations and backups."""

from hearthline_backend.storage import rota_tables, schema, silence_tables, snooze_tables
from hearthline_backend.storage.columns import metadata

__all__ = ["metadata", "rota_tables", "schema", "silence_tables", "snooze_tables"]
