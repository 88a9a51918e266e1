"""Meters that hold numbered records and tell them when asked: the collector's side of the Record Access Control Point.

Source: Bluetooth SIG, Glucose Profile 1.0.1 and Glucose Service 1.0.1. Only what comes after the last complete record
is asked for; nothing is ever deleted on the meter, so that asking twice costs time and loses nothing.
"""

from datetime import datetime, timedelta, tzinfo
from typing import Final

import structlog
from bleak.exc import BleakGATTProtocolError

from hearthline_gateway.ble.control_point import ControlPoint
from hearthline_gateway.ble.hearing import Hearing
from hearthline_gateway.ble.meter_errors import NoAnswerError, RecordsRefusedError
from hearthline_gateway.frame import RecordMemory
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.gatt.glucose_measurement import GlucoseMeasurement
from hearthline_gateway.gatt.record_access import (
    RecordAccessControlPoint,
    RecordOpCode,
    RecordOperator,
    RecordResponse,
)

log = structlog.get_logger(__name__)

CHARACTERISTIC: Final = RecordAccessControlPoint.characteristic
RECORDS: Final = GlucoseMeasurement.characteristic
_BUSY: Final = (0xFE, 0x80)
"""Procedure already in progress: the common profile error, and the one that early glucose meters use."""
_ATTEMPTS: Final = 3
_ABORT_LIMIT_S: Final = 5.0
_LAST_NUMBER: Final = 0xFFFF
_NOT_UNDERSTOOD: Final = (
    RecordResponse.OP_CODE_NOT_SUPPORTED,
    RecordResponse.INVALID_OPERATOR,
    RecordResponse.OPERATOR_NOT_SUPPORTED,
    RecordResponse.INVALID_OPERAND,
    RecordResponse.OPERAND_NOT_SUPPORTED,
)
_DONE: Final = (RecordResponse.SUCCESS, RecordResponse.NO_RECORDS_FOUND)
_SOON: Final = timedelta(minutes=5)
"""How far a record's stamp may lie outside the time in which it was measured and still be believed."""


class StoredRecords:
    """The records of one connected meter. ``asked_at`` is when it was last asked to the end, None where that is not
    known; ``zone`` the home's, in which its stamps are read."""

    def __init__(
        self,
        point: ControlPoint,
        hearing: Hearing,
        memory: RecordMemory | None,
        sensor: str,
        *,
        asked_at: datetime | None,
        now: datetime,
        zone: tzinfo,
    ) -> None:
        self._point, self._hearing, self._memory, self._sensor = point, hearing, memory, sensor
        self._asked_at, self._now, self._zone = asked_at, now, zone
        self._told: int | None = None
        self._newest: int | None = None
        self._only_all = False

    def told(self, payload: bytes) -> None:
        """A record arrived."""
        try:
            self._told = GlucoseMeasurement.decode(payload).sequence_number
        except DecodeError:  # counted and kept where frames are read; here only its number was wanted
            return
        self._newest = self._told if self._newest is None else max(self._newest, self._told)
        self._point.active()

    async def collect(self) -> None:
        """Ask for everything that is new. Raises :class:`MeterError` where the meter does not tell it."""
        last = await self._last()
        if last is None or last >= _LAST_NUMBER:
            await self._everything()
            return
        number = await self._count(last + 1)
        if number == 0:
            await self._look_for_new_numbering(last)
            return
        self._hearing.asked_for(self._just_measured if number == 1 else None)
        if not self._only_all and await self._report(RecordAccessControlPoint.report(last + 1)):
            return
        await self._everything()

    async def more(self, now: datetime) -> bool:
        """Whether something was measured while the meter stayed connected; it has then been told."""
        if self._only_all or self._newest is None or self._newest >= _LAST_NUMBER:
            return False
        since = self._newest + 1
        number = await self._count(since)
        if not number:
            return False
        self._asked_at, self._now = self._now, now
        self._hearing.asked_for((lambda _: True) if number == 1 else None)
        return await self._report(RecordAccessControlPoint.report(since))

    async def _last(self) -> int | None:
        known = None if self._memory is None else await self._memory.last_sequence(self._sensor, RECORDS)
        self._newest = known
        return known

    async def _everything(self) -> None:
        self._hearing.asked_for()
        if await self._count(None) == 0:
            return
        remembered = self._newest
        self._forget_told()
        if not await self._report(RecordAccessControlPoint.report()):
            raise RecordsRefusedError("it cannot tell all records")
        if remembered is not None and self._newest is not None and self._newest < remembered:
            await self._forget(remembered)  # what was told is kept again under its new numbers

    async def _look_for_new_numbering(self, last: int) -> None:
        """Nothing after the last number: either nothing is new, or the memory was cleared and it counts anew."""
        self._hearing.asked_for()
        self._forget_told()
        newest = RecordAccessControlPoint(RecordOpCode.REPORT_STORED_RECORDS, RecordOperator.LAST_RECORD)
        if await self._report(newest) and self._told is not None and self._told < last:
            await self._forget(last)
            await self._everything()
        else:
            self._newest = last

    def _forget_told(self) -> None:
        self._told = self._newest = None

    async def _forget(self, last: int) -> None:
        log.info("meter_numbers_anew", meter=self._sensor, remembered=last, newest=self._told)
        if self._memory is not None:
            await self._memory.forget_sequence(self._sensor, RECORDS)

    async def _count(self, since: int | None) -> int | None:
        """How many there are; None where the meter does not say."""
        answer = await self._ask(RecordAccessControlPoint.count(since))
        if answer.number_of_records is not None:
            return answer.number_of_records
        if answer.response_code is RecordResponse.NO_RECORDS_FOUND:
            return 0
        if since is not None and answer.response_code in _NOT_UNDERSTOOD:
            self._only_all = answer.response_code is not RecordResponse.OP_CODE_NOT_SUPPORTED
        return None

    async def _report(self, request: RecordAccessControlPoint) -> bool:
        """Have records told; False where the meter does not understand which."""
        answer = await self._ask(request)
        if answer.response_code in _NOT_UNDERSTOOD:
            return False
        if answer.response_code not in _DONE:
            raise RecordsRefusedError(_words(answer))
        return True

    async def _ask(self, request: RecordAccessControlPoint) -> RecordAccessControlPoint:
        """One request. A meter that still carries out an earlier one, or does not finish this one, is told to stop."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = RecordAccessControlPoint.decode(await self._point.ask(request.encode()))
            except BleakGATTProtocolError as error:
                if error.code not in _BUSY or attempt == _ATTEMPTS:
                    raise
                log.info("meter_busy_with_records", meter=self._sensor, attempt=attempt)
            except NoAnswerError:
                await self._abort()
                raise
            except DecodeError as error:
                raise RecordsRefusedError(str(error)) from error
            else:
                if answer.response_code is not RecordResponse.PROCEDURE_NOT_COMPLETED or attempt == _ATTEMPTS:
                    return answer
            await self._abort()
        raise AssertionError("the last attempt returns or raises")

    async def _abort(self) -> None:
        try:
            await self._point.ask(RecordAccessControlPoint.abort().encode(), patience_s=_ABORT_LIMIT_S)
        except (NoAnswerError, BleakGATTProtocolError) as error:  # it is asked again anyway, or left alone
            log.info("meter_does_not_abort", meter=self._sensor, error=str(error))

    def _just_measured(self, payload: bytes) -> bool:
        """Whether the only new record was measured just now although its stamp says otherwise. It was measured after
        the meter was last asked; a stamp of that time is believed, any other is of a clock that is wrong."""
        try:
            stamp = GlucoseMeasurement.decode(payload).user_facing_time
        except DecodeError:
            return False
        if self._asked_at is None or stamp is None or not stamp.known:
            return True
        instant = stamp.face_in(self._zone)
        return not self._asked_at - _SOON <= instant <= self._now + _SOON


def _words(answer: RecordAccessControlPoint) -> str:
    code = answer.response_code
    return code.name.lower().replace("_", " ") if isinstance(code, RecordResponse) else f"answer {code}"
