"""Hops 7 to 9 for a group of parcels: whose readings they are, into the store, then one transaction in Records.

Every step may be repeated from the beginning after a crash or an outage and changes nothing the second time: the store
knows readings by id, the register of judged ids decides what is judged, quarantine counts what it has already.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final
from uuid import UUID

from hearthline_backend.events import Event
from hearthline_backend.ingest.answers import Answer, BulkAnswers, answer
from hearthline_backend.ingest.homes_memory import HomesMemory
from hearthline_backend.ingest.judging import ChangedAlert, Judging
from hearthline_backend.ingest.ownership import Owned, Ownership, unclear
from hearthline_backend.ingest.parcel import Parcel
from hearthline_backend.ingest.plain_owners import PlainOwners, plain_owners
from hearthline_backend.ingest.quarantining import close, keep_all
from hearthline_backend.ingest.refusal import Reason, Refused
from hearthline_backend.ingest.synthetic import judge_synthetic, only_synthetic, read_back, set_apart
from hearthline_backend.ingest.usual_weights import UsualWeights, Weighing
from hearthline_backend.ingest.whose import KIND as WEIGHT
from hearthline_backend.ingest.whose import weight_of
from hearthline_backend.operations.instruments import GroupFacts, IngestInstruments, NotMeasured, Store
from hearthline_backend.storage.patient_reading import NOBODY
from hearthline_backend.storage.ports import PatientReading, Place, ReadingStore, Records, StoreUnavailableError
from hearthline_protocol.readings import Reading

_WAITS_FOR_WORD: Final = (Reason.UNKNOWN_SENSOR, Reason.NOT_ASSIGNED, Reason.WHOSE)
HEARD_EVERY: Final = timedelta(seconds=5)
"""A gateway that sends all the time is noted as heard this often."""


@dataclass(slots=True)
class Settled:
    """What is to be said once all of it is durable."""

    answers: list[Answer] = field(default_factory=list)
    measured: Sequence[tuple[UUID, UUID]] = ()
    """Patients of whom something new was judged, with their teams."""
    alerts: Sequence[ChangedAlert] = ()
    waiting: bool = False
    """Whether something began or ended to wait in quarantine."""
    stored: int = 0
    judged: int = 0
    refused: int = 0
    synthetic: int = 0
    ruled: bool = False
    """Whether the rules looked at any of them, so that something may be due."""

    def events(self, now: datetime, *, readings: bool) -> Iterator[Event]:
        """For who watches a screen. Without ``readings`` nobody is told of whom something new was judged."""
        for patient, team in self.measured if readings else ():
            yield Event("reading", now, patient_id=patient, team_id=team)
        for one in self.alerts:
            yield Event("alert", now, patient_id=one.patient_id, team_id=one.team_id, alert_id=one.alert_id)
        if self.waiting:
            yield Event("inbox", now)


@dataclass(slots=True)
class _Placed:
    """A group whose readings are durable; ``slow`` are the parcels that were looked at one by one, ``bulk`` answers all
    others, ``new`` are the ids of readings that were not there before."""

    parcels: Sequence[Parcel]
    bulk: BulkAnswers = field(default_factory=BulkAnswers)
    rows: list[PatientReading] = field(default_factory=list)
    slow: list[Parcel] = field(default_factory=list)
    new: frozenset[UUID] = frozenset()
    store_s: float = 0.0
    synthetic: list[PatientReading] = field(default_factory=list)
    """The watchdog's, of no patient: neither in ``rows`` nor in ``new``."""


class Settlement:
    """Settles parcels. What it remembers of homes and weights is only memory: losing it costs time."""

    def __init__(
        self,
        records: Records,
        readings: ReadingStore,
        judge: Judging,
        clock: Callable[[], datetime],
        instruments: IngestInstruments | None = None,
        watchdog: str | None = None,
    ) -> None:
        """``watchdog`` is the gateway whose synthetic readings are taken without its being enrolled."""
        self._watchdog = watchdog
        self._instruments = instruments or NotMeasured()
        self._records = records
        self._readings = readings
        self._judge = judge
        self._clock = clock
        self._homes = HomesMemory()
        self._weights = UsualWeights(readings)
        self._heard: dict[str, datetime] = {}
        self._placing = asyncio.Lock()
        self._judging = asyncio.Lock()
        self._asked = asyncio.Event()  # cleared while the rules look at a group
        self._asked.set()

    async def settle(self, parcels: Sequence[Parcel]) -> Settled:
        """Make a group durable and judged. Raises ``StoreUnavailableError``; then nothing may be acknowledged.

        Two groups may be under way: while one is in Records, the next one's readings are written. They are in order.
        """
        now = self._clock()
        async with self._placing:
            placed = await self._written(parcels, now)
        async with self._judging:
            started = perf_counter()
            settled = await self._in_records(placed, now)
        refused = Counter(one.reason for parcel in placed.slow for one in parcel.refused)
        self._instruments.settled(
            GroupFacts(
                messages=len(parcels),
                stored=settled.stored,
                repeated=len(placed.rows) - settled.stored,
                judged=settled.judged,
                synthetic=settled.synthetic,
                refused=refused,
                store_s=placed.store_s,
                records_s=perf_counter() - started,
            )
        )
        return settled

    async def _written(self, parcels: Sequence[Parcel], now: datetime) -> _Placed:
        """Find out whose the readings are, and write them."""
        placed = _Placed(parcels)
        plain = await self._plainly(parcels, now)
        rows, slow = plain.rows, plain.slow
        for parcel in plain.parcels:
            placed.bulk.add(parcel)
        if slow:
            rows += await self._place(slow, now)
            placed.synthetic = [row for parcel in slow if parcel.stored for row in set_apart(parcel, now)]
        placed.rows, placed.slow = rows, slow
        await self._asked.wait()
        started = perf_counter()
        try:
            placed.new = await self._readings.write([*rows, *placed.synthetic])
            placed.synthetic = await read_back(self._readings, placed.synthetic)
        except StoreUnavailableError:
            self._instruments.store_failed(Store.READINGS)
            raise
        placed.store_s = perf_counter() - started
        if placed.synthetic:
            placed.new -= {row.id for row in placed.synthetic}
        return placed

    async def _in_records(self, placed: _Placed, now: datetime) -> Settled:
        slow = placed.slow
        waiting = any(parcel.refused or parcel.kept is not None for parcel in slow)
        settled = Settled(stored=len(placed.new), answers=list(placed.bulk), waiting=waiting)
        try:
            due = await self._due(placed.rows, placed.new)
            settled.judged = len(due)
            heard = self._to_note(placed.parcels, now)
            teams, rest = await self._registered(due, heard, now)
            if teams is not None:
                settled.measured = teams
                self._heard.update(dict.fromkeys(heard, now))
                heard = set()
            if slow or rest or heard:
                await self._in_a_unit(slow, rest, heard, now, settled, placed.synthetic)
        except StoreUnavailableError:
            self._instruments.store_failed(Store.RECORDS)
            raise
        finally:
            self._asked.set()
        return settled

    async def _registered(
        self, due: Sequence[PatientReading], heard: Collection[str], now: datetime
    ) -> tuple[Sequence[tuple[UUID, UUID]] | None, Sequence[PatientReading]]:
        """Register those of which nothing follows, the short way. Answers with the teams of them all, and with what
        has to be judged; None and all of them where there is no short way now."""
        register = self._records.quiet
        quieted = None if register is None or not due else self._judge.quieted(due)
        if quieted is None or quieted.rest:
            # What comes next is written only when the rules have looked at these: each explanation is then of what
            # there was, and not of readings whose own turn is yet to come.
            self._asked.clear()
        if register is None or quieted is None:
            return None, due
        left_out = await register.add(quieted.group, heard, now)
        if left_out is None:
            return None, due
        return quieted.teams, [*quieted.rest, *(quieted.readings[number] for number in sorted(left_out))]

    async def _in_a_unit(
        self,
        slow: Sequence[Parcel],
        due: Sequence[PatientReading],
        heard: Collection[str],
        now: datetime,
        settled: Settled,
        synthetic: Sequence[PatientReading],
    ) -> None:
        """One transaction: what was refused, who was heard, what follows from the readings."""
        async with self._records.begin() as unit:
            for parcel, promised in zip(slow, await keep_all(unit, slow), strict=True):
                settled.refused += len(parcel.refused)
                receipt = parcel.receipt(promised)
                if receipt is not None:
                    settled.answers.append(answer(parcel, receipt))
                await close(unit, parcel)
            if heard:
                await unit.homes.heard(heard, now)
            if due:
                changed = await self._judge.judge(unit, due, now)
                settled.measured = settled.measured or changed.teams
                settled.alerts, settled.ruled = changed.alerts, True
            if synthetic:
                settled.synthetic = len(synthetic)
                settled.ruled |= await judge_synthetic(unit, synthetic, now) > 0
        self._heard.update(dict.fromkeys(heard, now))

    def _to_note(self, parcels: Sequence[Parcel], now: datetime) -> set[str]:
        gateways = {parcel.gateway for parcel in parcels if parcel.kept is None}
        noted, long_ago = self._heard, now - HEARD_EVERY
        return {one for one in gateways if one not in noted or not long_ago < noted[one] <= now}

    async def _plainly(self, parcels: Sequence[Parcel], now: datetime) -> PlainOwners:
        """The readings of parcels against which nothing speaks, and the parcels that have to be looked at."""
        found = plain_owners(parcels, self._homes, now)
        claimed = await self._as_remembered(found)
        if claimed is None:
            claimed = await self._learn(parcels)
            found = plain_owners(parcels, self._homes, now)
        weighings = found.weighings
        doubtful = claimed | await self._weights.far(weighings, now) if weighings else claimed
        return plain_owners(parcels, self._homes, now, doubtful) if doubtful else found

    async def _as_remembered(self, found: PlainOwners) -> frozenset[UUID] | None:
        """Those of the weighings a person has spoken of; None where what is remembered of homes holds no longer."""
        register = self._records.quiet
        if register is None or not found.learned:
            return None
        look = await register.look(found.weights)
        return look.claimed if look.homes == self._homes.revision else None

    async def _learn(self, parcels: Sequence[Parcel]) -> frozenset[UUID]:
        """Bring the memory of homes up to date; returns those of the weighings a person has spoken of."""
        readings = [reading for parcel in parcels for reading, _ in parcel.quick or ()]
        weighings = [one.id for one in readings if one.kind == WEIGHT]
        gateways = {one.gateway for one in parcels if one.quick is not None}
        async with self._records.read() as unit:
            await self._homes.refresh(unit, gateways, {one.sensor for one in readings})
            return frozenset(await unit.homes.claims(weighings)) if weighings else frozenset()

    async def _place(self, parcels: Sequence[Parcel], now: datetime) -> list[PatientReading]:
        """Sort each parcel's readings into those with a patient, returned, and those that have to wait."""
        readings = [reading for parcel in parcels for reading in parcel.content.readings]
        async with self._records.read() as unit:
            ownership = await Ownership.load(unit, {parcel.gateway for parcel in parcels}, readings)
        rows = [row for parcel in parcels for row in await self._placed(parcel, ownership, now)]
        return rows + await self._known_already(parcels)

    async def _known_already(self, parcels: Sequence[Parcel]) -> list[PatientReading]:
        """What would have to wait for a person's word, and stands in the store: identity is the id alone, and by now
        its meter may be somebody else's, or its time corrected by the home."""
        asked = {one.reading_ids[0] for parcel in parcels for one in parcel.refused if one.reason in _WAITS_FOR_WORD}
        stored = await self._readings.get_many(asked) if asked else {}
        found = {one: row for one, row in stored.items() if row.patient_id != NOBODY}  # taken back, it waits again
        for parcel in parcels if found else ():
            known = [one for one in parcel.refused if one.reason in _WAITS_FOR_WORD and one.reading_ids[0] in found]
            parcel.refused = [one for one in parcel.refused if one not in known]
            parcel.stored += [one.reading_ids[0] for one in known]
        return list(found.values())

    async def _placed(self, parcel: Parcel, ownership: Ownership, now: datetime) -> list[PatientReading]:
        parcel.stored.clear()
        parcel.refused = list(parcel.content.refused)
        if not ownership.enrolled(parcel.gateway) and not (parcel.gateway == self._watchdog and only_synthetic(parcel)):
            if not any(one.whole for one in parcel.refused):
                parcel.refused = [_of_a_stranger(parcel)]
            return []
        rows: list[PatientReading] = []
        for reading in parcel.content.readings:
            if reading.synthetic:
                parcel.stored.append(reading.id)
                continue
            found = ownership.patient_of(parcel.gateway, reading)
            if isinstance(found, Owned) and await self._is_a_guest_s(found, reading, now):
                found = unclear(reading)
            if isinstance(found, Refused):
                parcel.refused.append(found)
            else:
                rows.append(PatientReading(found.patient_id, parcel.gateway, reading, now))
                parcel.stored.append(reading.id)
        return rows

    async def _is_a_guest_s(self, found: Owned, reading: Reading, now: datetime) -> bool:
        weight = None if found.certain else weight_of(reading)
        if weight is None or await self._readings.get(reading.id) is not None:
            return False
        one = Weighing(found.patient_id, reading.id, weight, reading.effective_time)
        return bool(await self._weights.far([one], now))

    async def _due(self, rows: Sequence[PatientReading], new: frozenset[UUID]) -> list[PatientReading]:
        """What has to be judged, as far as can be said before its patients are locked. A reading that was stored before
        is judged as it was stored: only the first one of an id counts."""
        if len(rows) == len(new):
            return list(rows)
        repeated = {row.id for row in rows if row.id not in new}
        async with self._records.read() as unit:
            unjudged = repeated - await unit.judgements.known(repeated)
        stored = await self._taken_up(rows, await self._readings.get_many(unjudged) if unjudged else {})
        due = {row.id: row for row in reversed(rows) if row.id in new}
        return [*reversed(due.values()), *(row for row in stored.values() if not row.aside)]

    async def _taken_up(
        self, rows: Sequence[PatientReading], stored: Mapping[UUID, PatientReading]
    ) -> Mapping[UUID, PatientReading]:
        """What a person had taken back stands in the store as nobody's: now it is somebody's again."""
        places = {
            row.id: Place(row.patient_id, row.effective_time)
            for row in rows
            if row.id in stored and stored[row.id].patient_id == NOBODY
        }
        if not places:
            return stored
        await self._readings.move(places)
        return {**stored, **{one: stored[one].moved(place) for one, place in places.items()}}


def _of_a_stranger(parcel: Parcel) -> Refused:
    ids = [reading.id for reading in parcel.content.readings]
    ids += [one for refused in parcel.content.refused for one in refused.reading_ids]
    message = "no gateway of this name is enrolled; its readings are kept and taken when it is"
    return Refused(Reason.UNKNOWN_GATEWAY, message, parcel.payload, tuple(dict.fromkeys(ids)), whole=True)
