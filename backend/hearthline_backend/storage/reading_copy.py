"""Copies readings from one store to another, patient by patient, and proves that both hold the same.

Everything may be repeated: a store knows a reading by its id. A file remembers how far it came, so that a copy that was
interrupted goes on there. Nothing is ever deleted.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import UUID

from hearthline_backend.storage.ports import PatientReading, Place, ReadingStore

GROUP: Final = 2000
"""Readings a write: what the stores are quickest with."""

Position = tuple[datetime, UUID]
Say = Callable[[str, int, int], None]
"""Is told what is being done, and of how many patients and readings it was done."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a store holds of a patient: how many readings, and a checksum of all they say and where they stand."""

    count: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What two stores hold of one patient."""

    patient_id: UUID
    source: Contents
    target: Contents


@dataclass(frozen=True, slots=True)
class Copied:
    """What came of it. ``copied`` are readings that the target did not have before."""

    patients: int
    readings: int
    copied: int
    differences: tuple[Compared, ...]


class Progress:
    """How far a copy is, in a file. ``copying`` names the two stores: the position of another pair does not count."""

    def __init__(self, path: Path, copying: str) -> None:
        self._path = path
        self._copying = copying

    def load(self) -> tuple[UUID, Position | None] | None:
        """The patient to go on with, and the last of their readings that was copied."""
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
            if said["copying"] != self._copying:
                return None
            after = said["after"]
            at = None if after is None else (datetime.fromisoformat(after[0]), UUID(after[1]))
            return UUID(said["patient"]), at
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None  # never begun, or not ours: to begin again costs only time

    def save(self, patient_id: UUID, after: Position | None) -> None:
        """Everything up to here is in the target."""
        position = None if after is None else (after[0].isoformat(), str(after[1]))
        said = {"copying": self._copying, "patient": str(patient_id), "after": position}
        started = self._path.with_name(f"{self._path.name}.new")
        started.write_text(json.dumps(said), encoding="utf-8")
        started.replace(self._path)

    def clear(self) -> None:
        """It is done."""
        self._path.unlink(missing_ok=True)


async def copy_readings(source: ReadingStore, target: ReadingStore, progress: Progress, say: Say) -> Copied:
    """Copy what the target does not have yet, then compare all of it. What differs then is copied once more, in case
    the source changed after it was copied, and compared again. Raises ``StoreUnavailableError``."""
    patients = await source.patients()
    copied = await _copy(source, target, patients, progress, say)
    everybody = sorted({*patients, *await target.patients()})
    compared = await _compare(source, target, everybody, say)
    differ = [one.patient_id for one in compared if one.source != one.target]
    for patient_id in differ:  # all of them first: what left one of them may have gone to another
        copied += await _copy_again(source, target, patient_id)
    differences = [one for one in await _compare(source, target, differ, say) if one.source != one.target]
    if not differences:
        progress.clear()
    return Copied(len(patients), sum(one.source.count for one in compared), copied, tuple(differences))


async def _compare(source: ReadingStore, target: ReadingStore, patients: Sequence[UUID], say: Say) -> list[Compared]:
    found: list[Compared] = []
    readings = 0
    for number, patient_id in enumerate(patients):
        found.append(Compared(patient_id, await contents(source, patient_id), await contents(target, patient_id)))
        readings += found[-1].source.count
        say("compared", number + 1, readings)
    return found


async def contents(store: ReadingStore, patient_id: UUID) -> Contents:
    """What a store holds of a patient."""
    count, checksum = 0, sha256()
    async for page in _pages(store, patient_id, None):
        for one in page:
            count += 1
            # Not the body as it stands: engines may write the same JSON differently.
            said = one.reading.model_dump_json(exclude_defaults=True)
            place = f"{one.gateway}\n{one.stored_time.isoformat()}\n{one.aside}\n"
            checksum.update(f"{place}{len(said)}\n{said}".encode())
    return Contents(count, checksum.hexdigest())


async def _copy(
    source: ReadingStore, target: ReadingStore, patients: Sequence[UUID], progress: Progress, say: Say
) -> int:
    begun = progress.load()
    group: list[PatientReading] = []
    copied, seen = 0, 0
    for number, patient_id in enumerate(patients):
        if begun is not None and patient_id < begun[0]:
            continue
        after = begun[1] if begun is not None and patient_id == begun[0] else None
        async for page in _pages(source, patient_id, after):
            group += page
            seen += len(page)
            if len(group) >= GROUP:
                copied += len(await target.write(group))
                group.clear()
                progress.save(patient_id, (page[-1].effective_time, page[-1].id))
                say("copied", number, seen)
    copied += len(await target.write(group))
    say("copied", len(patients), seen)
    return copied


async def _copy_again(source: ReadingStore, target: ReadingStore, patient_id: UUID) -> int:
    """What the target lacks, and what it has at another place: the source moved it meanwhile."""
    copied = 0
    async for page in _pages(source, patient_id, None):
        copied += len(await target.write(page))
        there = await target.get_many([one.id for one in page])
        moved = {one.id: _place(one) for one in page if one.id in there and _place(there[one.id]) != _place(one)}
        await target.move(moved)
    return copied


async def _pages(store: ReadingStore, patient_id: UUID, after: Position | None) -> AsyncIterator[list[PatientReading]]:
    while page := await store.everything(patient_id, after, GROUP):
        yield page
        after = (page[-1].effective_time, page[-1].id)


def _place(one: PatientReading) -> Place:
    return Place(one.patient_id, one.effective_time, one.aside)
