"""What gateways answer: replies to commands, and the configuration they report to have.

A meter that was paired, from here or by a technician on the spot, becomes a meter of the home: it is registered, and
the wanted configuration holds it from then on, until its gateway says that it was unpaired.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from hearthline_backend.events import Event
from hearthline_backend.remote.desk import add_meter, drop_meter
from hearthline_backend.storage.records.homes import Gateway, Sensor
from hearthline_backend.storage.records.remote import Asked
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.uplink.port import Message
from hearthline_protocol import topics
from hearthline_protocol.commands import CommandReply
from hearthline_protocol.configuration import MeterWanted, ReportedConfiguration

log = structlog.get_logger(__name__)
M = TypeVar("M", bound=BaseModel)

_UNKNOWN_DEVICE: Final = "meter"


async def keep_answers(unit: Unit, said: Sequence[tuple[str, Message]], now: datetime) -> tuple[list[Event], set[str]]:
    """Keep replies and reports. Returns what changed, and the gateways whose configuration is not the newest."""
    enrolled = await unit.homes.gateways_named({gateway for gateway, _ in said})
    events: list[Event] = []
    behind: set[str] = set()
    for name, message in said:
        gateway = enrolled.get(name)
        if gateway is None or not message.payload:
            continue
        take = _reply if message.topic == topics.command_replies(name) else _report
        news, late = await take(unit, gateway, message, now)
        if late:
            behind.add(name)
        if news:
            events.append(Event("gateway", now, gateway=name))
    return events, behind


def _read(model: type[M], gateway: str, message: Message) -> M | None:
    try:
        return model.model_validate_json(message.payload)
    except ValidationError as error:
        log.warning("answer_unreadable", gateway=gateway, what=model.__name__, problems=error.error_count())
        return None


async def _reply(unit: Unit, gateway: Gateway, message: Message, now: datetime) -> tuple[bool, bool]:
    reply = _read(CommandReply, gateway.name, message)
    asked = None if reply is None else await unit.remote.answered(gateway.name, reply, now)
    if asked is None:
        return False, False
    if asked.state == "done" and asked.work.get("do") == "pair":
        meter = MeterWanted(address=asked.work["address"], model=asked.work["model"])
        return True, await _take_in(unit, gateway, meter, asked, now)
    if asked.state == "done" and asked.work.get("do") == "unpair":
        return True, await drop_meter(unit, gateway.name, asked.work["address"], asked.asked_by, now)
    return True, False


async def _take_in(unit: Unit, gateway: Gateway, meter: MeterWanted, asked: Asked, now: datetime) -> bool:
    device = await _device_as_scanned(unit, gateway.name, meter.address)
    await register(unit, gateway, meter, device, now)
    return await add_meter(unit, gateway.name, meter, asked.asked_by, now)


async def _device_as_scanned(unit: Unit, gateway: str, address: str) -> str | None:
    for earlier in await unit.remote.latest(gateway, 20):
        for one in earlier.reply.found if earlier.reply is not None else ():
            if one.address == address:
                return one.device
    return None


async def _report(unit: Unit, gateway: Gateway, message: Message, now: datetime) -> tuple[bool, bool]:
    reported = _read(ReportedConfiguration, gateway.name, message)
    if reported is None:
        return False, False
    news = await unit.remote.report(gateway.name, reported, now)
    for meter in reported.meters:
        if meter.origin == "paired":
            wanted = MeterWanted(address=meter.address, model=meter.model)
            await register(unit, gateway, wanted, meter.device, now)
            await add_meter(unit, gateway.name, wanted, None, now)
    wanted_now = await unit.remote.wanted(gateway.name)
    late = wanted_now is not None and (reported.revision is None or reported.revision < wanted_now.revision)
    return news, late


async def register(unit: Unit, gateway: Gateway, meter: MeterWanted, device: str | None, now: datetime) -> None:
    """Make a meter one of this home's. One of another organisation stays where it is: that is for people to settle."""
    known = (await unit.homes.sensors_at([meter.address])).get(meter.address)
    if known is None:
        await unit.homes.add_sensor(Sensor(meter.address, gateway.name, meter.model, device or _UNKNOWN_DEVICE, now))
    elif known.gateway != gateway.name:
        organisations = await unit.homes.organisations_of([known.gateway])
        if organisations.get(known.gateway) == gateway.organisation_id:
            await unit.homes.move_sensor(meter.address, gateway.name, now)
        else:
            log.error("meter_of_another_organisation", gateway=gateway.name, meter=meter.address)


def is_answer(topic: str, gateway: str) -> bool:
    """Whether a topic is one of those that answer us."""
    return topic in (topics.command_replies(gateway), topics.config_reported(gateway))
