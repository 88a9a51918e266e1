"""Which readings stand in windows, by the register of places: one statement for all of them."""

import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.influxdb.spot import Spot
from hearthline_backend.storage.ports import Span
from hearthline_backend.storage.readings_tables import microseconds

_POSTGRESQL: Final = """SELECT wanted.number - 1, there.reading_id, there.time_us, there.slot
    FROM unnest($1::uuid[], $2::varchar[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
        AS wanted (patient_id, kind, start_us, end_us, number)
    CROSS JOIN LATERAL (SELECT reading_id, time_us, slot FROM reading_places
        WHERE patient_id = wanted.patient_id AND time_us >= wanted.start_us AND time_us < wanted.end_us
            AND kind = wanted.kind AND state = 0 AND NOT aside OFFSET 0) AS there"""
# OFFSET 0 keeps the planner to one look into the index for each window.
_SQLITE: Final = """SELECT wanted.key, there.reading_id, there.time_us, there.slot
    FROM json_each(?) AS wanted CROSS JOIN reading_places AS there
    ON there.patient_id = json_extract(wanted.value, '$[0]') AND there.kind = json_extract(wanted.value, '$[1]')
        AND there.time_us >= json_extract(wanted.value, '$[2]') AND there.time_us < json_extract(wanted.value, '$[3]')
    WHERE there.state = 0 AND NOT there.aside"""


async def standing_in(connection: AsyncConnection, wanted: Sequence[Span]) -> list[dict[UUID, Spot]]:
    """For each window the ids of what stands in it, with their places, in no order. A point may be missing where it
    was claimed and is not written."""
    if not wanted:
        return []
    asked = [(one.patient_id, one.kind, microseconds(one.start), microseconds(one.end)) for one in wanted]
    if connection.dialect.name == "postgresql":
        columns = tuple(list(column) for column in zip(*asked, strict=True))
        rows = await connection.exec_driver_sql(_POSTGRESQL, columns)
    else:
        as_text = json.dumps([(patient_id.hex, kind, start, end) for patient_id, kind, start, end in asked])
        rows = await connection.exec_driver_sql(_SQLITE, (as_text,))
    found: list[dict[UUID, Spot]] = [{} for _ in wanted]
    for number, reading_id, time_us, slot in map(tuple, rows):
        span = wanted[number]
        found[number][_as_uuid(reading_id)] = Spot(span.patient_id, span.kind, time_us, slot)
    return found


def _as_uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)
