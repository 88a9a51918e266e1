"""What a readings store should hold after some steps, kept in a dict; and how to take the steps and to compare."""

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st

from hearthline_backend.storage.ports import PatientReading, Place, ReadingStore
from hearthline_protocol.readings import Quality
from tests.contract.reading_stores import whole_series
from tests.fixtures.readings import of_patient, pressure, value
from tests.fixtures.records import NOW

PEOPLE = 3
KINDS = {"blood_pressure": "systolic", "heart_rate": "rate"}

_examples = itertools.count(1)
_ids = st.integers(0, 10)
_people = st.integers(0, PEOPLE - 1)
_offsets = st.sampled_from([-3 * 365 * 86400, -3, -1, 0, 1, 3, 86400])
ROW = st.tuples(_ids, _offsets, st.sampled_from(list(Quality)), _people, st.sampled_from(list(KINDS)))
_place = st.tuples(_people, _offsets, st.booleans())
_write = st.lists(ROW, max_size=8)
_move = st.dictionaries(_ids, _place, max_size=4)
STEP = st.one_of(_write, _write, _move, _people)
"""Write rows, move some, or erase a patient."""

Written = tuple[int, int, Quality, int, str]
Put = tuple[int, int, bool]
Step = list[Written] | dict[int, Put] | int


@dataclass
class Model:
    """What a store should hold. Each example has its own ids and patients, so that all can share one store."""

    example: int = field(default_factory=lambda: next(_examples))
    rows: dict[UUID, PatientReading] = field(default_factory=dict)

    def known_as(self, number: int) -> UUID:
        """An id, or a patient: their order is that of the numbers."""
        return UUID(int=(self.example << 64) + number)

    @property
    def people(self) -> list[UUID]:
        """Everybody who may have readings."""
        return [self.known_as(number) for number in range(PEOPLE)]

    def made(self, number: int, offset: int, quality: Quality, person: int, kind: str) -> PatientReading:
        """A reading of this example."""
        values = {KINDS[kind]: value(100 + number, "1")}
        moment = NOW + timedelta(seconds=offset)
        reading = pressure(id=self.known_as(number), effective_time=moment, quality=quality, kind=kind, values=values)
        return of_patient(reading, self.known_as(person))

    def place(self, put: Put) -> Place:
        """A place of this example."""
        person, offset, aside = put
        return Place(self.known_as(person), NOW + timedelta(seconds=offset), aside)

    def of(self, patient: UUID) -> list[PatientReading]:
        """Everything of a patient, in order."""
        return sorted(
            (one for one in self.rows.values() if one.patient_id == patient),
            key=lambda one: (one.effective_time, one.id),
        )


async def do(store: ReadingStore, model: Model, step: Step) -> None:
    """Take a step in both, and see that they answer alike."""
    if isinstance(step, list):
        rows = [model.made(*one) for one in step]
        new = {one.id for one in rows} - model.rows.keys()
        for one in rows:
            model.rows.setdefault(one.id, one)
        assert await store.write(rows) == new
    elif isinstance(step, dict):
        places = {model.known_as(number): model.place(put) for number, put in step.items()}
        known = places.keys() & model.rows.keys()
        model.rows |= {one: model.rows[one].moved(places[one]) for one in known}
        assert await store.move(places) == known
    else:
        gone = model.of(model.known_as(step))
        for one in gone:
            del model.rows[one.id]
        assert await store.erase(model.known_as(step)) == len(gone)


async def agrees(store: ReadingStore, model: Model) -> None:
    """See that whatever can be asked gives what the model holds."""
    ids = [model.known_as(number) for number in range(11)]
    assert await store.get_many(ids) == model.rows
    last: dict[UUID, dict[str, PatientReading]] = {}
    for patient in model.people:
        mine = model.of(patient)
        assert await store.everything(patient) == mine
        for kind in KINDS:
            series = [one for one in mine if one.kind == kind and not one.aside]
            assert await whole_series(store, patient, kind) == series
            shown = [one for one in series if one.content.quality.judged]
            if shown:
                last.setdefault(patient, {})[kind] = shown[-1]
    assert await store.latest(model.people) == last
    named = set(await store.patients()) & set(model.people)
    assert named == {one.patient_id for one in model.rows.values()}
