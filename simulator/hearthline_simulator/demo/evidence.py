"""What the check and the story are told by: the files themselves, read with plain SQL and never written."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from hearthline_gateway.decode import decode_line
from hearthline_simulator.demo.chain import DIASTOLIC, SYSTOLIC

_BUSY_S: Final = 2.0
_OUTBOX: Final = """
    SELECT f.characteristic, hex(f.payload), f.model, r.id, r.reading, r.state, r.receipt_time, r.attempts
    FROM readings r JOIN frames f ON f.id = r.frame_id ORDER BY r.seq"""
_STORED: Final = """
    SELECT lower(hex(id)), gateway FROM readings WHERE kind = 'blood_pressure'
    AND json_extract(body, '$.values.systolic.value') = ? AND json_extract(body, '$.values.diastolic.value') = ?
    AND json_extract(body, '$.sensor') = ?"""

_ALERTS: Final = """
    SELECT DISTINCT a.id, a.level, a.state, a.rule_id, u.initials FROM alerts a
    JOIN alert_readings r ON r.alert_id = a.id LEFT JOIN users u ON u.id = a.owner_id
    WHERE r.reading_id IN ({marks}) ORDER BY a.id"""


class Unreadable(Exception):  # noqa: N818  # a state to wait out, not an error
    """The file is not there yet, or has no such table yet."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """The one reading in the gateway's outbox. ``decoded`` is its raw frame decoded once more, ``says`` what the row
    itself says."""

    reading_id: UUID
    sensor: str
    characteristic: str
    frame_bytes: int
    decoded: str
    says: str
    state: str
    receipt_time: str | None
    attempts: int


def decoded_again(characteristic: str, frame_hex: str, model: str | None) -> tuple[float, float, float | None] | None:
    """Systolic and diastolic in mmHg and the pulse, from the raw frame alone; None where it holds no such thing."""
    answer = decode_line(characteristic, frame_hex, model)
    for reading in answer.get("readings", ()):
        values = reading["values"]
        if reading["kind"] == "blood_pressure" and {"systolic", "diastolic"} <= values.keys():
            pulse = values.get("pulse", {}).get("value")
            return values["systolic"]["value"], values["diastolic"]["value"], pulse
    return None


def outbox_row(outbox: Path) -> OutboxRow | None:
    """The row whose frame says 186/112 mmHg; None while there is none."""
    for characteristic, frame_hex, model, reading_id, body, state, receipt_time, attempts in _rows(outbox, _OUTBOX):
        found = decoded_again(characteristic, frame_hex, model)
        if found is None or found[:2] != (SYSTOLIC, DIASTOLIC):
            continue
        pulse = "" if found[2] is None else f", pulse {found[2]:g} /min"
        text = f"{found[0]:g}/{found[1]:g} mmHg{pulse}"
        reading = json.loads(body)
        says = "/".join(f"{reading['values'][name]['value']:g}" for name in ("systolic", "diastolic"))
        size = len(frame_hex) // 2
        identity = UUID(reading_id), str(reading["sensor"])
        return OutboxRow(*identity, characteristic, size, text, says, state, receipt_time, attempts)
    return None


def stored_rows(readings: Path, sensor: str) -> list[tuple[UUID, str]]:
    """Every stored reading of this meter that says 186/112 mmHg, with the gateway it came from, whatever its id."""
    rows = _rows(readings, _STORED, (SYSTOLIC, DIASTOLIC, sensor))
    return [(UUID(reading_id), gateway) for reading_id, gateway in rows]


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert as Records keep it."""

    id: int
    level: str
    state: str
    rule: str
    owner: str | None


class RecordsFile:
    """Questions to ``records.sqlite3``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def judged(self, reading: UUID) -> str | None:
        """When the reading was judged."""
        rows = self._ask("SELECT judged_at FROM judged WHERE reading_id = ?", reading.hex)
        return str(rows[0][0]) if rows else None

    def alerts(self, readings: Sequence[UUID]) -> list[AlertRow]:
        """Every alert that holds one of these readings."""
        query = _ALERTS.format(marks=",".join("?" * len(readings)))
        rows = self._ask(query, *(reading.hex for reading in readings))
        return [AlertRow(*row) for row in rows]

    def notifications(self, alert: int, channel: str) -> dict[str, str]:
        """The calls of an alert over one channel: id, as it travels, to state."""
        rows = self._ask(
            "SELECT n.id, n.state FROM notifications n JOIN contacts c ON c.id = n.contact_id "
            "WHERE n.alert_id = ? AND c.channel = ?",
            alert,
            channel,
        )
        return {str(UUID(hex=row[0])): str(row[1]) for row in rows}

    def unsettled(self, alert: int) -> int:
        """How many calls of this alert were begun and not ended."""
        rows = self._ask(
            "SELECT count(*) FROM notifications WHERE alert_id = ? AND state = 'due' AND due_at <= datetime('now')",
            alert,
        )
        return int(rows[0][0])

    def quarantined(self, reading: UUID) -> int:
        """Rows of quarantine that hold this reading, alone or in a batch."""
        rows = self._ask(
            "SELECT count(*) FROM quarantine WHERE reading_id = ? OR instr(payload, CAST(? AS BLOB)) > 0",
            reading.hex,
            str(reading),
        )
        return int(rows[0][0])

    def _ask(self, query: str, *arguments: object) -> list[Any]:
        return _rows(self._path, query, arguments)


def _rows(path: Path, query: str, arguments: Sequence[object] = ()) -> list[Any]:
    with _reading(path) as connection:
        return connection.execute(query, tuple(arguments)).fetchall()


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise Unreadable(f"{path.name}: {error}") from error
