"""Fills the ward: every state a view can show."""

import atexit
import math
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import make_url

from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rules import Level, Limit, Persistence, ThresholdRule
from hearthline_backend.domain.templates import Override, build_plan
from hearthline_backend.storage.memory import MemoryReadings
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Outcome
from hearthline_backend.storage.records.calls import AttemptOutcome
from hearthline_backend.storage.records.care import Organisation, Patient, Team
from hearthline_backend.storage.records.homes import Assignment, Gateway, Sensor
from hearthline_backend.storage.records.people import Contact, Role, User
from hearthline_backend.web.passwords import hash_password
from hearthline_protocol.readings import Reading
from tests.browser.ward import MOMENT, PASSWORD, ZONE, Ward, named, pressure, reading
from tests.fixtures.postgresql import copied_database, kept_database
from tests.fixtures.records import Engine, migrated_records, opened_records, records_url

STAFF: Final = ("nurse", "second", "doctor", "stranger", "technician")
ON_CALL: Final = ("nurse", "second")
GREEN: Final = (
    *("Maja", "Olav", "Lucia", "Tor", "Nils", "Greta"),
    *("Karin", "Anders", "Birgit", "Erik", "Frida", "Hugo"),
)
_CUFF: Final = "C0:00:00:00:03:01"

_MORNING: Final = (time(6), time(10))
_SLOTS: Final = {
    "oxygen_saturation": Slot("oxygen_saturation", "morning", *_MORNING),
    "body_weight": Slot("body_weight", "morning", *_MORNING),
    "glucose": Slot("glucose", "morning", *_MORNING),
}


def _oxygen(red: float, yellow: float) -> ThresholdRule:
    return ThresholdRule(
        id="oxygen_low",
        kind="oxygen_saturation",
        direction="below",
        red=(Limit("spo2", red, "%", personal=True),),
        yellow=(Limit("spo2", yellow, "%", personal=True),),
        yellow_persistence=Persistence(2, 3),
        source="Set for this patient",
        advice="Ask about breathlessness, then a second reading with a warm hand.",
    )


def _weight(red: float, yellow: float) -> ThresholdRule:
    return ThresholdRule(
        id="weight_high",
        kind="body_weight",
        direction="above",
        red=(Limit("weight", red, "kg", personal=True),),
        yellow=(Limit("weight", yellow, "kg", personal=True),),
        source="Set for this patient",
        advice="Ask about swollen legs and tablets.",
    )


def _glucose() -> ThresholdRule:
    return ThresholdRule(
        id="glucose_low",
        kind="glucose",
        direction="below",
        red=(Limit("glucose", 54, "mg/dL"),),
        yellow=(Limit("glucose", 70, "mg/dL"),),
        source="ADA: level 1 under 70, level 2 under 54 mg/dL",
        advice="Ask to eat 15 g of sugar, then a second reading after 15 minutes.",
    )


def plan_for(
    name: str,
    *,
    version: int = 1,
    since: datetime = MOMENT - timedelta(days=120),
    rules: Sequence[ThresholdRule] = (),
    kinds: Sequence[str] = (),
    hypertension: bool = True,
) -> Plan:
    """A plan as a clinician would have set it."""
    limit = Override("hypertension.pressure_high", Level.YELLOW, "systolic", 150, "mm[Hg]")
    upper = Override("hypertension.pressure_high", Level.YELLOW, "diastolic", 95, "mm[Hg]")
    red = Override("hypertension.pressure_high", Level.RED, "systolic", 180, "mm[Hg]")
    return build_plan(
        patient_id=named("patient", name),
        version=version,
        valid_from=since,
        conditions=["hypertension"] if hypertension else [],
        reason="Limits agreed at the visit.",
        author="Doctor M.R.",
        overrides=(limit, upper, red) if hypertension else (),
        extra_rules=rules,
        extra_slots=[_SLOTS[kind] for kind in kinds],
    )


async def _people(ward: Ward) -> None:
    hashed = await hash_password(PASSWORD)
    staff = [
        ("nurse", Role.CARE, "E.S.", "Nurse", ward.team, None),
        ("second", Role.CARE, "K.L.", "Nurse", ward.team, None),
        ("doctor", Role.CARE, "M.R.", "Doctor", ward.team, None),
        ("stranger", Role.CARE, "X.Y.", "Nurse", ward.other_team, None),
        ("technician", Role.TECHNICIAN, "J.T.", "Technician", None, None),
        ("patient", Role.PATIENT, "A.", "Patient", None, named("patient", "Astrid")),
    ]
    async with ward.records.begin() as unit:
        await unit.care.add_organisation(Organisation(ward.organisation, "Test Region"))
        await unit.care.add_team(Team(ward.team, ward.organisation, "night team", ZONE, "112", "08-000 00 00"))
        await unit.care.add_team(Team(ward.other_team, ward.organisation, "other team", ZONE, "112"))
    for login, role, initials, title, team, patient in staff:
        user = User(named("user", login), login, hashed, role, initials, title, ward.organisation, team, patient)
        ward.users[login] = user


async def _employ(ward: Ward, *logins: str) -> None:
    starts, ends = MOMENT - timedelta(days=120), datetime(2026, 11, 22, 6, tzinfo=UTC)
    async with ward.records.begin() as unit:
        for login in logins:
            user = ward.users[login]
            await unit.people.add_user(user)
            if user.team_id != ward.team:
                continue
            for place, channel in enumerate(("mail", "webhook")):
                address = f"{login}@example.org" if channel == "mail" else "http://127.0.0.1:9/"
                contact = Contact(named("contact", login, channel), user.id, channel, address, None, place)
                await unit.people.add_contact(contact)
            if login in ON_CALL:
                place = ON_CALL.index(login)
                await unit.people.put_on_call(ward.team, user.id, position=place, starts_at=starts, ends_at=ends)


async def _enrol(
    ward: Ward, name: str, year: int, *plans: Plan, since: int = 120, team: UUID | None = None, **other: Any
) -> None:
    enrolled, phone = MOMENT - timedelta(days=since, hours=6), "070-000 00 00"
    patient = Patient(
        named("patient", name), team or ward.team, name, f"{name[-1].upper()}.", year, ZONE, enrolled, phone, **other
    )
    async with ward.records.begin() as unit:
        await unit.care.add_patient(patient)
        for plan in plans:
            await unit.care.add_plan(plan, created_at=plan.valid_from, author_id=ward.users["doctor"].id)


async def _store(ward: Ward, name: str, rows: Sequence[Reading]) -> None:
    patient = named("patient", name)
    await ward.readings.write([PatientReading(patient, "home-0417", one, one.received_time) for one in rows])


def wave(day: int, low: float, high: float, seed: int) -> float:
    """A believable number of a day: between ``low`` and ``high``, the same in every run."""
    part = (math.sin(day * 1.7 + seed) + math.sin(day * 0.61 + seed * 2.3)) / 4 + 0.5
    return low + (high - low) * part


def _local(day: int, hour: int, minute: int) -> datetime:
    # Stockholm in November is an hour ahead of UTC; only times before the moment exist.
    midnight = datetime(2026, 11, 21, 23, tzinfo=UTC)
    return midnight - timedelta(days=day) + timedelta(hours=hour, minutes=minute)


def _pressures(
    days: range, low: float, high: float, seed: int, *, evenings: bool = True, skip: Sequence[int] = ()
) -> list[Reading]:
    rows = []
    sensor = f"C0:00:00:00:{seed:02X}:01"
    times = [(0, 7, 12), (40, 19, 41)] if evenings else [(0, 7, 12)]
    for day in days:
        for shift, hour, minute in () if day in skip else times:
            top, bottom = wave(day + shift, low, high, seed), wave(day + shift, 76, 89, seed + 1)
            rows.append(pressure(_local(day, hour, minute), round(top), round(bottom), sensor=sensor))
    return rows


def _mornings(
    kind: str, field: str, days: Sequence[int], minute: int, low: float, high: float, seed: int, **other: Any
) -> list[Reading]:
    digits = 1 if field == "weight" else 0
    rows = []
    for day in days:
        values: dict[str, Any] = {field: round(wave(day, low, high, seed), digits), **other}
        rows.append(reading(kind, _local(day, 7, minute), **values))
    return rows


async def _astrid(ward: Ward) -> None:
    more: dict[str, Any] = {
        "rules": [_oxygen(92, 94), _weight(75, 74)],
        "kinds": ["oxygen_saturation", "body_weight"],
    }
    newer = plan_for("Astrid", version=2, since=datetime(2026, 11, 18, 9, tzinfo=UTC), **more)
    await _enrol(ward, "Astrid", 1948, plan_for("Astrid", **more), newer)
    days = [day for day in range(1, 90) if day not in (8, 9)]
    late = pressure(_local(5, 12, 30), 133, 84, received=_local(5, 19, 22), sensor=_CUFF)
    rows = [
        *_pressures(range(1, 90), 132, 148, 3, skip=(8, 9)),
        late,
        *_mornings("body_weight", "weight", days, 10, 70.6, 71.6, 5),
        *_mornings("oxygen_saturation", "spo2", days, 14, 94.6, 97.4, 6),
        reading("body_temperature", _local(19, 8, 2), temperature=36.8),
    ]
    await _store(ward, "Astrid", rows)


async def _patients(ward: Ward) -> None:
    lung: dict[str, Any] = {"hypertension": False, "rules": [_oxygen(88, 90)], "kinds": ["oxygen_saturation"]}
    heart: dict[str, Any] = {"hypertension": False, "rules": [_weight(86, 84)], "kinds": ["body_weight"]}
    sugar: dict[str, Any] = {"hypertension": False, "rules": [_glucose()], "kinds": ["glucose"]}
    await _enrol(ward, "Bengt", 1951, plan_for("Bengt", **lung))
    await _store(ward, "Bengt", _mornings("oxygen_saturation", "spo2", range(1, 60), 30, 90.6, 93.4, 9))
    await _enrol(ward, "Ingrid", 1944, plan_for("Ingrid", **heart))
    await _store(ward, "Ingrid", _mornings("body_weight", "weight", range(2, 60), 32, 81.4, 82.2, 4))
    await _enrol(ward, "Sofia", 1962, plan_for("Sofia"))
    await _store(ward, "Sofia", _pressures(range(1, 60), 134, 146, 12))
    await _enrol(ward, "Milan", 1955, plan_for("Milan", **sugar))
    await _store(ward, "Milan", _mornings("glucose", "glucose", range(1, 60), 45, 88, 160, 2))
    await _enrol(ward, "Per", 1946, plan_for("Per"))
    await _store(ward, "Per", _pressures(range(2, 60), 134, 143, 21, evenings=False))
    await _enrol(ward, "Elin", 1953, plan_for("Elin", **lung))
    await _store(
        ward, "Elin", _mornings("oxygen_saturation", "spo2", range(2, 60), 52, 92, 94, 14, sensor="C1:00:00:00:00:02")
    )
    for number, name in enumerate(GREEN):
        await _enrol(ward, name, 1943 + number, plan_for(name))
        await _store(ward, name, _pressures(range(1, 40), 120, 138, 30 + number))
    away = MOMENT + timedelta(days=6)
    await _enrol(ward, "Vera", 1949, plan_for("Vera"))
    async with ward.records.begin() as unit:
        pause = Pause(PauseKind.HOSPITAL, MOMENT - timedelta(days=2), away)
        await unit.pauses.begin(named("patient", "Vera"), pause, now=pause.begins_at, by=ward.users["nurse"].id)
    await _enrol(ward, "Wilma", 1957, plan_for("Wilma", since=MOMENT - timedelta(hours=6)), since=0)
    await _enrol(ward, "Stranger", 1960, plan_for("Stranger"), team=ward.other_team)
    await _store(ward, "Stranger", _pressures(range(1, 5), 120, 138, 60))


async def _sent(ward: Ward, at: datetime) -> None:
    """What is due is told by every channel, a moment later."""
    for channel in ("mail", "webhook"):
        async with ward.records.begin() as unit:
            for claim in await unit.calls.claim({channel: 100}, at, timedelta(minutes=1)):
                told = at + timedelta(seconds=1)
                await unit.calls.end_attempt(claim.notification.id, claim.attempt, AttemptOutcome.SENT, told, None)
                await unit.calls.sent(claim.notification.id, told)


async def _alerts(ward: Ward) -> None:
    late = pressure(_local(1, 6, 58), 184, 104, received=_local(0, 1, 52), sensor="C0:00:00:00:0C:01")
    high = pressure(_local(0, 3, 4), 186, 112, pulse=88, sensor=_CUFF)
    judged: list[tuple[str, Reading, datetime]] = [
        ("Astrid", pressure(_local(68, 20, 15), 181, 99, sensor=_CUFF), _local(68, 20, 15)),
        ("Astrid", pressure(_local(19, 6, 50), 182, 104, sensor=_CUFF), _local(19, 6, 50)),
        ("Ingrid", reading("body_weight", _local(1, 7, 32), weight=84.2), _local(1, 7, 33)),
        ("Sofia", late, _local(0, 1, 52)),
        ("Bengt", reading("oxygen_saturation", _local(0, 2, 31), spo2=84), _local(0, 2, 31)),
        ("Bengt", reading("oxygen_saturation", _local(0, 2, 40), spo2=86), _local(0, 2, 40)),
        ("Astrid", high, _local(0, 3, 4) + timedelta(seconds=2)),
    ]
    for name, one, at in judged:
        ward.clock.now = at
        await ward.arrive(name, one, at=at)
        await _sent(ward, at + timedelta(seconds=1))
        if at < MOMENT - timedelta(days=2):
            await _resolve(ward, name, at)
        if name == "Bengt" and one.effective_time == _local(0, 2, 31):
            ward.clock.now = _local(0, 2, 35)
            await ward.actions.acknowledge(await ward.alert_of("Bengt"), ward.users["second"])
    ward.clock.now = MOMENT


async def _resolve(ward: Ward, name: str, at: datetime) -> None:
    ward.clock.now = at + timedelta(minutes=22)
    number = await ward.alert_of(name)
    await ward.actions.acknowledge(number, ward.users["nurse"])
    note = "Second reading 164/98 mmHg after 5 min. Evening tablet forgotten."
    await ward.actions.resolve(number, ward.users["nurse"], Outcome.TRUE, note)


def _meter(address: str, model: str, heard: datetime, battery: int, signal: int, **other: Any) -> dict[str, Any]:
    return {
        "address": address,
        "model": model,
        "paired": other.pop("paired", True),
        "last_heard": heard.isoformat(),
        "last_reading": heard.isoformat(),
        "battery_percent": battery,
        "clock_offset_s": other.pop("clock", 2.0),
        "signal_dbm": signal,
        "problem": other.pop("problem", None),
        "bad_frames": other.pop("bad_frames", []),
    }


def _status(state: str, sent: datetime, meters: list[dict[str, Any]], pending: int = 0) -> dict[str, Any]:
    return {
        "schema": 1,
        "state": state,
        "sent_time": sent.isoformat(),
        "version": "0.1.0",
        "started_time": (MOMENT - timedelta(days=19)).isoformat(),
        "clock_synchronised": True,
        "adapter": "powered",
        "outbox": {
            "pending": pending,
            "rejected": 0,
            "oldest_pending": (sent - timedelta(minutes=1)).isoformat() if pending else None,
            "last_receipt": (sent - timedelta(minutes=1)).isoformat(),
        },
        "meters": meters,
    }


_METERS: Final = (("cuff", "A-30"), ("oximeter", "P-2"), ("scale", "W-11"), ("thermometer", "T-5"))


async def _homes(ward: Ward) -> None:
    enrolled = MOMENT - timedelta(days=51)
    recent = MOMENT - timedelta(minutes=2)
    lost = datetime(2026, 11, 21, 17, 41, tzinfo=UTC)
    homes: dict[str, tuple[str, datetime | None, str, int, dict[str, Any]]] = {
        "0417": ("Elin", lost, "offline", 6, {}),
        "0051": (
            "Bengt",
            recent,
            "online",
            0,
            {"paired": False, "problem": "The cuff has forgotten us. Pair it again: hold its button for 5 s."},
        ),
        "0388": ("Per", recent, "online", 0, {}),
        "0219": ("Ingrid", recent, "online", 0, {"clock": 3660.0}),
        "0101": ("Astrid", recent, "online", 0, {}),
        "0102": ("Sofia", recent, "online", 0, {}),
        "0640": ("Maja", None, "", 0, {}),
    }
    async with ward.records.begin() as unit:
        for number, (home, (patient, heard, state, pending, cuff)) in enumerate(homes.items()):
            name = f"home-{home}"
            await unit.homes.add_gateway(Gateway(name, home, ward.organisation, ZONE, enrolled))
            meters = []
            for place, (device, model) in enumerate(_METERS):
                address = f"C1:00:00:00:{number:02X}:{place + 1:02X}"
                await unit.homes.add_sensor(Sensor(address, name, model, device, enrolled))
                await unit.homes.assign(
                    Assignment(named("assignment", address), address, named("patient", patient), enrolled)
                )
                if heard is not None:
                    last = heard - timedelta(hours=3 * place, minutes=1)
                    if home == "0388" and device == "cuff":
                        last = MOMENT - timedelta(days=2, hours=8)
                    battery = 14 if home == "0417" and device == "scale" else 84 - 4 * place
                    extra = cuff if device == "cuff" else {}
                    meters.append(_meter(address, model, last, battery, -58 - 6 * place, **extra))
            if heard is not None:
                await unit.homes.report(name, _status("online", heard, meters, pending), heard, heard=True)
                if state == "offline":
                    will = _status("offline", heard, meters, pending) | {"sent_time": None}
                    await unit.homes.report(name, will, heard + timedelta(seconds=90), heard=False)


async def _visits(ward: Ward) -> None:
    async with ward.records.begin() as unit:
        for login, at in (("doctor", _local(3, 14, 2)), ("second", _local(1, 8, 31))):
            await unit.people.log_access(ward.users[login].id, named("patient", "Astrid"), "patient", at)


@dataclass(frozen=True, slots=True)
class _Filled:
    """A ward that was filled once in this process: where its Records are, its readings, its people."""

    url: str
    rows: Sequence[PatientReading]
    users: Mapping[str, User]


_filled: dict[Engine, _Filled] = {}


async def _fill(engine: Engine) -> _Filled:
    if engine not in _filled:
        url = await _kept_records(engine)
        rows: list[PatientReading] = []
        async with opened_records(url) as records:
            ward = Ward(records, readings=_Remembering(rows))
            await _people(ward)
            await _employ(ward, *STAFF)
            await _astrid(ward)
            await _patients(ward)
            await _employ(ward, "patient")
            await _homes(ward)
            await _alerts(ward)
            await _visits(ward)
        _filled[engine] = _Filled(url, rows, ward.users)
    return _filled[engine]


async def _kept_records(engine: Engine) -> str:
    if engine == "postgresql":
        return await kept_database()
    folder = Path(tempfile.mkdtemp(prefix="hearthline-ward-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    async with migrated_records(folder) as url:
        return url


class _Remembering(MemoryReadings):
    """A store that also lists what was written, for the copies."""

    def __init__(self, rows: list[PatientReading]) -> None:
        super().__init__()
        self._written = rows

    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        self._written.extend(rows)
        return await super().write(rows)


@asynccontextmanager
async def open_ward(folder: Path, engine: Engine = "sqlite") -> AsyncIterator[Ward]:
    """A ward of one's own at its moment; SQLite's is in ``folder``."""
    filled = await _fill(engine)
    async with _copied(filled.url, folder, engine) as url, opened_records(url) as records:
        ward = Ward(records, users=dict(filled.users))
        await ward.readings.write(filled.rows)
        yield ward


@asynccontextmanager
async def _copied(url: str, folder: Path, engine: Engine) -> AsyncIterator[str]:
    if engine == "postgresql":
        async with copied_database(url) as copy:
            yield copy
        return
    file = folder / "records.sqlite3"
    shutil.copy(str(make_url(url).database), file)
    yield records_url(file)
