"""The inbox: readings of which a person has to say whose they are, one question each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from hearthline_backend.ingest.refusal import Reason
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.corrections import Correction, What
from hearthline_backend.storage.records.homes import Gateway
from hearthline_backend.unclear_readings import Unclear
from hearthline_backend.web.figures import Figure, device_name, kind_name, quality_words, reading_figure
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import When, stamp, when
from hearthline_backend.web.views.ownership import person
from hearthline_protocol.readings import Reading


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody it may be of."""

    patient_id: UUID
    name: str
    likely: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """One reading. ``said`` is empty while it waits; then it tells what was said, and ``undo`` whether the person
    looking may take it back. ``guest`` says whether it may be called a guest's."""

    reading_id: UUID
    kind: str = ""
    figure: Figure | None = None
    measured: When | None = None
    place: str = ""
    why: str = ""
    hint: str = ""
    notes: str = ""
    choices: tuple[Choice, ...] = ()
    guest: bool = False
    said: str = ""
    undo: bool = False
    csrf: str = ""
    just: bool = False
    """Whether the person looking has just said it, and stands in its row."""

    @property
    def version(self) -> str:
        """Changes when anything that is shown does."""
        return sha256(repr(replace(self, csrf="", just=False)).encode()).hexdigest()[:12]


def name_of(patient: Patient) -> str:
    """Given and family name."""
    return f"{patient.given_name} {patient.family_name}".strip()


def asked(
    one: Unclear,
    reading: Reading,
    home: Gateway | None,
    own: Sequence[Patient],
    likely: UUID | None,
    now: datetime,
    csrf: str,
) -> Asked:
    """A reading that waits. ``own`` are the candidates of the viewer's team; the others are counted and not named."""
    others = len(one.candidates) - len(own)
    device = device_name(one.sensor.device)
    meter = _("{device} {model}").format(device=device, model=one.sensor.model)
    place = _("{meter}, home {home}").format(meter=meter, home=home.home) if home is not None else meter
    return Asked(
        reading_id=one.reading_id,
        kind=kind_name(reading.kind),
        figure=reading_figure(reading),
        measured=when(reading.effective_time, now, today=True),
        place=place,
        why=_why(one, others),
        hint=_hint(one, likely, own),
        notes=". ".join(quality_words(reading)),
        choices=tuple(
            Choice(each.id, name_of(each), each.id == likely)
            for each in sorted(own, key=lambda each: (each.id != likely, name_of(each)))
        ),
        guest=others == 0,
        csrf=csrf,
    )


def _why(one: Unclear, others: int) -> str:
    if one.reason is Reason.NOT_ASSIGNED:
        words = _("The meter was nobody’s when this was measured.")
    elif len(one.candidates) > 1:
        words = _("They share this meter, and it cannot tell them apart.")
    else:
        words = _("This is not like the usual weight of the person whose meter it is.")
    if others:
        more = n_("{n} person of another team is asked, too.", "{n} people of other teams are asked, too.", others)
        words += " " + more.format(n=others)
    return words


def _hint(one: Unclear, likely: UUID | None, own: Sequence[Patient]) -> str:
    found = next((each for each in own if each.id == likely), None)
    if found is not None:
        return _("Near the usual weight of {name}.").format(name=found.given_name)
    if one.kind == "body_weight" and one.reason is Reason.WHOSE and likely is None:
        return _("Near nobody’s usual weight.")
    return ""


def answered(
    reading_id: UUID, last: Correction | None, patients: Mapping[UUID, Patient], viewer: UUID, now: datetime, csrf: str
) -> Asked:
    """A reading that no longer waits: what was said of it last. ``patients`` are of the viewer's team."""
    if last is None or last.what is not What.CLAIMED:
        return Asked(reading_id, said=_("It does not wait any more."), csrf=csrf)
    whose = patients.get(last.patient_after) if last.patient_after is not None else None
    if last.patient_after is not None and whose is None:
        return Asked(reading_id, said=_("Another team has said whose it is."), csrf=csrf)
    who = person(last.by, last.initials, viewer)
    words = _("A guest’s.") if whose is None else _("{name}’s.").format(name=name_of(whose))
    said = f"{words} " + _("{who} said so, {time}.").format(who=who, time=stamp(last.at, now))
    return Asked(reading_id, kind_name(last.kind or ""), said=said, undo=True, csrf=csrf)


def heading(count: int) -> str:
    """The answer on top."""
    if not count:
        return _("No reading waits for you")
    return n_("{n} reading waits: whose is it?", "{n} readings wait: whose are they?", count).format(n=count)
