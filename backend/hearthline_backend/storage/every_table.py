"""Every table of Records, wherever it is defined: for what has to know them all, such as migrations and backups."""

from hearthline_backend.storage import (
    pause_tables,
    quarantine_tables,
    remote_tables,
    report_tables,
    rota_tables,
    schema,
    silence_tables,
    snooze_tables,
)
from hearthline_backend.storage.columns import metadata

__all__ = [
    "metadata",
    "pause_tables",
    "quarantine_tables",
    "remote_tables",
    "report_tables",
    "rota_tables",
    "schema",
    "silence_tables",
    "snooze_tables",
]
