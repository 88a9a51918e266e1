"""Glucose meter, service 0x1808: numbered records that it tells when it is asked, and the context of each beside it.

It keeps everything until its memory is cleared, so whoever asks for all gets all again. Bonded; without a clock that
could be read, as the profile has none.
"""

import asyncio
import struct
from typing import Any, ClassVar, Final, Literal

import structlog
from bumble import att
from bumble.core import BaseError
from bumble.gatt import Characteristic, Service

from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.gatt_table import (
    BytesCharacteristic,
    control_point,
    measurement,
    readable,
    uuid16,
)
from hearthline_simulator.meters.meter import Kept, Meter, Record
from hearthline_simulator.meters.numbers import sfloat
from hearthline_simulator.meters.record_server import (
    IMPROPERLY_CONFIGURED,
    PROCEDURE_IN_PROGRESS,
    Answer,
    Ask,
    Numbered,
    RefusedError,
    counted,
    ended,
    select,
)
from hearthline_simulator.meters.wall_clock import date_time

log = structlog.get_logger(__name__)

_TIME_OFFSET, _CONCENTRATION, _MOLES, _STATUS, _CONTEXT_FOLLOWS = 0x01, 0x02, 0x04, 0x08, 0x10
_CARBOHYDRATE, _MEAL = 0x01, 0x02
_CAPILLARY_WHOLE_BLOOD, _CONTROL_SOLUTION = 0x01, 0x0A
_FINGER, _CONTROL = 0x01, 0x04
_MEALS: Final = ("before_meal", "after_meal", "fasting", "casual", "bedtime")
_BREAKFAST: Final = 0x01
_BETWEEN_RECORDS_S: Final = 0.005


class GlucoseRecord(Record):
    """One test in ``unit``: NaN is a failed one, infinity the meter's HI, minus infinity its LO. ``control`` is one of
    control solution, ``status`` the Sensor Status Annunciation, ``time_offset`` the minutes by which the person moved
    the time that the meter shows; ``meal`` and ``carbohydrate`` (in g) are its context."""

    glucose: float
    unit: Literal["mg/dL", "mmol/L"] = "mg/dL"
    control: bool = False
    status: int | None = None
    time_offset: int | None = None
    meal: Literal["before_meal", "after_meal", "fasting", "casual", "bedtime"] | None = None
    carbohydrate: float | None = None


class GlucoseMeter(Meter[GlucoseRecord]):
    """A meter with numbered records.

    What may go wrong with it: the next ``busy`` requests are refused because one is still under way; it hangs up after
    ``hang_up_after`` more records; while ``mute`` it never answers; without ``filters`` it only understands "all".
    """

    profile = "glucose"
    service = "1808"
    record_type: ClassVar[type[Record]] = GlucoseRecord
    guarded = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.busy = 0
        self.hang_up_after: int | None = None
        self.mute = False
        self.filters = True
        self._records: list[Numbered] = []
        self._next_sequence = 1
        self._asked: asyncio.Task[None] | None = None
        self._interrupted = False

    async def measure(self, *records: GlucoseRecord) -> None:
        """Number and keep the records, and advertise until somebody asks."""
        for record in records:
            self._records.append(self._numbered(record))
            self._next_sequence += 1
        await super().measure()

    def clear_memory(self) -> None:
        """Delete every record and number from 1 again, as its menu offers."""
        self._records.clear()
        self._next_sequence = 1

    @property
    def stored(self) -> int:
        return len(self._records)

    def _services(self) -> list[Service]:
        server, notify = self._device.gatt_server, Characteristic.Properties.NOTIFY
        self._measurement = self._watch(measurement(server, "2A18", notify, guarded=self.guarded))
        self._context = self._watch(measurement(server, "2A34", notify, guarded=self.guarded))
        self._control = self._watch(control_point(server, "2A52", self._on_request, guarded=self.guarded))
        features = readable("2A51", struct.pack("<H", 0x0000))
        return [Service(uuid16("1808"), [self._measurement, self._context, features, self._control])]

    def _frames(self, record: GlucoseRecord) -> list[Kept]:
        numbered = self._numbered(record)
        frames = [Kept(self._measurement, numbered.measurement, indicated=False)]
        if numbered.context is not None:
            frames.append(Kept(self._context, numbered.context, indicated=False))
        return frames

    def _numbered(self, record: GlucoseRecord) -> Numbered:
        context = _context(record, self._next_sequence)
        flags = _CONCENTRATION | (_MOLES if record.unit == "mmol/L" else 0)
        flags |= _TIME_OFFSET if record.time_offset is not None else 0
        flags |= _STATUS if record.status is not None else 0
        flags |= _CONTEXT_FOLLOWS if context is not None else 0
        concentration = sfloat(record.glucose / 1000, 4) if flags & _MOLES else sfloat(record.glucose / 100_000, 5)
        sample = (_CONTROL_SOLUTION, _CONTROL) if record.control else (_CAPILLARY_WHOLE_BLOOD, _FINGER)
        payload = struct.pack("<BH", flags, self._next_sequence) + date_time(record.stamp(self.clock))
        if record.time_offset is not None:
            payload += struct.pack("<h", record.time_offset)
        payload += concentration + bytes([sample[0] | sample[1] << 4])
        if record.status is not None:
            payload += struct.pack("<H", record.status)
        return Numbered(self._next_sequence, payload, context)

    def _has_more_to_say(self) -> bool:
        interrupted, self._interrupted = self._interrupted, False
        return interrupted

    def _connection_made(self) -> None:
        self._asked = None

    def _on_request(self, request: bytes) -> None:
        self.tell(MeterHappening.REQUESTED, self._control, request)
        if not (self._listens(self._control, 0x02) and self._listens(self._measurement, 0x01)):
            raise att.ATT_Error(att.ErrorCode(IMPROPERLY_CONFIGURED))
        loop = asyncio.get_running_loop()
        self._wake.set()
        if request[:1] == bytes([Ask.ABORT]):
            if self._asked is not None:
                self._asked.cancel()
            self.busy = 0
            self._asked = loop.create_task(self._answer(ended(Ask.ABORT, Answer.SUCCESS)))
            return
        if self.busy or (self._asked is not None and not self._asked.done()):
            self.busy = max(self.busy - 1, 0)
            raise att.ATT_Error(att.ErrorCode(PROCEDURE_IN_PROGRESS))
        if not self.mute:
            self._asked = loop.create_task(self._carry_out(request))

    async def _carry_out(self, request: bytes) -> None:
        asked = request[0] if request else 0
        try:
            meant = self._meant(request)
        except RefusedError as refused:
            answer: bytes | None = ended(asked, refused.answer)
        else:
            if asked == Ask.COUNT:
                answer = counted(len(meant))
            else:
                answer = ended(asked, Answer.SUCCESS) if await self._report_records(meant) else None
        if answer is not None:
            await self._answer(answer)

    def _meant(self, request: bytes) -> list[Numbered]:
        if request[:1] not in (bytes([Ask.REPORT]), bytes([Ask.COUNT])):
            raise RefusedError(Answer.OP_CODE_NOT_SUPPORTED)
        meant = select(self._records, request, filters=self.filters)
        if not meant and request[0] == Ask.REPORT:
            raise RefusedError(Answer.NO_RECORDS_FOUND)
        return meant

    async def _report_records(self, records: list[Numbered]) -> bool:
        """Tell the records; False when it hung up in the middle."""
        for record in records:
            if self.hang_up_after == 0:
                self.hang_up_after = None
                self._interrupted = True
                if self._connection is not None:
                    await self._connection.disconnect()
                return False
            await asyncio.sleep(_BETWEEN_RECORDS_S)
            await self._notify(self._measurement, record.measurement)
            if record.context is not None and self._listens(self._context, 0x01):
                await self._notify(self._context, record.context)
            if self.hang_up_after is not None:
                self.hang_up_after -= 1
        return True

    async def _notify(self, characteristic: BytesCharacteristic, payload: bytes) -> None:
        if self._connection is None:
            return
        self._wake.set()
        try:
            await self._device.notify_subscriber(self._connection, characteristic, payload)
        except BaseError as error:
            log.debug("record_not_told", meter=self.spec.name, error=str(error))
            return
        self.tell(MeterHappening.NOTIFIED, characteristic, payload)

    async def _answer(self, payload: bytes) -> None:
        await asyncio.sleep(_BETWEEN_RECORDS_S)  # an answer must not overtake the response to the request itself
        if self._connection is None:
            return
        self.tell(MeterHappening.INDICATED, self._control, payload)
        try:
            await self._device.indicate_subscriber(self._connection, self._control, payload)
        except BaseError as error:
            log.debug("request_not_answered", meter=self.spec.name, error=str(error))
        self._wake.set()

    def _listens(self, characteristic: BytesCharacteristic, bit: int) -> bool:
        if self._connection is None:
            return False
        subscriptions = self._device.gatt_server.subscribers.get(self._connection, {})
        return bool(subscriptions.get(characteristic.handle, b"\x00\x00")[0] & bit)


def _context(record: GlucoseRecord, sequence: int) -> bytes | None:
    flags, tail = 0, b""
    if record.carbohydrate is not None:
        flags |= _CARBOHYDRATE
        tail += bytes([_BREAKFAST]) + sfloat(record.carbohydrate / 1000, 3)
    if record.meal is not None:
        flags |= _MEAL
        tail += bytes([_MEALS.index(record.meal) + 1])
    return struct.pack("<BH", flags, sequence) + tail if flags else None
