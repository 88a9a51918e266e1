"""What waits for a person in the ward: a shared scale, a meter that was nobody's, a guest's weight, other refusals."""

import json
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.storage.records.homes import Assignment, Sensor
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.messages import ReadingsBatch
from hearthline_protocol.readings import Reading
from tests.browser.ward import MOMENT, Ward, named, pressure, reading

GATEWAY: Final = "home-0101"
SHARED: Final = "C2:00:00:00:00:01"
OWN: Final = "C2:00:00:00:00:02"
LATE_CUFF: Final = "C2:00:00:00:00:03"
_SINCE: Final = MOMENT - timedelta(days=51)

SHARED_WEIGHT: Final = reading("body_weight", MOMENT - timedelta(minutes=6), weight=71.4, sensor=SHARED)
"""Astrid's and Ingrid's scale; near Astrid's usual weight."""
GUEST_WEIGHT: Final = reading("body_weight", MOMENT - timedelta(minutes=41), weight=55.3, sensor=OWN)
"""On Astrid's own scale, far from her weight."""
NOBODYS: Final = pressure(MOMENT - timedelta(days=3), 191, 112, sensor=LATE_CUFF)
"""From before the cuff was Astrid's."""


async def fill_inbox(ward: Ward) -> None:
    """Add it, with an engineer who may open what was sent."""
    async with ward.records.begin() as unit:
        for address, device in ((SHARED, "scale"), (OWN, "scale"), (LATE_CUFF, "cuff")):
            await unit.homes.add_sensor(Sensor(address, GATEWAY, "W-11", device, _SINCE))
        await assign(unit, OWN, ward.patient_id("Astrid"))
        nurse = ward.users["nurse"]
        engineer = User(
            named("user", "engineer"), "engineer", nurse.password_hash, Role.ENGINEER, "L.E.", "Engineer",
            ward.organisation,
        )  # fmt: skip
        await unit.people.add_user(engineer)
        ward.users["engineer"] = engineer
    for day in range(1, 8):  # so that something is usual
        at = MOMENT - timedelta(days=day)
        await send(ward, reading("body_weight", at, weight=71 + day / 10, sensor=OWN))
    async with ward.records.begin() as unit:
        for name in ("Astrid", "Ingrid"):
            await assign(unit, SHARED, ward.patient_id(name), shared=True)
        await assign(unit, LATE_CUFF, ward.patient_id("Astrid"), MOMENT - timedelta(days=1))
    await send(ward, SHARED_WEIGHT)
    await send(ward, GUEST_WEIGHT)
    await send(ward, NOBODYS)


async def fill_quarantine(ward: Ward, rows: int = 4) -> None:
    """What technicians see: garbage, an unknown meter, a wrong unit, another gateway."""
    unknown = pressure(MOMENT - timedelta(minutes=9), 140, 90, sensor="C9:00:00:00:00:09")
    wrong = SHARED_WEIGHT.model_dump(mode="json") | {"id": str(named("wrong")), "kind": "shoe_size"}
    for payload in (b"\x00\x01 not json", _batch(unknown), _wrong(wrong)):
        ward.uplink.send(GATEWAY, payload, at=ward.clock())
    ward.uplink.send("home-9999", _batch(unknown), at=ward.clock())
    for number in range(rows - 4):
        ward.uplink.send(GATEWAY, f"garbage {number}".encode(), at=ward.clock())
    await _settle(ward)


async def send(ward: Ward, one: Reading) -> None:
    """From the home, through ingest."""
    ward.uplink.send(GATEWAY, _batch(one), at=ward.clock())
    await _settle(ward)


async def _settle(ward: Ward) -> None:
    ingest = ward.ingest
    while not ward.uplink.queue.empty():
        await ingest.take(await ward.uplink.messages(100, 0))


async def assign(unit: Unit, address: str, patient: UUID, since: datetime = _SINCE, *, shared: bool = False) -> None:
    """From then on the meter is the patient's."""
    await unit.homes.assign(
        Assignment(named("assignment", address, patient, since), address, patient, since, shared=shared)
    )


def _batch(one: Reading) -> bytes:
    return ReadingsBatch(readings=(one,)).model_dump_json(by_alias=True).encode()


def _wrong(body: dict[str, object]) -> bytes:
    return json.dumps({"schema": 1, "readings": [body]}).encode()
