"""Synthetic readings on their way: sent as a gateway sends, answered by a receipt and by an alert."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from pydantic import TypeAdapter, ValidationError

from hearthline_backend.domain.synthetic import FIELD, KIND, LIMIT, UNIT
from hearthline_backend.uplink.port import Message
from hearthline_protocol import topics
from hearthline_protocol.identity import reading_id
from hearthline_protocol.messages import ReadingsBatch, Receipt, ReceiptStatus, SyntheticAlert
from hearthline_protocol.readings import Quality, Reading, TimeQuality, Value

if TYPE_CHECKING:
    from uuid import UUID

log = structlog.get_logger(__name__)

SENSOR: Final = "00:00:00:00:00:00"
"""No device may have this address."""
_CHARACTERISTIC: Final = "2A37"
_REMEMBERED: Final = 30
"""Rounds whose answers still count."""
_ANSWER: Final[TypeAdapter[SyntheticAlert | Receipt]] = TypeAdapter(SyntheticAlert | Receipt)


class RoundFacts(Protocol):
    """Told what a round proves."""

    def stored(self, sent: float) -> None:
        """The reading that was sent then has its receipt."""

    def alerted(self, sent: float, calls_waiting_s: float) -> None:
        """It has its alert; the oldest call that nobody makes waits for so long."""


@dataclass(slots=True)
class _Sent:
    began: float
    last: float | None = None
    stored: bool = False
    alerted: bool = False


class Rounds:
    """One reading after the other. ``publish`` hands a payload to the broker and says whether it could."""

    def __init__(self, gateway: str, publish: Callable[[str, bytes], bool], facts: RoundFacts) -> None:
        self._topic = topics.readings(gateway)
        self._publish = publish
        self._facts = facts
        self._sent: dict[UUID, _Sent] = {}
        self._payload = b""
        self._newest: UUID | None = None
        self.refusal: str | None = None
        """What the backend said instead of "stored", with its reason; None where it said nothing of the kind."""

    def begin(self, at: float, now: datetime | None = None) -> None:
        """A new reading, sent at once if that can be."""
        reading = synthetic_reading(now or datetime.now(UTC))
        self._payload = ReadingsBatch(readings=(reading,)).model_dump_json(by_alias=True).encode()
        self._newest = reading.id
        self._sent[reading.id] = _Sent(at)
        while len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]
        self.send_again(at, 0.0)

    def send_again(self, at: float, after_s: float) -> None:
        """Send the newest reading once more where it has no receipt for so long."""
        found = None if self._newest is None else self._sent.get(self._newest)
        if found is None or found.stored or (found.last is not None and at - found.last < after_s):
            return
        if self._publish(self._topic, self._payload):
            found.last = at

    def hear(self, message: Message) -> None:
        """An answer of the backend's. What is none is logged and changes nothing."""
        try:
            answer = _ANSWER.validate_json(message.payload)
        except ValidationError:
            log.warning("answer_not_understood", bytes=len(message.payload), next_step="run one release everywhere")
            return
        if isinstance(answer, SyntheticAlert):
            self._alerted(answer)
        else:
            self._answered(answer)

    def _answered(self, receipt: Receipt) -> None:
        for entry in receipt.readings:
            found = self._sent.get(entry.id)
            if found is None:
                continue
            if entry.status is not ReceiptStatus.STORED:
                self.refusal = f"{entry.status.value}: {entry.reason or 'no reason given'}"
            elif not found.stored:
                found.stored, self.refusal = True, None
                self._facts.stored(found.began)

    def _alerted(self, alert: SyntheticAlert) -> None:
        found = self._sent.get(alert.synthetic_alert)
        if found is not None and not found.alerted:
            found.alerted = True
            self._facts.alerted(found.began, alert.calls_waiting_s)


def synthetic_reading(now: datetime) -> Reading:
    """A reading that says it is none, and over the watchdog's limit."""
    number = LIMIT + 10
    name = reading_id(
        sensor=SENSOR,
        characteristic=_CHARACTERISTIC,
        user_slot=None,
        device_time=None,
        sequence=None,
        raw_values=now.isoformat().encode(),
        received_time=now,
    )
    return Reading(
        id=name,
        kind=KIND,
        quality=Quality.VALID,
        values={FIELD: Value(value=number, unit=UNIT)},
        received_time=now,
        effective_time=now,
        time_quality=TimeQuality.RECEIVED,
        live=True,
        sensor=SENSOR,
        characteristic=_CHARACTERISTIC,
        synthetic=True,
    )
