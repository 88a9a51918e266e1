"""Where a restore puts things on this machine, and what lies beside them while it is under way."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from hearthline_backend.errors import HearthlineError
from hearthline_backend.settings import RESTORE_MARK, Settings
from hearthline_backend.storage.record_rows import sqlite_file, sqlite_url
from hearthline_backend.storage.sqlite_files import remove

_STARTED: Final = ".restoring"


@dataclass(frozen=True, slots=True)
class Places:
    """``records_file`` and ``readings_file`` are None where the store is a server."""

    settings: Settings
    records_file: Path | None
    readings_file: Path | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As these settings say."""
        readings_file = settings.readings_file if settings.influxdb is None else None
        return cls(settings, sqlite_file(settings.records_address), readings_file)

    @property
    def started_records(self) -> Path:
        """Where Records are put together."""
        beside = self.records_file or self.settings.data_dir / "records.sqlite3"
        return beside.with_name(beside.name + _STARTED)

    @property
    def started_readings(self) -> Path | None:
        """Where readings are put together; None where the store is a server."""
        file = self.readings_file
        return None if file is None else file.with_name(file.name + _STARTED)

    @property
    def while_restoring(self) -> Settings:
        """Settings by which the store of readings is opened meanwhile."""
        changed: dict[str, str | None] = {}
        if self.started_readings is not None:
            changed["readings_url"] = f"embedded://{self.started_readings.absolute()}"
        if self.records_file is not None:
            changed |= {"records_url": sqlite_url(self.started_records), "records_password_file": None}
        return self.settings.model_copy(update=changed)

    def begun(self, backup: UUID) -> bool:
        """Whether the restore of this backup was begun and not finished. Raises :class:`HearthlineError` where another
        one was."""
        if not self._mark.exists():
            return False
        if self._mark.read_text(encoding="utf-8") != _said(backup):
            raise HearthlineError(
                f"the restore of another backup was begun here and not finished ({self._mark}). Finish that one, or "
                "empty the stores by hand, take that file away and begin again."
            )
        return True

    def begin(self, backup: UUID) -> bool:
        """Mark that a restore is under way: the backend does not start meanwhile. Whether the same one was begun
        before. Raises :class:`HearthlineError` where another one was."""
        for path in (self._mark, self.started_records, self.started_readings or self.started_records):
            path.parent.mkdir(parents=True, exist_ok=True)
        if self.begun(backup):
            return True
        with self._mark.open("w", encoding="utf-8") as file:
            file.write(_said(backup))
            file.flush()
            os.fsync(file.fileno())
        return False

    def clear(self) -> None:
        """Take away what an earlier attempt left."""
        remove(self.started_records)
        if self.started_readings is not None:
            remove(self.started_readings)

    def end(self) -> None:
        """Everything is in place."""
        self.clear()
        self._mark.unlink(missing_ok=True)

    @property
    def _mark(self) -> Path:
        return self.settings.data_dir / RESTORE_MARK


def _said(backup: UUID) -> str:
    return json.dumps({"backup": str(backup)})
