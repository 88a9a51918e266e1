"""What the commands that correct readings stand on: both stores, and the same service as the site's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.correction_finishing import CorrectionFinishing
from hearthline_backend.corrections import ReadingCorrections
from hearthline_backend.events import EventBus
from hearthline_backend.settings import load
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.opening import open_readings
from hearthline_backend.storage.ports import ReadingStore
from hearthline_backend.storage.records.engine import SqlRecords


@dataclass(frozen=True, slots=True)
class Correcting:
    """The stores, and who corrects in them."""

    records: SqlRecords
    readings: ReadingStore
    corrections: ReadingCorrections


@asynccontextmanager
async def correcting(config: Path | None) -> AsyncIterator[Correcting]:
    """Open everything, at this release's schema, beside a running backend or without one. What is corrected is done
    here and now; a claim is taken by the running backend."""

    def clock() -> datetime:
        return datetime.now(UTC)

    settings = load(config)
    settings.make_data_dir()
    await migrate(settings.records_address)
    records = SqlRecords.open(settings.records_address)
    try:
        readings = await open_readings(settings, records)
        try:
            events = EventBus()
            finishing = CorrectionFinishing(records, readings, Judge(readings), events, clock)
            yield Correcting(records, readings, ReadingCorrections(records, readings, finishing, events, clock))
        finally:
            await readings.close()
    finally:
        await records.close()
