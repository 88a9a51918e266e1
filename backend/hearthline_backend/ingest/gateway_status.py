"""What gateways say about themselves: kept with the gateway for the technician's view."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from pydantic import ValidationError

from hearthline_backend.events import Event
from hearthline_backend.ingest.refusal import Reason
from hearthline_backend.storage.records.homes import Gateway
from hearthline_backend.storage.records.quarantine import Refusal
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.uplink.port import Message
from hearthline_protocol.messages import GatewayStatus

_ONE_ROW: Final = sha256(b"status").hexdigest()
"""Every status that cannot be taken counts in one row per gateway and reason, since each differs in its time."""
_HEAD_BYTES: Final = 4096


async def keep_statuses(unit: Unit, said: Sequence[tuple[str, Message]], now: datetime) -> list[Event]:
    """Keep what each gateway said, the newest last; a stranger's is counted. Returns what changed."""
    enrolled = await unit.homes.gateways_named({gateway for gateway, _ in said})
    events: list[Event] = []
    for name, message in said:
        status = await _read(unit, name, message)
        if status is None:
            continue
        gateway = enrolled.get(name)
        if gateway is None:
            text = "a gateway of this name reports its status and is not enrolled; enrol it, or take its account away"
            await _count(unit, name, message, Reason.UNKNOWN_GATEWAY, text)
            continue
        content = _content(gateway, status)
        if await _keep(unit, gateway, status, content, now, retained=message.retained):
            events.append(Event("gateway", now, gateway=name))
        enrolled[name] = replace(gateway, status=content)
    return events


def _content(gateway: Gateway, status: GatewayStatus) -> dict[str, Any]:
    """What to keep. A last will says only that the gateway is gone: how everything was stays as it was last told."""
    if status.state == "offline" and status.version is None and gateway.status is not None:
        return {**gateway.status, "state": "offline", "sent_time": None}
    return status.model_dump(mode="json", by_alias=True)


async def _keep(
    unit: Unit, gateway: Gateway, status: GatewayStatus, content: dict[str, Any], now: datetime, *, retained: bool
) -> bool:
    if retained and content == gateway.status:
        return False  # the broker repeats at our start what we knew
    at = min(status.sent_time or now, now) if retained else now
    heard = status.state == "online" and not retained  # else it is the broker who speaks
    return await unit.homes.report(gateway.name, content, at, heard=heard)


async def _read(unit: Unit, name: str, message: Message) -> GatewayStatus | None:
    if not message.payload:
        return None  # a retained status that was cleared
    try:
        return GatewayStatus.model_validate_json(message.payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        await _count(unit, name, message, Reason.BAD_STATUS, f"status {where}: {first['msg']}")
        return None


async def _count(unit: Unit, name: str, message: Message, reason: Reason, text: str) -> None:
    # Rejected also where the gateway may yet be enrolled: a status is worth nothing once the next one is there.
    await unit.quarantine.put(
        Refusal(
            gateway=name,
            status="rejected",
            reason=reason.value,
            message=text,
            payload=message.payload[:_HEAD_BYTES],
            received_at=message.received_at,
            whole_sha256=_ONE_ROW,
            whole_bytes=len(message.payload),
        )
    )
