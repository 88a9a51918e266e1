"""What ``series`` of an embedded readings file holds, read apart from the engine."""

import sqlite3
from contextlib import closing
from pathlib import Path

from hearthline_backend.storage.readings_tables import Standing
from hearthline_backend.storage.series_runs import entries_in


def in_series(path: Path) -> list[Standing]:
    """Every reading that stands there. Fails where a run does not say what is in it."""
    found: list[Standing] = []
    with closing(sqlite3.connect(path)) as connection:
        for patient, last_us, number, first_us, *packed in connection.execute(
            "SELECT patient, last_us, number, first_us, kinds, readings FROM series"
        ):
            entries = entries_in(*packed)
            assert entries == sorted(entries)
            assert (first_us, last_us, number) == (entries[0][0], entries[-1][0], entries[-1][2])
            found += [(patient, *one) for one in entries]
    return found
