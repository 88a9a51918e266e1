"""The register of places, in Records: which place each id has.

A row is a place (patient, time, kind, slot) and the id it was taken for; it is never given to another. One row of an id
``STANDS``; its others are places it came from or goes to. A place is claimed, in a transaction of its own, before its
point is written. An open claim says that its points may be missing; the next transaction closes it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from secrets import randbits
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.influxdb.spot import Spot, slot_at
from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.schema import reading_bucket, reading_claims, reading_places

T = TypeVar("T")

STANDS: Final = 0
COMES: Final = 1
LEAVES: Final = 2
LEFT: Final = 3
ERASED: Final = 4
WRITTEN: Final = 0
"""The claim of a point that surely is there."""

A_QUERY: Final = 500
_ATTEMPTS: Final = 64
_A_STATEMENT: Final = 100
_COLUMNS: Final = "patient_id, time_us, kind, slot, reading_id, aside, state, claim"
_TAKE_SQLITE: Final = f"INSERT INTO reading_places ({_COLUMNS}) VALUES {{marks}} ON CONFLICT DO NOTHING"  # noqa: S608  # our own names
_TAKE_POSTGRESQL: Final = f"""INSERT INTO reading_places ({_COLUMNS})
    SELECT patient, at, kind, slot, one, aside, $1::smallint, $2::bigint
    FROM unnest($3::uuid[], $4::varchar[], $5::bigint[], $6::integer[], $7::boolean[], $8::uuid[])
        AS wanted (patient, kind, at, slot, aside, one)
    ORDER BY one
    ON CONFLICT DO NOTHING"""  # noqa: S608  # as above
_CLAIM_POSTGRESQL: Final = f"""WITH closed AS (DELETE FROM reading_claims WHERE claim = ANY($9::bigint[])),
    opened AS (INSERT INTO reading_claims (claim, opened_at) VALUES ($2::bigint, $10))
    {_TAKE_POSTGRESQL}"""  # noqa: S608  # as above
"""All that a group of new readings needs, as one statement."""
_PATIENTS: Final = text("""WITH RECURSIVE found (patient_id) AS (
        SELECT (SELECT patient_id FROM reading_places ORDER BY patient_id LIMIT 1)
        UNION ALL SELECT (SELECT next.patient_id FROM reading_places AS next
            WHERE next.patient_id > found.patient_id ORDER BY next.patient_id LIMIT 1)
        FROM found WHERE found.patient_id IS NOT NULL)
    SELECT patient_id FROM found WHERE patient_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM reading_places AS one WHERE one.patient_id = found.patient_id AND one.state = 0)
    ORDER BY patient_id""").columns(reading_places.c.patient_id)
"""Steps from patient to patient in the index instead of reading a row for every reading."""

places: Final = reading_places.c
spot_columns: Final = (places.patient_id, places.kind, places.time_us, places.slot, places.aside)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an id stands. ``certain`` is False where its point may not be written."""

    spot: Spot
    claim: int
    certain: bool


class Register:
    """Repository on one transaction's connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def bucket(self) -> str | None:
        """The id of the bucket that the places are in."""
        found: str | None = await self.connection.scalar(select(reading_bucket.c.bucket_id))
        return found

    async def set_bucket(self, bucket_id: str) -> None:
        """The places are in this one from now on."""
        await self.connection.execute(delete(reading_bucket))
        await self.connection.execute(insert(reading_bucket), {"bucket_id": bucket_id})

    async def is_empty(self) -> bool:
        """Whether there is no place at all."""
        return await self.connection.scalar(select(places.slot).limit(1)) is None

    async def forget_everything(self) -> None:
        """Every place and every claim."""
        await self.connection.execute(delete(reading_places))
        await self.connection.execute(delete(reading_claims))

    async def open_claim(self) -> int:
        """The number of a new claim, which stays open until :meth:`close_claims`."""
        claim = 1 + randbits(62)
        row = {"claim": claim, "opened_at": datetime.now(UTC)}
        await self.connection.execute(insert(reading_claims), row)
        return claim

    async def close_claims(self, claims: Collection[int]) -> None:
        """Say that all their points are written."""
        for part in parts(claims, A_QUERY):
            await self.connection.execute(delete(reading_claims).where(reading_claims.c.claim.in_(part)))

    async def open_claims(self, patient_id: UUID) -> dict[int, datetime]:
        """The open claims on places of a patient, and since when."""
        whose = select(places.claim).where(places.patient_id == patient_id)
        query = select(reading_claims.c.claim, reading_claims.c.opened_at).where(reading_claims.c.claim.in_(whose))
        rows = await self.connection.execute(query)
        return {row.claim: row.opened_at for row in rows}

    async def claim_anew(
        self, wanted: Mapping[UUID, Spot], closed: Collection[int]
    ) -> tuple[int, dict[UUID, Standing] | None]:
        """Close claims as :meth:`close_claims`, open one, and take places under it as :meth:`claim`, whose answer comes
        with the new number."""
        if self.connection.dialect.name != "postgresql":
            await self.close_claims(closed)
            number = await self.open_claim()
            return number, await self.claim(wanted, number)
        number = 1 + randbits(62)
        arguments = (*_columns(wanted, STANDS, number), list(closed), datetime.now(UTC))
        taken = (await self.connection.exec_driver_sql(_CLAIM_POSTGRESQL, arguments)).rowcount
        return number, None if taken == len(wanted) else await self._beside(wanted, number)

    async def claim(self, wanted: Mapping[UUID, Spot], claim: int) -> dict[UUID, Standing] | None:
        """Take a place for each id that has none. Returns where they stand then; None: all of them as wanted, and new.

        Raises :class:`StoreUnavailableError` where no place can be found.
        """
        if await self.take(wanted, STANDS, claim) == len(wanted):
            return None
        return await self._beside(wanted, claim)

    async def _beside(self, wanted: Mapping[UUID, Spot], claim: int) -> dict[UUID, Standing]:
        standing = await self.standing(wanted)
        for attempt in range(1, _ATTEMPTS):
            missing = {one: spot for one, spot in wanted.items() if one not in standing}
            if not missing:
                return standing
            # Another reading of the same patient, kind and moment has the place: take one beside it.
            beside = {one: spot._replace(slot=slot_at(attempt, one)) for one, spot in missing.items()}
            await self.take(beside, STANDS, claim)
            standing |= await self.standing(missing)
        raise StoreUnavailableError("readings are not available: no free place beside each other; try again")

    async def take(self, wanted: Mapping[UUID, Spot], state: int, claim: int) -> int:
        """Add a row for each whose place is free, and whose id stands nowhere where it would stand; returns how many.

        In order of id, so that two who want the same wait for each other instead of blocking each other.
        """
        if self.connection.dialect.name == "postgresql":
            arguments = _columns(wanted, state, claim)
            return (await self.connection.exec_driver_sql(_TAKE_POSTGRESQL, arguments)).rowcount
        taken = 0
        for part in parts(sorted(wanted.items(), key=_number), _A_STATEMENT):
            values: list[Any] = []
            for one, (patient_id, kind, time_us, slot, aside) in part:
                values += (patient_id.hex, time_us, kind, slot, one.hex, aside, state, claim)
            statement = _TAKE_SQLITE.format(marks=",".join(["(?,?,?,?,?,?,?,?)"] * len(part)))
            taken += (await self.connection.exec_driver_sql(statement, tuple(values))).rowcount
        return taken

    async def standing(self, ids: Iterable[UUID]) -> dict[UUID, Standing]:
        """Where those that are known stand."""
        found: list[tuple[UUID, Spot, int]] = []
        for part in parts(ids, A_QUERY):
            query = select(places.reading_id, places.claim, *spot_columns)
            rows = await self.connection.execute(query.where(places.state == STANDS, places.reading_id.in_(part)))
            found += [(row.reading_id, spot_in(row), row.claim) for row in rows]
        still_open: set[int] = set()
        for some in parts({claim for _, _, claim in found if claim != WRITTEN}, A_QUERY):
            query_open = select(reading_claims.c.claim).where(reading_claims.c.claim.in_(some))
            still_open.update(await self.connection.scalars(query_open))
        return {one: Standing(spot, claim, claim not in still_open) for one, spot, claim in found}

    async def take_over(self, ids: Iterable[UUID], claim: int) -> None:
        """Their points are written under another claim now."""
        for part in parts(ids, A_QUERY):
            theirs = (places.state == STANDS, places.reading_id.in_(part))
            await self.connection.execute(update(reading_places).where(*theirs).values(claim=claim))

    async def abandon(self, spots: Mapping[UUID, Spot]) -> None:
        """Their points were never written, and shall not be there: what comes late does not count."""
        for one, spot in spots.items():
            where = (places.state == STANDS, places.reading_id == one, at(spot))
            await self.connection.execute(update(reading_places).where(*where).values(state=LEFT))

    async def patients(self) -> list[UUID]:
        """Everybody who has a place, in order."""
        return list(await self.connection.scalars(_PATIENTS))

    async def page(self, patient_id: UUID, after: tuple[int, UUID] | None, limit: int) -> list[tuple[UUID, Spot]]:
        """What a patient has, by time in microseconds, then id: the first ``limit`` after ``after``."""
        query = select(places.reading_id, *spot_columns).where(places.patient_id == patient_id, places.state == STANDS)
        if after is not None:
            later = and_(places.time_us == after[0], places.reading_id > after[1])
            query = query.where(places.time_us >= after[0], or_(places.time_us > after[0], later))
        ordered = query.order_by(places.time_us, places.reading_id).limit(limit)
        return [(row.reading_id, spot_in(row)) for row in await self.connection.execute(ordered)]

    async def newest(self, patient_id: UUID, kind: str, skipped: int, limit: int) -> list[tuple[UUID, Spot]]:
        """The latest places of a series, the newest first."""
        query = select(places.reading_id, *spot_columns).where(
            places.patient_id == patient_id, places.kind == kind, places.state == STANDS, places.aside.is_(False)
        )
        ordered = query.order_by(places.time_us.desc(), places.reading_id.desc()).offset(skipped).limit(limit)
        return [(row.reading_id, spot_in(row)) for row in await self.connection.execute(ordered)]

    async def erase(self, patient_id: UUID) -> int:
        """Take a patient's readings out of sight; how many there are, also where it is done again."""
        theirs = (places.patient_id == patient_id, places.state == STANDS)
        await self.connection.execute(update(reading_places).where(*theirs).values(state=ERASED))
        erased = (places.patient_id == patient_id, places.state == ERASED)
        return int((await self.connection.execute(select(func.count()).where(*erased))).scalar_one())

    async def elsewhere(self, patient_id: UUID) -> list[tuple[UUID, Spot]]:
        """Places of other patients that the erased readings once had, or were to have."""
        query = select(places.reading_id, *spot_columns).where(_elsewhere(patient_id))
        return [(row.reading_id, spot_in(row)) for row in await self.connection.execute(query)]

    async def forget_erased(self, patient_id: UUID) -> None:
        """Forget the erased readings' ids, and what else there was of the patient."""
        await self.connection.execute(delete(reading_places).where(_elsewhere(patient_id)))
        theirs = (places.patient_id == patient_id, places.state != STANDS)
        await self.connection.execute(delete(reading_places).where(*theirs))


def at(spot: Spot) -> ColumnElement[bool]:
    """The condition that a row is of this place."""
    return and_(
        places.patient_id == spot.patient_id,
        places.kind == spot.kind,
        places.time_us == spot.time_us,
        places.slot == spot.slot,
    )


def _elsewhere(patient_id: UUID) -> ColumnElement[bool]:
    erased = select(places.reading_id).where(places.patient_id == patient_id, places.state == ERASED)
    return and_(places.patient_id != patient_id, places.state != STANDS, places.reading_id.in_(erased))


def spot_in(row: Any) -> Spot:
    """The place in a row that has the columns of one."""
    return Spot(row.patient_id, row.kind, row.time_us, row.slot, row.aside)


def parts(whole: Iterable[T], size: int) -> Iterator[list[T]]:
    """In lists of at most ``size``."""
    rest = iter(whole)
    while part := list(islice(rest, size)):
        yield part


def _columns(wanted: Mapping[UUID, Spot], state: int, claim: int) -> tuple[Any, ...]:
    """What ``_TAKE_POSTGRESQL`` takes."""
    columns = zip(*wanted.values(), strict=True)
    return (state, claim, *map(list, columns), list(wanted))


def _number(row: tuple[UUID, Spot]) -> int:
    return row[0].int
